// The view that a person has made of the table, and how it is said to the kernel: a closed grammar, checked there too.
import { MOST_FILTERS, MOST_SORTS } from "../limits.ts";
import { nameWords, onOneLine } from "./cell.ts";
import type { Operator } from "./kinds/kind.ts";
import { RECORDS } from "./kinds/registry.ts";
import type { Column, Filter, Kind, Request, Sort, ValueOperator } from "./wire.ts";

export interface View {
  sort: Sort[];
  filters: Filter[];
  search: string;
  /** The columns that are shown, in order; the pinned ones come first. */
  columns: number[];
  /** How many of them, from the left, are pinned. */
  pinned: number;
}

export const whole = (columns: number): View => ({
  sort: [],
  filters: [],
  search: "",
  columns: Array.from({ length: columns }, (_, column) => column),
  pinned: 0,
});

/** Whether two views have the same rows in the same order. */
export const sameRows = (a: View, b: View): boolean =>
  sameKept(a, b) && JSON.stringify(a.sort) === JSON.stringify(b.sort);

/** Whether two views keep the same rows, in whatever order. */
export const sameKept = (a: View, b: View): boolean =>
  a.search === b.search && JSON.stringify(a.filters) === JSON.stringify(b.filters);

export const sameColumns = (a: View, b: View): boolean =>
  a.columns.length === b.columns.length && a.columns.every((column, index) => column === b.columns[index]);

export const asRequest = ({ sort, filters, search, columns }: View): Request => ({
  type: "view",
  sort: sort.map(({ column, descending }) => ({ column, descending })),
  filters: filters.map((filter) => ({ ...filter })),
  search,
  columns: [...columns],
});

function spliced<T>(list: readonly T[], at: number, drop: number, ...items: T[]): T[] {
  const copy = [...list];
  copy.splice(at, drop, ...items);
  return copy;
}

/** Ascending, descending, none; with `more`, beside the columns that it is sorted by already. */
export function sorted(view: View, column: number, more: boolean): View {
  const at = view.sort.findIndex((one) => one.column === column);
  const before = view.sort[at];
  const next: Sort | null =
    before === undefined ? { column, descending: false } : before.descending ? null : { column, descending: true };
  if (!more) return { ...view, sort: next ? [next] : [] };
  if (at < 0) return view.sort.length >= MOST_SORTS || !next ? view : { ...view, sort: [...view.sort, next] };
  return { ...view, sort: next ? spliced(view.sort, at, 1, next) : spliced(view.sort, at, 1) };
}

/** Sorted by this column alone, or (null) not by it. */
export function sortedBy(view: View, column: number, descending: boolean | null): View {
  return {
    ...view,
    sort: descending === null ? view.sort.filter((one) => one.column !== column) : [{ column, descending }],
  };
}

export const filtered = (view: View, filter: Filter): View =>
  view.filters.length >= MOST_FILTERS ? view : { ...view, filters: [...view.filters, filter] };

export const unfiltered = (view: View, at: number): View => ({ ...view, filters: spliced(view.filters, at, 1) });

export function hidden(view: View, column: number): View {
  const at = view.columns.indexOf(column);
  if (at < 0 || view.columns.length === 1) return view;
  return { ...view, columns: spliced(view.columns, at, 1), pinned: at < view.pinned ? view.pinned - 1 : view.pinned };
}

/** Shown again, where it stands in the table: after the nearest column before it that is shown. */
export function shown(view: View, column: number): View {
  if (view.columns.includes(column)) return view;
  const rest = view.columns.slice(view.pinned);
  const before = rest.reduce(
    (nearest, other, index) => (other < column && (nearest < 0 || other > rest[nearest]!) ? index : nearest),
    -1,
  );
  return { ...view, columns: spliced(view.columns, view.pinned + before + 1, 0, column) };
}

/** To another place among those shown; over the edge of the pinned ones it does not go. */
export function moved(view: View, column: number, to: number): View {
  const from = view.columns.indexOf(column);
  if (from < 0) return view;
  const [least, most] = from < view.pinned ? [0, view.pinned - 1] : [view.pinned, view.columns.length - 1];
  const target = Math.max(least, Math.min(most, to));
  return target === from ? view : { ...view, columns: spliced(spliced(view.columns, from, 1), target, 0, column) };
}

export function pinned(view: View, column: number, pin: boolean): View {
  const at = view.columns.indexOf(column);
  if (at < 0 || at < view.pinned === pin) return view;
  const rest = spliced(view.columns, at, 1);
  return pin
    ? { ...view, columns: spliced(rest, view.pinned, 0, column), pinned: view.pinned + 1 }
    : { ...view, columns: spliced(rest, view.pinned - 1, 0, column), pinned: view.pinned - 1 };
}

const OF_NULLS: Operator[] = ["null", "not_null"];

/** The operators that a column of a kind has, the most usual first. */
export function operatorsOf(kind: Kind): Operator[] {
  const { operators, isNothing } = RECORDS[kind];
  return isNothing ? [] : [...operators, ...OF_NULLS];
}

const PLAIN: readonly string[] = ["null", "not_null", "nan", "true", "false"];
export const needsValue = (op: Operator): op is ValueOperator => !PLAIN.includes(op);

export const OPERATOR_WORDS: Record<Operator, string> = {
  eq: "=",
  ne: "≠",
  lt: "<",
  le: "≤",
  gt: ">",
  ge: "≥",
  contains: "contains",
  starts: "starts with",
  ends: "ends with",
  null: "is null",
  not_null: "is not null",
  nan: "is NaN",
  true: "is true",
  false: "is false",
};

export function filterWords(filter: Filter, columns: readonly Column[]): string {
  const name = nameWords(columns[filter.column]?.name ?? "");
  return "value" in filter
    ? `${name} ${OPERATOR_WORDS[filter.op]} ${filter.value === "" ? '""' : onOneLine(filter.value)}`
    : `${name} ${OPERATOR_WORDS[filter.op]}`;
}
