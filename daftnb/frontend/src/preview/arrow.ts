// A page of rows as it comes: an uncompressed Arrow stream of one record batch, whose fields are named v<c>, n<c> and
// s<c> for column c.
import { tableFromIPC } from "@uwdata/flechette";

/** A column's part of a page: values, and what is told beside them (lengths, norms, sizes; sniffed types). */
export interface Part {
  start: number;
  count: number;
  value(row: number): unknown;
  note(row: number): unknown;
  sniffed(row: number): unknown;
  /** How floats are written: 4 bytes hold 7 digits, 8 hold 15. */
  single: boolean;
}

const nothing = (): null => null;

interface Read {
  at(index: number): unknown;
  length: number;
  type: { typeId: number; precision?: number };
}
const FLOAT = 3; // Arrow's number of the type
const SINGLE = 1; // its precision of 4 bytes
const BINARY: readonly number[] = [4, 19];

/** The parts of a page that begins at row `start`, by column. Throws on what is no such stream. */
export function partsOf(data: Uint8Array, start: number, columns: readonly number[]): Map<number, Part> {
  const table = tableFromIPC(data, { useBigInt: true });
  const parts = new Map<number, Part>();
  const reader = (name: string): Read | null => (table.getChild(name) as unknown as Read | undefined) ?? null;
  const at = (read: Read | null) => (read === null ? nothing : (row: number) => read.at(row - start));
  for (const column of columns) {
    const values = reader(`v${column}`);
    if (values === null) continue;
    let value = at(values);
    if (BINARY.includes(values.type.typeId)) {
      const read = value;
      const known = new Map<number, unknown>(); // the same picture is the same object whenever it is asked for
      value = (row) => {
        if (!known.has(row)) known.set(row, read(row));
        return known.get(row);
      };
    }
    const single = values.type.typeId === FLOAT && values.type.precision === SINGLE;
    parts.set(column, {
      start,
      count: values.length,
      value,
      note: at(reader(`n${column}`)),
      sniffed: at(reader(`s${column}`)),
      single,
    });
  }
  return parts;
}
