// References to files.
import { cellKind, OF_TEXT, type Records } from "./kind.ts";

export const FILES: Records<"file"> = {
  file: cellKind({ opens: true, operators: OF_TEXT }),
};
