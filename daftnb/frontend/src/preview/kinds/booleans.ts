// True and false.
import { plain, UNREADABLE } from "../cell.ts";
import { cellKind, type Records } from "./kind.ts";

export const BOOLEANS: Records<"boolean"> = {
  boolean: cellKind({
    look: (value) => (typeof value === "boolean" ? plain(value ? "✓ true" : "✗ false") : UNREADABLE),
    operators: ["true", "false"],
    width: 88,
  }),
};
