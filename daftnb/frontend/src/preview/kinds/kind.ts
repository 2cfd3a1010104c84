// What a kind of cell is: all that is particular to one type of value, on the page. daftnb/previews/kinds/ is its twin.
import type { Part } from "../arrow.ts";
import { type Look, textual } from "../cell.ts";
import type { Thumbnails } from "../thumbnails.ts";
import type { Kind, PlainOperator, ValueOperator } from "../wire.ts";

export type Operator = ValueOperator | PlainOperator;

/** What is shown in place of a cell's text. */
export interface Drawing {
  element: Element;
  /** What it is called. */
  label: string;
}

/** Only what differs from any value's own is given to `cellKind`. */
export interface CellKind {
  /** How the value of a row looks; the part has what is told beside it. A value of another type is UNREADABLE. */
  look(value: unknown, part: Part, row: number): Look;
  /** A look without a mark that is no text. */
  draw: ((look: Look, thumbnails: Thumbnails) => Drawing) | null;
  /** A number: it stands at the right, and is never cut. */
  isRight: boolean;
  /** Its text has the look of code rather than of prose. */
  isCode: boolean;
  /** A click shows more of it. */
  opens: boolean;
  /** Its rows are higher. */
  isTall: boolean;
  /** All that its values can be is null. */
  isNothing: boolean;
  /** How a filter may compare, beside null and not null; the most usual first. */
  operators: readonly Operator[];
  /** A value as it may be typed into a filter. */
  example: string;
  /** px, before anything is known of its values. */
  width: number;
}

export type Records<Names extends Kind> = Record<Names, CellKind>;

const ANY: CellKind = {
  look: (value, part, row) => textual(value, part.note(row), false),
  draw: null,
  isRight: false,
  isCode: false,
  opens: false,
  isTall: false,
  isNothing: false,
  operators: [],
  example: "",
  width: 210,
};

export const cellKind = (own: Partial<CellKind>): CellKind => ({ ...ANY, ...own });

export const OF_ORDER: readonly Operator[] = ["eq", "ne", "lt", "le", "gt", "ge"];
export const OF_TEXT: readonly Operator[] = ["contains", "eq", "ne", "starts", "ends", "lt", "le", "gt", "ge"];
