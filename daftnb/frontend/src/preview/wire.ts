// What the kernel and the page say to each other about a preview; mirror of daftnb/widgets/preview.py. What does not
// fit is dropped: nothing of a message is used that was not looked at here.

export const KINDS = [
  "integer", "float", "boolean", "decimal", "string", "binary", "date", "time", "timestamp", "duration", "interval", "list", "struct",
  "map", "tensor", "embedding", "image", "file", "python", "null", "other",
] as const;
export type Kind = (typeof KINDS)[number];
const STATES = ["lazy", "running", "ready", "failed", "lost"] as const;
export type TableState = (typeof STATES)[number];

export interface Column {
  name: string;
  type: string;
  kind: Kind;
}

export interface Table {
  name: string | null;
  rows: number | null;
  columns: Column[];
  state: TableState;
  runner: "native" | "ray";
  plan: string | null;
  note: string | null;
  /** The rows come from a limit: the first so many. */
  limit: number | null;
}

export interface Sort {
  column: number;
  descending: boolean;
}
export type ValueOperator = "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "contains" | "starts" | "ends";
export type PlainOperator = "null" | "not_null" | "nan" | "true" | "false";
export type Filter = { column: number; op: ValueOperator; value: string } | { column: number; op: PlainOperator };

export type Request =
  | { type: "page"; view: number; start: number; count: number; columns: number[] }
  | { type: "view"; sort: Sort[]; filters: Filter[]; search: string; columns: number[] }
  | { type: "summary"; view: number; columns: number[] }
  | { type: "cell"; view: number; row: number; column: number }
  | { type: "copy"; view: number; start: number; count: number; columns: number[] }
  | { type: "code" }
  | { type: "download"; format: "csv" | "parquet" }
  | { type: "run" };

export type Value = number | string;
export interface Figure {
  value: Value;
  how: How;
}
export type How = "exact" | "approximate" | "sampled";
export interface Summary {
  rows?: Figure;
  nulls?: Figure;
  distinct?: Figure;
  min?: Figure;
  max?: Figure;
  mean?: Figure;
  quantiles?: { q: number; value: Value; how: How }[];
  histogram?: { edges: Value[]; counts: number[]; how: How };
  top?: { values: { value: string; count: number }[]; how: How };
  note?: string;
}

export type Node =
  | { t: "null" }
  | { t: "text" | "number" | "bool" | "other"; v: string }
  | { t: "list"; n: number; items: Node[] }
  | { t: "struct" | "map"; n: number; items: [string, Node][] };

export type Cell =
  | { kind: "text"; text: string; length: number }
  | { kind: "tree"; tree: Node }
  | { kind: "image"; text: string; image: Uint8Array }
  | { kind: "bytes"; text: string; length: number; sniffed: string | null }
  | { kind: "link"; text: string; href: string | null };

export type Answer =
  | { type: "error"; id: number; message: string }
  | { type: "page"; id: number; view: number; start: number; count: number; columns: number[]; rows: number; data: Uint8Array }
  | { type: "view"; id: number; view: number; state: "running" | "ready" | "cancelled"; rows: number }
  | { type: "summary"; id: number; view: number; columns: Map<number, Summary>; done: boolean }
  | { type: "cell"; id: number; cell: Cell }
  | { type: "copy"; id: number; text: string }
  | { type: "code"; id: number; python: string; sql: string | null }
  | { type: "download"; id: number; part: number; of: number; name: string; mime: string; data: Uint8Array }
  | { type: "run"; id: number; state: "running" | "ready" | "cancelled"; elapsed: number; text: string };

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isValue = (value: unknown): value is Value => isText(value) || isNumber(value);
const textOrNull = (value: unknown): string | null => (isText(value) ? value : null);
const HOWS: readonly unknown[] = ["exact", "approximate", "sampled"];
const isHow = (value: unknown): value is How => HOWS.includes(value);
const DEEPEST = 64;

/** A buffer as the widget's model gives it: its own bytes, from a place that numbers of 8 bytes can be read at. */
export function bytesOf(buffer: unknown): Uint8Array | null {
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer);
  if (!ArrayBuffer.isView(buffer)) return null;
  const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  return bytes.byteOffset % 8 === 0 && bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}

export function asTable(value: unknown): Table | null {
  if (!isFields(value) || !Array.isArray(value.columns) || !STATES.includes(value.state as TableState)) return null;
  const columns: Column[] = [];
  for (const column of value.columns as unknown[]) {
    if (!isFields(column) || !isText(column.name) || !isText(column.type)) return null;
    const kind = KINDS.find((known) => known === column.kind) ?? "other";
    columns.push({ name: column.name, type: column.type, kind });
  }
  return {
    name: textOrNull(value.name), rows: isCount(value.rows) ? value.rows : null, columns, state: value.state as TableState,
    runner: value.runner === "ray" ? "ray" : "native", plan: textOrNull(value.plan), note: textOrNull(value.note),
    limit: isCount(value.limit) ? value.limit : null,
  };
}

const asFigure = (value: unknown): Figure | undefined =>
  isFields(value) && isValue(value.value) && isHow(value.how) ? { value: value.value, how: value.how } : undefined;

