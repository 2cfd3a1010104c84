// Keys of the grid: where they lead, and which are not the notebook's.
import type { Place } from "./store.ts";

export interface Bounds {
  rows: number;
  columns: number;
  /** Rows in sight: how far a page goes. */
  page: number;
}

/** Where a key leads from a place (row −1: the header); null: it leads nowhere. */
export function led(
  key: string,
  control: boolean,
  { row, column }: Place,
  { rows, columns, page }: Bounds,
): Place | null {
  const [lastRow, lastColumn] = [rows - 1, columns - 1];
  const within = (to: Place): Place => ({
    row: Math.max(-1, Math.min(lastRow, to.row)),
    column: Math.max(0, Math.min(lastColumn, to.column)),
  });
  const inRows = (to: number) => (row < 0 ? to : Math.max(0, to)); // by leaps one does not get into the header
  switch (key) {
    case "ArrowUp":
      return within({ row: control ? inRows(-1) : row - 1, column });
    case "ArrowDown":
      return within({ row: control ? lastRow : row + 1, column });
    case "ArrowLeft":
      return within({ row, column: control ? 0 : column - 1 });
    case "ArrowRight":
      return within({ row, column: control ? lastColumn : column + 1 });
    case "Home":
      return within({ row: control ? inRows(0) : row, column: 0 });
    case "End":
      return within({ row: control ? lastRow : row, column: lastColumn });
    case "PageUp":
      return within({ row: inRows(row - page), column });
    case "PageDown":
      return within({ row: row + page, column });
    default:
      return null;
  }
}

const WITH_CONTROL = new Set(["c", "C", "a", "A", "Home", "End", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"]);
const WITH_ALT = new Set(["ArrowLeft", "ArrowRight"]);

/** Keys pressed in the grid that are its own: besides moving, no single letter may reach the notebook's commands. */
export function ofGrid({
  key,
  ctrlKey,
  metaKey,
  altKey,
  shiftKey,
}: {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}): boolean {
  if (altKey) return !ctrlKey && !metaKey && WITH_ALT.has(key);
  if (ctrlKey || metaKey) return WITH_CONTROL.has(key);
  if (key === "F10") return shiftKey;
  return key.length === 1 || key === "Escape" || key === "ContextMenu" || key === "Delete" || key === "Backspace";
}

export interface Range {
  start: number;
  count: number;
  /** Indices among the shown columns, both inclusive. */
  from: number;
  to: number;
}

export const rangeOf = (a: Place, b: Place): Range => ({
  start: Math.max(0, Math.min(a.row, b.row)),
  count: Math.max(a.row, b.row) - Math.max(0, Math.min(a.row, b.row)) + 1,
  from: Math.min(a.column, b.column),
  to: Math.max(a.column, b.column),
});
