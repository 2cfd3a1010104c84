// How a value looks in the grid, by its column's kind. What is no ordinary value (null, NaN, infinity, an empty text) is
// told apart by its words and a mark, not by colour alone.
import { size } from "../format.ts";
import type { Part } from "./arrow.ts";
import type { Kind } from "./wire.ts";

export interface Look {
  text: string;
  /** What more there is to say when it is pointed at; empty where the text says all. */
  title: string;
  /** What follows the text, smaller: a length, a size, a norm. */
  note: string;
  /** No ordinary value: shown with a mark of its own. */
  mark: "" | "null" | "nan" | "inf" | "empty" | "no";
  /** It is cut: a click shows all of it. */
  cut?: boolean;
  /** The points of an embedding. */
  points?: ArrayLike<number>;
  /** A thumbnail, PNG. */
  image?: Uint8Array;
}

const plain = (text: string, title = "", note = ""): Look => ({ text, title, note, mark: "" });
const marked = (mark: Look["mark"], text: string, title = "", note = ""): Look => ({ text, title, note, mark });
const NULL = marked("null", "null");
const EMPTY = marked("empty", "empty", "a text of no characters");
/** Of a row that has not come; and of one whose part says nothing of it. */
const UNREADABLE = marked("no", "?", "this value did not come as expected");

/** Whole numbers with their digits in groups of three. */
export const grouped = (value: bigint | number | string): string => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");

/** As many digits as it takes to tell a float from its neighbours. */
export function exact(value: number, single: boolean): string {
  if (Object.is(value, -0)) return "-0.0";
  if (!single || !Number.isFinite(value)) return Number.isInteger(value) && Math.abs(value) < 1e15 ? value.toFixed(1) : String(value);
  for (let digits = 1; digits < 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return Number.isInteger(value) && Math.abs(value) < 1e15 ? value.toFixed(1) : text;
  }
  return String(Number(value.toPrecision(9)));
}

const DIGITS = 6;

/** A float in six digits, or a few more where it is large. */
export function short(value: number, single = false): string {
  const full = exact(value, single);
  const magnitude = Math.abs(value);
  if (full.length <= DIGITS + 1 || value === 0) return full;
  if (magnitude >= 1e-4 && magnitude < 1e9) {
    // Never less than one place after the point: "123457.0" would say that it is whole.
    const whole = Math.max(1, Math.floor(Math.log10(magnitude)) + 1);
    const text = String(Number(value.toPrecision(Math.max(DIGITS, whole + 1))));
    return text.includes(".") ? text : `${text}.0`;
  }
  return value.toExponential(4).replace(/\.?0+e/, "e").replace("e+", "e");
}

const PICTURES = 0x2400; // signs for control characters

/** A text on one line: line ends, tabs, control characters and what turns the direction of reading around, as signs. */
export const onOneLine = (text: string): string =>
  text.replace(/\r\n|[\u0000-\u001f\u007f\u2028-\u202e\u2066-\u2069]/g, (found) =>
    /[\u202a-\u202e\u2066-\u2069]/.test(found) ? `‹U+${found.charCodeAt(0).toString(16).toUpperCase()}›` : found === "\r\n" || found === "\n" || found === "\u2028" || found === "\u2029" ? "⏎" : found === "\t" ? "⇥" : found === "\u007f" ? "␡" : String.fromCharCode(PICTURES + found.charCodeAt(0)));

/** A column's name, where it stands in words. */
export const nameWords = (name: string): string => (name === "" ? "no name" : onOneLine(name));

/** `whole`: the length is that of all of the text, not the least that it has. */
function textual(value: unknown, length: unknown, whole: boolean): Look {
  if (typeof value !== "string") return UNREADABLE;
  if (value === "" && !length) return EMPTY;
  const line = onOneLine(value);
  const cut = typeof length === "bigint" || typeof length === "number";
  return cut ? { ...plain(`${line}…`, "", whole ? `${grouped(length as bigint)} chars` : ""), cut } : plain(line, line.length > 24 ? value : "");
}

function floating(value: unknown, single: boolean): Look {
  if (typeof value !== "number") return UNREADABLE;
  if (Number.isNaN(value)) return marked("nan", "NaN", "not a number");
  if (!Number.isFinite(value)) return marked("inf", value > 0 ? "+∞" : "−∞", value > 0 ? "infinity" : "minus infinity");
  const text = short(value, single);
  const full = exact(value, single);
  return plain(text, full === text ? "" : full);
}

function binary(value: unknown, bytes: unknown, sniffed: unknown): Look {
  if (typeof value !== "string") return UNREADABLE;
  const length = Number(bytes ?? value.length / 2);
  if (length === 0) return marked("empty", "0 B", "no bytes");
  const kind = typeof sniffed === "string" ? `${sniffed}, ` : "";
  return plain(value.length / 2 < length ? `${value}…` : value, "", `${kind}${size(length)}`);
}

const isNumbers = (value: unknown): value is ArrayLike<number> =>
  value instanceof Float32Array || (Array.isArray(value) && value.every((one) => typeof one === "number"));

export function lookOf(kind: Kind, part: Part, row: number): Look {
  const value = part.value(row);
  if (value === null || value === undefined) return NULL;
  const note = part.note(row);
  switch (kind) {
    case "integer": {
      if (typeof value !== "bigint" && typeof value !== "number") return UNREADABLE;
      const text = String(value);
      return plain(text, text.length > 4 ? grouped(text) : "");
    }
    case "float":
      return floating(value, part.single);
    case "boolean":
      return typeof value === "boolean" ? plain(value ? "✓ true" : "✗ false") : UNREADABLE;
    case "binary":
      return binary(value, note, part.sniffed(row));
    case "embedding":
      if (!isNumbers(value)) return UNREADABLE;
      return { ...plain("", "", typeof note === "number" ? `‖ ${Number.isNaN(note) ? "NaN" : short(note)}` : ""), points: value };
    case "image":
      if (!(value instanceof Uint8Array)) return UNREADABLE;
      return { ...plain("", "", typeof note === "string" ? note : ""), image: value };
    default:
      return textual(value, note, kind === "string");
  }
}

/** How long it is in the grid, in letters. */
export const lettersOf = ({ text, note, points, image }: Look): number =>
  points ? 15 + note.length : image ? 10 + note.length : text.length + (note ? 2 + note.length * 0.85 : 0);

export const isRight = (kind: Kind): boolean => kind === "integer" || kind === "float" || kind === "decimal";

/** Kinds of which a click shows more. */
export const OPENS: ReadonlySet<Kind> = new Set<Kind>(["list", "struct", "map", "tensor", "embedding", "image", "binary", "file", "python"]);

/** Texts of which a cell shows the look of code rather than of prose. */
export const isCode = (kind: Kind): boolean => kind === "list" || kind === "struct" || kind === "map" || kind === "tensor" || kind === "binary";
