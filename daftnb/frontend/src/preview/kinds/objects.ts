// Python's own objects.
import { cellKind, type Records } from "./kind.ts";

export const OBJECTS: Records<"python"> = {
  python: cellKind({ opens: true }),
};
