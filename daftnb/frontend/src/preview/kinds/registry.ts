// All kinds of cells. The compiler compares their names with those that the kernel sends (wire.ts).
import type { Part } from "../arrow.ts";
import { type Look, NULL } from "../cell.ts";
import type { Kind } from "../wire.ts";
import { BINARY } from "./binary.ts";
import { BOOLEANS } from "./booleans.ts";
import { FILES } from "./files.ts";
import type { Records } from "./kind.ts";
import { NESTED } from "./nested.ts";
import { NUMBERS } from "./numbers.ts";
import { OBJECTS } from "./objects.ts";
import { OTHERS } from "./others.ts";
import { PICTURES } from "./pictures.ts";
import { STRINGS } from "./strings.ts";
import { TEMPORAL } from "./temporal.ts";
import { TENSORS } from "./tensors.ts";

export const RECORDS: Records<Kind> = {
  ...OTHERS,
  ...BOOLEANS,
  ...NUMBERS,
  ...STRINGS,
  ...BINARY,
  ...TEMPORAL,
  ...PICTURES,
  ...TENSORS,
  ...NESTED,
  ...FILES,
  ...OBJECTS,
};

/** How the value of a row looks. */
export function lookOf(kind: Kind, part: Part, row: number): Look {
  const value = part.value(row);
  if (value === null || value === undefined) return NULL;
  return RECORDS[kind].look(value, part, row);
}
