// Bytes.
import { size } from "../../format.ts";
import { type Look, marked, plain, UNREADABLE } from "../cell.ts";
import { cellKind, type Records } from "./kind.ts";

function dumped(value: unknown, bytes: unknown, sniffed: unknown): Look {
  if (typeof value !== "string") return UNREADABLE;
  const length = Number(bytes ?? value.length / 2);
  if (length === 0) return marked("empty", "0 B", "no bytes");
  const what = typeof sniffed === "string" ? `${sniffed}, ` : "";
  return plain(value.length / 2 < length ? `${value}…` : value, "", `${what}${size(length)}`);
}

export const BINARY: Records<"binary"> = {
  binary: cellKind({
    look: (value, part, row) => dumped(value, part.note(row), part.sniffed(row)),
    isCode: true,
    opens: true,
  }),
};
