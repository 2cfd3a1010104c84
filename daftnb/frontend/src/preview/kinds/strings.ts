// Texts.
import { textual } from "../cell.ts";
import { cellKind, OF_TEXT, type Records } from "./kind.ts";

export const STRINGS: Records<"string"> = {
  string: cellKind({
    look: (value, part, row) => textual(value, part.note(row), true),
    operators: OF_TEXT,
    example: "text",
    width: 170,
  }),
};
