// Written from daftnb/previews/wire.py:
// make changes there, then run python -m daftnb.frontend.write_types

export const KINDS = [
  "integer",
  "float",
  "boolean",
  "decimal",
  "string",
  "binary",
  "date",
  "time",
  "timestamp",
  "duration",
  "interval",
  "list",
  "struct",
  "map",
  "tensor",
  "embedding",
  "image",
  "file",
  "python",
  "null",
  "other",
] as const;
/** What kind of column it is: a page draws each in its own way. */
export type Kind = (typeof KINDS)[number];

export const TABLE_STATES = ["lazy", "running", "ready", "failed", "lost"] as const;
export type TableState = (typeof TABLE_STATES)[number];

/** How far a view or a run is. */
export type Progress = "running" | "ready" | "cancelled";

export const HOWS = ["exact", "approximate", "sampled"] as const;
/** How a figure came about: of all values, of all by a sketch or in floats, of some. */
export type How = (typeof HOWS)[number];

export type ValueOperator = "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "contains" | "starts" | "ends";

export type PlainOperator = "null" | "not_null" | "nan" | "true" | "false";

export type Format = "csv" | "parquet";

/** A column; its number is its place. */
export interface Column {
  name: string;
  type: string;
  kind: Kind;
}

/** What there is to see. */
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

/** Order by a column. */
export interface Sort {
  column: number;
  descending: boolean;
}

/** Keep the rows in which a column compares so with a value. */
export interface ValueFilter {
  column: number;
  op: ValueOperator;
  value: string;
}

/** Keep the rows in which a column is so. */
export interface PlainFilter {
  column: number;
  op: PlainOperator;
}

export type Filter = ValueFilter | PlainFilter;

/** Rows of a view; the answer may have fewer. */
export interface PageRequest {
  type: "page";
  id: number;
  view: number;
  start: number;
  count: number;
  columns: number[];
}

/** How the frame is to be seen; `columns` are those shown, in order. */
export interface ViewRequest {
  type: "view";
  id: number;
  sort: Sort[];
  filters: Filter[];
  search: string;
  columns: number[];
}

/** Summaries of these columns, in several answers. */
export interface SummaryRequest {
  type: "summary";
  id: number;
  view: number;
  columns: number[];
}

/** One cell in full. */
export interface CellRequest {
  type: "cell";
  id: number;
  view: number;
  row: number;
  column: number;
}

/** Rows as tab-separated text. */
export interface CopyRequest {
  type: "copy";
  id: number;
  view: number;
  start: number;
  count: number;
  columns: number[];
}

/** The view as Python and SQL. */
export interface CodeRequest {
  type: "code";
  id: number;
}

/** The view as a file, in several answers. */
export interface DownloadRequest {
  type: "download";
  id: number;
  format: Format;
}

/** Run the frame, or what is lost of it again. */
export interface RunRequest {
  type: "run";
  id: number;
}

/** End the request of this `id`. */
export interface CancelRequest {
  type: "cancel";
  id: number;
}

export type SentRequest =
  | PageRequest
  | ViewRequest
  | SummaryRequest
  | CellRequest
  | CopyRequest
  | CodeRequest
  | DownloadRequest
  | RunRequest
  | CancelRequest;

/** What a page's numbers cannot hold exactly is text. */
export type Value = number | string;

/** A number or a text, with how it came about. */
export interface Figure {
  value: Value;
  how: How;
}

/** The value below which this share of them is. */
export interface Quantile extends Figure {
  q: number;
}

/** Counts between edges, of which there is one more. */
export interface Histogram {
  edges: Value[];
  counts: number[];
  how: How;
}

/** A value, and how often it is there. */
export interface Commonest {
  value: string;
  count: number;
}

/** The commonest values. */
export interface Top {
  values: Commonest[];
  how: How;
}

/** What is known of a column's values; a later part of the answer has more of it. */
export interface Summary {
  rows?: Figure;
  nulls?: Figure;
  distinct?: Figure;
  min?: Figure;
  max?: Figure;
  mean?: Figure;
  quantiles?: Quantile[];
  histogram?: Histogram;
  top?: Top;
  note?: string;
}

/** A null inside a nested value. */
export interface NullNode {
  t: "null";
}

/** A value inside a nested one, as text. */
export interface LeafNode {
  t: "text" | "number" | "bool" | "other";
  v: string;
}

/** A list of `n` values; those that there was room for are in `items`. */
export interface ListNode {
  t: "list";
  n: number;
  items: Node[];
}

/** A struct or map of `n` values with their names; those that there was room for are in `items`. */
export interface PairsNode {
  t: "struct" | "map";
  n: number;
  items: [string, Node][];
}

export type Node = NullNode | LeafNode | ListNode | PairsNode;

/** A text, which may be cut, and its length. */
export interface TextCell {
  kind: "text";
  text: string;
  length: number;
}

/** A nested value, or null. */
export interface TreeCell {
  kind: "tree";
  tree: Node;
}

/** A picture in words; a PNG comes as the buffer. */
export interface ImageCell {
  kind: "image";
  text: string;
}

/** A dump of the first bytes, how many there are, and what they seem to be. */
export interface BytesCell {
  kind: "bytes";
  text: string;
  length: number;
  sniffed: string | null;
}

/** An address; `href` is there where a page may open it. */
export interface LinkCell {
  kind: "link";
  text: string;
  href: string | null;
}

export type SentCell = TextCell | TreeCell | ImageCell | BytesCell | LinkCell;

/** Why a request failed. */
export interface ErrorAnswer {
  type: "error";
  id: number;
  message: string;
}

