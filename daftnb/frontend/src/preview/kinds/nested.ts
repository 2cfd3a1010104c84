// Lists, structs and maps.
import { cellKind, type Records } from "./kind.ts";

export const NESTED: Records<"list" | "struct" | "map"> = {
  list: cellKind({ isCode: true, opens: true }),
  struct: cellKind({ isCode: true, opens: true }),
  map: cellKind({ isCode: true, opens: true }),
};
