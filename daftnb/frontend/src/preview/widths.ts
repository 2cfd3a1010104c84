// How wide the columns are, px: a person's choice, else what the rows that have come need.
import { signal } from "@preact/signals";
import type { Part } from "./arrow.ts";
import { lettersOf } from "./cell.ts";
import { LEAST_WIDTH, MOST_WIDTH, widthFor, widthOf } from "./geometry.ts";
import { lookOf, RECORDS } from "./kinds/registry.ts";
import type { Pages } from "./pages.ts";
import type { Column } from "./wire.ts";

const MEASURED = 100; // rows that a column's width is made for

export class Widths {
  /** What a person chose; a new object also when a column has grown. */
  readonly chosen = signal<ReadonlyMap<number, number>>(new Map());
  readonly #fits = new Map<number, number>();
  #column: (column: number) => Column | undefined;
  #pages: Pages;

  constructor(column: (column: number) => Column | undefined, pages: Pages) {
    this.#column = column;
    this.#pages = pages;
  }

  /** The columns are others. */
  clear(): void {
    this.chosen.value = new Map();
    this.#fits.clear();
  }

  of(column: number): number {
    const known = this.chosen.value.get(column) ?? this.#fits.get(column);
    if (known !== undefined) return known;
    const about = this.#column(column);
    const fits = about ? widthOf(about) : LEAST_WIDTH;
    this.#fits.set(column, fits);
    return fits;
  }

  set(column: number, pixels: number): void {
    this.chosen.value = new Map(this.chosen.peek()).set(
      column,
      Math.round(Math.max(LEAST_WIDTH, Math.min(MOST_WIDTH, pixels))),
    );
  }

  /** As wide as the rows from `first` on need, as far as they have come. */
  fit(column: number, first: number): number {
    const about = this.#column(column)!;
    let most = 0;
    for (let row = first; row < first + MEASURED; row++) {
      const part = this.#pages.part(row, column);
      if (part !== null) most = Math.max(most, lettersOf(lookOf(about.kind, part, row)));
    }
    return most === 0 ? widthOf(about) : widthFor(about, most);
  }

  /** The first rows have come: columns that have no width yet are made for them. */
  begin(columns: readonly number[]): void {
    for (const column of columns) if (!this.#fits.has(column)) this.#fits.set(column, this.fit(column, 0));
  }

  /** A number is never cut: its column grows with what comes. */
  grow(parts: ReadonlyMap<number, Part>): void {
    let grown = false;
    for (const [column, part] of parts) {
      const about = this.#column(column)!;
      if (!RECORDS[about.kind].isRight) continue;
      let most = 0;
      for (let row = part.start; row < part.start + part.count; row++)
        most = Math.max(most, lettersOf(lookOf(about.kind, part, row)));
      const needed = widthFor(about, most);
      if (needed <= this.of(column) || this.chosen.peek().has(column)) continue;
      this.#fits.set(column, needed);
      grown = true;
    }
    if (grown) this.chosen.value = new Map(this.chosen.peek());
  }
}
