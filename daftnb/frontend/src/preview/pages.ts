// Rows that have come, in blocks of a hundred, the least recently used let go; and which to ask for next.
import { MOST_COLUMNS } from "../limits.ts";
import type { Part } from "./arrow.ts";

export const BLOCK = 100;
const AHEAD = 2; // blocks asked for in the direction of travel, before they are seen
const MOST_BYTES = 48_000_000;

export interface Wanted {
  start: number;
  count: number;
  columns: number[];
}

/** What of the rows is in sight. */
export interface Sight {
  first: number;
  last: number;
  columns: readonly number[];
  /** Whether the rows were last moved through downwards. */
  forward: boolean;
}

interface Block {
  parts: Map<number, Part[]>;
  bytes: number;
}

export class Pages {
  readonly #blocks = new Map<number, Block>(); // in the order of use: the last was used last
  #bytes = 0;
  readonly #most: number;

  constructor(most = MOST_BYTES) {
    this.#most = most;
  }

  get size(): number {
    return this.#blocks.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  clear(): void {
    this.#blocks.clear();
    this.#bytes = 0;
  }

  /** Keep what came; it may reach over several blocks, or fill a part of one. */
  add(parts: ReadonlyMap<number, Part>, bytes: number): void {
    const [first] = parts.values();
    if (first === undefined) return;
    const last = Math.floor((first.start + Math.max(1, first.count) - 1) / BLOCK);
    const each = bytes / (last - Math.floor(first.start / BLOCK) + 1);
    for (let number = Math.floor(first.start / BLOCK); number <= last; number++) {
      const block = this.#blocks.get(number) ?? { parts: new Map<number, Part[]>(), bytes: 0 };
      for (const [column, part] of parts) {
        const known = block.parts.get(column);
        if (known) known.push(part);
        else block.parts.set(column, [part]);
      }
      block.bytes += each;
      this.#bytes += each;
      this.#touch(number, block);
    }
    for (const [number, block] of this.#blocks) {
      if (this.#bytes <= this.#most || this.#blocks.size <= 1 || number === last) break;
      this.#blocks.delete(number);
      this.#bytes -= block.bytes;
    }
  }

  /** The part that has a row of a column, if it has come. */
  part(row: number, column: number): Part | null {
    const parts = this.#blocks.get(Math.floor(row / BLOCK))?.parts.get(column);
    if (parts === undefined) return null;
    for (const part of parts) if (row >= part.start && row < part.start + part.count) return part;
    return null;
  }

  /** Mark blocks as used. */
  use(first: number, last: number): void {
    for (let number = Math.floor(first / BLOCK); number <= Math.floor(last / BLOCK); number++) {
      const block = this.#blocks.get(number);
      if (block) this.#touch(number, block);
    }
  }

  /**
   * Return what to ask for of the rows `first` to `last` (inclusive) of these columns. Null: all of it is here or on
   * its way (`asked` tells that of a row of a column).
   */
  next(
    { first, last, columns, forward }: Sight,
    rows: number,
    asked: (row: number, column: number) => boolean,
  ): Wanted | null {
    const from = Math.floor(first / BLOCK);
    const to = Math.floor(last / BLOCK);
    const order: number[] = [];
    for (let number = from; number <= to; number++) order.push(number);
    if (!forward) order.reverse();
    return this.#lackedOf(order, rows, columns, asked);
  }

  /** The same for what is not in sight: some ahead in the direction of travel, a little behind. */
  ahead({ first, last, columns, forward }: Sight, rows: number): Wanted | null {
    const from = Math.floor(first / BLOCK);
    const to = Math.floor(last / BLOCK);
    const order: number[] = [];
    for (let ahead = 1; ahead <= AHEAD; ahead++) order.push(forward ? to + ahead : from - ahead);
    order.push(forward ? from - 1 : to + 1);
    return this.#lackedOf(order, rows, columns, () => false);
  }

  #lackedOf(
    blocks: readonly number[],
    rows: number,
    columns: readonly number[],
    asked: (row: number, column: number) => boolean,
  ): Wanted | null {
    for (const number of blocks) {
      const begin = number * BLOCK;
      const end = Math.min(begin + BLOCK, rows);
      if (begin < 0 || begin >= rows) continue;
      // A block may have come in part: ask from the first row that some column lacks.
      let start = end;
      for (const column of columns) start = Math.min(start, this.#lacking(begin, end, column, asked));
      if (start >= end) continue;
      const lacking = columns
        .filter((column) => this.#lacking(start, start + 1, column, asked) === start)
        .slice(0, MOST_COLUMNS);
      return { start, count: end - start, columns: lacking };
    }
    return null;
  }

  /** The first row from `begin` that has not come and is not on its way; `end` where there is none. */
  #lacking(begin: number, end: number, column: number, asked: (row: number, column: number) => boolean): number {
    for (let row = begin; row < end; ) {
      const part = this.part(row, column);
      if (part) row = part.start + part.count;
      else if (asked(row, column)) row += 1;
      else return row;
    }
    return end;
  }

  #touch(number: number, block: Block): void {
    this.#blocks.delete(number);
    this.#blocks.set(number, block);
  }
}