/** Rows from `start` on, of all `rows` of the view; their values are the buffer. */
export interface PageAnswer {
  type: "page";
  id: number;
  view: number;
  start: number;
  count: number;
  columns: number[];
  rows: number;
}

/** The number of a view that is made. */
export interface ViewAnswer {
  type: "view";
  id: number;
  view: number;
  state: Progress;
  /** Where it is ready. */
  rows?: number;
}

/** A part of the summaries, by the columns' numbers; the last one is `done`. */
export interface SummaryAnswer {
  type: "summary";
  id: number;
  view: number;
  columns: Record<string, Summary>;
  done: boolean;
}

/** The keys of a cell stand beside these. */
export interface CellAnswer {
  type: "cell";
  id: number;
}

/** Rows as text. */
export interface CopyAnswer {
  type: "copy";
  id: number;
  text: string;
}

/** The view as code; null where SQL has none for it. */
export interface CodeAnswer {
  type: "code";
  id: number;
  python: string;
  sql: string | null;
}

/** A part of a file, from 0; its bytes are the buffer. */
export interface DownloadAnswer {
  type: "download";
  id: number;
  part: number;
  of: number;
  name: string;
  mime: string;
}

/** How far a run is. */
export interface RunAnswer {
  type: "run";
  id: number;
  state: Progress;
  elapsed: number;
  text: string;
}

export type SentAnswer =
  | ErrorAnswer
  | PageAnswer
  | ViewAnswer
  | SummaryAnswer
  | CellAnswer
  | CopyAnswer
  | CodeAnswer
  | DownloadAnswer
  | RunAnswer;

// -- written by hand from here on --
// What does not fit is dropped: nothing of a message is used that was not looked at here.

type Unnumbered<T> = T extends unknown ? Omit<T, "id"> : never;
/** What a page asks for; the line to the kernel gives it its number. */
export type Request = Unnumbered<Exclude<SentRequest, CancelRequest>>;

/** A cell with its picture. */
export type Cell = Exclude<SentCell, ImageCell> | (ImageCell & { image: Uint8Array });

/** An answer with the bytes that came beside it. */
export type Answer =
  | ErrorAnswer
  | (PageAnswer & { data: Uint8Array })
  | (ViewAnswer & { rows: number })
  | (Omit<SummaryAnswer, "columns"> & { columns: Map<number, Summary> })
  | (CellAnswer & { cell: Cell })
  | CopyAnswer
  | CodeAnswer
  | (DownloadAnswer & { data: Uint8Array })
  | RunAnswer;

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isValue = (value: unknown): value is Value => isText(value) || isNumber(value);
const textOrNull = (value: unknown): string | null => (isText(value) ? value : null);
const isHow = (value: unknown): value is How => HOWS.includes(value as How);
const DEEPEST = 64;

/** A buffer as the widget's model gives it: its own bytes, from a place that numbers of 8 bytes can be read at. */
export function bytesOf(buffer: unknown): Uint8Array | null {
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer);
  if (!ArrayBuffer.isView(buffer)) return null;
  const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  return bytes.byteOffset % 8 === 0 && bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}

export function asTable(value: unknown): Table | null {
  if (!isFields(value) || !Array.isArray(value.columns) || !TABLE_STATES.includes(value.state as TableState))
    return null;
  const columns: Column[] = [];
  for (const column of value.columns as unknown[]) {
    if (!isFields(column) || !isText(column.name) || !isText(column.type)) return null;
    const kind = KINDS.find((known) => known === column.kind) ?? "other";
    columns.push({ name: column.name, type: column.type, kind });
  }
  return {
    name: textOrNull(value.name),
    rows: isCount(value.rows) ? value.rows : null,
    columns,
    state: value.state as TableState,
    runner: value.runner === "ray" ? "ray" : "native",
    plan: textOrNull(value.plan),
    note: textOrNull(value.note),
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
    summary.quantiles = quantiles.filter(
      (one): one is { q: number; value: Value; how: How } =>
        isFields(one) && isNumber(one.q) && isValue(one.value) && isHow(one.how),
    );
  }
  if (isFields(histogram) && isHow(histogram.how)) {
    const { edges, counts } = histogram;
    if (
      Array.isArray(edges) &&
      Array.isArray(counts) &&
      edges.every(isValue) &&
      counts.every(isCount) &&
      counts.length > 0 &&
      edges.length === counts.length + 1
    ) {
      summary.histogram = { edges, counts, how: histogram.how };
    }
  }
  if (isFields(top) && isHow(top.how) && Array.isArray(top.values)) {
    const values = top.values.filter(
      (one): one is { value: string; count: number } => isFields(one) && isText(one.value) && isCount(one.count),
    );
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
  if (kind === "bytes")
    return isText(text) && isCount(length) ? { kind, text, length, sniffed: textOrNull(value.sniffed) } : null;
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
      if (
        !isCount(view) ||
        !isCount(start) ||
        !isCount(count) ||
        !isCount(rows) ||
        !Array.isArray(columns) ||
        !columns.every(isCount) ||
        !data
      )
        return null;
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
      return isCount(part) && isCount(of) && isText(name) && isText(mime) && data
        ? { type, id, part, of, name, mime, data }
        : null;
    }
    case "run":
      if (value.state !== "running" && value.state !== "ready" && value.state !== "cancelled") return null;
      return {
        type,
        id,
        state: value.state,
        elapsed: isNumber(value.elapsed) ? value.elapsed : 0,
        text: textOrNull(value.text) ?? "",
      };
  }
  return null;
}
