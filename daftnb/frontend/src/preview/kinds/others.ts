// Columns of nulls alone, and of types that no kind is made for.
import { cellKind, type Records } from "./kind.ts";

export const OTHERS: Records<"null" | "other"> = {
  null: cellKind({ isNothing: true, width: 80 }),
  other: cellKind({}),
};