function asSummary(value: Fields): Summary {
  const summary: Summary = {};
  for (const name of ["rows", "nulls", "distinct", "min", "max", "mean"] as const) {
    const figure = asFigure(value[name]);
    if (figure) summary[name] = figure;
  }
  const { quantiles, histogram, top, note } = value;
  if (Array.isArray(quantiles)) {
    summary.quantiles = quantiles.filter((one): one is { q: number; value: Value; how: How } => isFields(one) && isNumber(one.q) && isValue(one.value) && isHow(one.how));
  }
  if (isFields(histogram) && isHow(histogram.how)) {
    const { edges, counts } = histogram;
    if (Array.isArray(edges) && Array.isArray(counts) && edges.every(isValue) && counts.every(isCount) && counts.length > 0 && edges.length === counts.length + 1) {
      summary.histogram = { edges, counts, how: histogram.how };
    }
  }
  if (isFields(top) && isHow(top.how) && Array.isArray(top.values)) {
    const values = top.values.filter((one): one is { value: string; count: number } => isFields(one) && isText(one.value) && isCount(one.count));
    summary.top = { values, how: top.how };
  }
  if (isText(note)) summary.note = note;
  return summary;
}

export function asNode(value: unknown, depth = 0): Node | null {
  if (!isFields(value) || depth > DEEPEST) return null;
  const { t, v, n, items } = value;
  if (t === "null") return { t };
  if (t === "text" || t === "number" || t === "bool" || t === "other") return isText(v) ? { t, v } : null;
  if (!isCount(n) || !Array.isArray(items)) return null;
  if (t === "list") {
    const nodes = items.map((item) => asNode(item, depth + 1));
    return nodes.every((node) => node !== null) ? { t, n, items: nodes } : null;
  }
  if (t !== "struct" && t !== "map") return null;
  const pairs: [string, Node][] = [];
  for (const item of items as unknown[]) {
    const node = Array.isArray(item) && item.length === 2 && isText(item[0]) ? asNode(item[1], depth + 1) : null;
    if (node === null) return null;
    pairs.push([(item as [string])[0], node]);
  }
  return { t, n, items: pairs };
}

function asCell(value: Fields, data: Uint8Array | null): Cell | null {
  const { kind, text, length } = value;
  if (kind === "text") return isText(text) && isCount(length) ? { kind, text, length } : null;
  if (kind === "bytes") return isText(text) && isCount(length) ? { kind, text, length, sniffed: textOrNull(value.sniffed) } : null;
  if (kind === "link") return isText(text) ? { kind, text, href: safeLink(value.href) } : null;
  if (kind === "image") return data ? { kind, text: textOrNull(text) ?? "", image: data } : null;
  const tree = kind === "tree" ? asNode(value.tree) : null;
  return tree ? { kind: "tree", tree } : null;
}

/** An address that may be opened: http and https only. */
export function safeLink(value: unknown): string | null {
  if (!isText(value)) return null;
  try {
    const url = new URL(value);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null; // it is no address
  }
}

export function asAnswer(value: unknown, buffers: unknown): Answer | null {
  if (!isFields(value) || !isCount(value.id)) return null;
  const { type, id } = value;
  const data = Array.isArray(buffers) || ArrayBuffer.isView(buffers) ? bytesOf((buffers as unknown[])[0]) : null;
  switch (type) {
    case "error":
      return isText(value.message) ? { type, id, message: value.message } : null;
    case "page": {
      const { view, start, count, columns, rows } = value;
      if (!isCount(view) || !isCount(start) || !isCount(count) || !isCount(rows) || !Array.isArray(columns) || !columns.every(isCount) || !data) return null;
      return { type, id, view, start, count, columns, rows, data };
    }
    case "view": {
      const { view, state } = value;
      if (!isCount(view) || (state !== "running" && state !== "ready" && state !== "cancelled")) return null;
      if (state === "ready" && !isCount(value.rows)) return null;
      return { type, id, view, state, rows: isCount(value.rows) ? value.rows : 0 };
    }
    case "summary": {
      if (!isCount(value.view) || !isFields(value.columns)) return null;
      const columns = new Map<number, Summary>();
      for (const [column, summary] of Object.entries(value.columns)) {
        if (/^\d{1,9}$/.test(column) && isFields(summary)) columns.set(Number(column), asSummary(summary));
      }
      return { type, id, view: value.view, columns, done: value.done === true };
    }
    case "cell": {
      const cell = asCell(value, data);
      return cell && { type, id, cell };
    }
    case "copy":
      return isText(value.text) ? { type, id, text: value.text } : null;
    case "code":
      return isText(value.python) ? { type, id, python: value.python, sql: textOrNull(value.sql) } : null;
    case "download": {
      const { part, of, name, mime } = value;
      return isCount(part) && isCount(of) && isText(name) && isText(mime) && data ? { type, id, part, of, name, mime, data } : null;
    }
    case "run":
      if (value.state !== "running" && value.state !== "ready" && value.state !== "cancelled") return null;
      return { type, id, state: value.state, elapsed: isNumber(value.elapsed) ? value.elapsed : 0, text: textOrNull(value.text) ?? "" };
  }
  return null;
}
