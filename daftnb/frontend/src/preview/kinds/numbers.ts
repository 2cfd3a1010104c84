// Whole numbers, floats and decimals.
import { exact, grouped, type Look, marked, plain, short, UNREADABLE } from "../cell.ts";
import { cellKind, OF_ORDER, type Records } from "./kind.ts";

function whole(value: unknown): Look {
  if (typeof value !== "bigint" && typeof value !== "number") return UNREADABLE;
  const text = String(value);
  return plain(text, text.length > 4 ? grouped(text) : "");
}

function floating(value: unknown, single: boolean): Look {
  if (typeof value !== "number") return UNREADABLE;
  if (Number.isNaN(value)) return marked("nan", "NaN", "not a number");
  if (!Number.isFinite(value)) return marked("inf", value > 0 ? "+∞" : "−∞", value > 0 ? "infinity" : "minus infinity");
  const text = short(value, single);
  const full = exact(value, single);
  return plain(text, full === text ? "" : full);
}

export const NUMBERS: Records<"integer" | "float" | "decimal"> = {
  integer: cellKind({ look: whole, isRight: true, operators: OF_ORDER, example: "42", width: 92 }),
  float: cellKind({
    look: (value, part) => floating(value, part.single),
    isRight: true,
    operators: ["ge", "le", "gt", "lt", "eq", "ne", "nan"],
    example: "0.5",
    width: 98,
  }),
  decimal: cellKind({ isRight: true, operators: OF_ORDER, example: "9.99", width: 110 }),
};
