// What is known of a column, in words; each number with how it is known.
import { grouped, onOneLine, short } from "./cell.ts";
import type { Figure, How, Summary, Value } from "./wire.ts";

export const HOW_WORDS: Record<How, string> = { exact: "exact", approximate: "approximate", sampled: "from a sample" };

const sign = (how: How): string => (how === "exact" ? "" : "≈ ");

export const valueWords = (value: Value): string =>
  typeof value === "string"
    ? /^-?\d{5,}$/.test(value)
      ? grouped(value)
      : value
    : Number.isInteger(value)
      ? grouped(value)
      : short(value);

/** The share of a column's rows that are null; null where it is not known. */
export function nullShare(summary: Summary | undefined, rows: number): number | null {
  const nulls = summary?.nulls?.value;
  const all = Number(summary?.rows?.value ?? rows);
  return nulls === undefined || !(all > 0) ? null : Math.min(1, Number(nulls) / all);
}

export function percent(share: number): string {
  if (share === 0 || share === 1) return `${share * 100} %`;
  return share < 0.01 ? "<1 %" : share > 0.99 ? ">99 %" : `${Math.round(share * 100)} %`;
}

const LONGEST = 12;

/** In few letters. */
function brief(value: Value): string {
  const text = onOneLine(valueWords(value));
  if (text.length <= LONGEST) return text;
  return /^-?[\d,.]+$/.test(text) ? short(Number(value)) : `${text.slice(0, LONGEST - 1)}…`;
}

/** The line under a column's picture. */
export function caption(summary: Summary | undefined, rows: number): string {
  if (summary === undefined) return "";
  const said: string[] = [];
  const { min, max, distinct, histogram } = summary;
  if (histogram && min && max) said.push(`${sign(min.how)}${brief(min.value)} – ${brief(max.value)}`);
  else if (distinct) said.push(`${sign(distinct.how)}${valueWords(distinct.value)} distinct`);
  const share = nullShare(summary, rows);
  if (share) said.push(`${percent(share)} null`);
  return said.join(" · ");
}

export interface Told {
  name: string;
  words: string;
  how: How;
}

const QUANTILE_NAMES = new Map([
  [0.25, "25 %"],
  [0.5, "median"],
  [0.75, "75 %"],
]);

/** All statistics, for the column's panel. */
export function told(summary: Summary, rows: number): Told[] {
  const list: Told[] = [];
  const add = (name: string, figure: Figure | undefined, more = "") => {
    if (figure) list.push({ name, words: `${onOneLine(valueWords(figure.value))}${more}`, how: figure.how });
  };
  add("rows", summary.rows);
  const share = nullShare(summary, rows);
  add("nulls", summary.nulls, share ? ` (${percent(share)})` : "");
  add("distinct", summary.distinct);
  add("least", summary.min);
  for (const { q, value, how } of [...(summary.quantiles ?? [])].sort((a, b) => a.q - b.q)) {
    if (q > 0 && q < 1)
      list.push({ name: QUANTILE_NAMES.get(q) ?? `${+(q * 100).toFixed(1)} %`, words: valueWords(value), how });
  }
  add("greatest", summary.max);
  add("mean", summary.mean);
  return list;
}
