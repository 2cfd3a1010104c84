// How a value looks in the grid, and what looks are made of; which it has, is for its kind to say (kinds/). Words and a
// mark, not colour alone, tell apart what is no ordinary value (null, NaN, infinity, an empty text).

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
  /** How wide what is drawn in place of the text is, in letters. */
  letters?: number;
}

export const plain = (text: string, title = "", note = ""): Look => ({ text, title, note, mark: "" });
export const marked = (mark: Look["mark"], text: string, title = "", note = ""): Look => ({ text, title, note, mark });
export const NULL = marked("null", "null");
const EMPTY = marked("empty", "empty", "a text without characters");
/** Of a row that has not come; and of one whose part says nothing of it. */
export const UNREADABLE = marked("no", "?", "the kernel did not send this value as expected");

/** Whole numbers with their digits in groups of three. */
export const grouped = (value: bigint | number | string): string => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");

/** As many digits as it takes to tell a float from its neighbours. */
export function exact(value: number, single: boolean): string {
  if (Object.is(value, -0)) return "-0.0";
  if (!single || !Number.isFinite(value))
    return Number.isInteger(value) && Math.abs(value) < 1e15 ? value.toFixed(1) : String(value);
  for (let digits = 1; digits < 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value)
      return Number.isInteger(value) && Math.abs(value) < 1e15 ? value.toFixed(1) : text;
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
  return value
    .toExponential(4)
    .replace(/\.?0+e/, "e")
    .replace("e+", "e");
}

const PICTURES = 0x2400; // signs for control characters

/** A text on one line: line ends, tabs, control characters and what turns the direction of reading around, as signs. */
export const onOneLine = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
  text.replace(/\r\n|[\u0000-\u001f\u007f\u2028-\u202e\u2066-\u2069]/g, (found) =>
    /[\u202a-\u202e\u2066-\u2069]/.test(found)
      ? `‹U+${found.charCodeAt(0).toString(16).toUpperCase()}›`
      : found === "\r\n" || found === "\n" || found === "\u2028" || found === "\u2029"
        ? "⏎"
        : found === "\t"
          ? "⇥"
          : found === "\u007f"
            ? "␡"
            : String.fromCharCode(PICTURES + found.charCodeAt(0)),
  );

/** A column's name, where it stands in words. */
export const nameWords = (name: string): string => (name === "" ? "no name" : onOneLine(name));

/** A text, or what travels as one. `whole`: the length is that of all of the text, not the least that it has. */
export function textual(value: unknown, length: unknown, whole: boolean): Look {
  if (typeof value !== "string") return UNREADABLE;
  if (value === "" && !length) return EMPTY;
  const line = onOneLine(value);
  const cut = typeof length === "bigint" || typeof length === "number";
  return cut
    ? { ...plain(`${line}…`, "", whole ? `${grouped(length as bigint)} chars` : ""), cut }
    : plain(line, line.length > 24 ? value : "");
}

/** How long it is in the grid, in letters. */
export const lettersOf = ({ text, note, letters }: Look): number =>
  letters !== undefined ? letters + note.length : text.length + (note ? 2 + note.length * 0.85 : 0);
