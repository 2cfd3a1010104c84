// Where rows and columns are. A browser's element has at most some 17 million pixels (Firefox) or 33 million
// (Chromium). Where more rows than that are shown, the scroll bar stands for a share of them, and the place itself is
// kept in rows.
import { RECORDS } from "./kinds/registry.ts";
import type { Column } from "./wire.ts";

export const HIGHEST = 8_000_000; // px

export interface Heights {
  rows: number;
  /** px, of a row. */
  row: number;
  /** px, in which rows are seen. */
  seen: number;
}

export const fullHeight = ({ rows, row }: Heights): number => Math.min(rows * row, HIGHEST);
export const isScaled = ({ rows, row }: Heights): boolean => rows * row > HIGHEST;
/** The highest place, in rows from the top: the last row is at the bottom then. */
export const lastTop = ({ rows, row, seen }: Heights): number => Math.max(0, rows - seen / row);

/** Where the scroll bar is (px) when the view begins at `top` (rows). */
export function pixelsOf(top: number, heights: Heights): number {
  if (!isScaled(heights)) return top * heights.row;
  return (top / lastTop(heights)) * (HIGHEST - heights.seen);
}

export function topOf(pixels: number, heights: Heights): number {
  const top = isScaled(heights) ? (pixels / (HIGHEST - heights.seen)) * lastTop(heights) : pixels / heights.row;
  return Math.max(0, Math.min(lastTop(heights), top));
}

export interface Span {
  /** Indices among the shown columns, the end exclusive. */
  from: number;
  to: number;
}

const MOST_SPARE = 140; // px that a column is given beyond what it needs

/** Widths with what is left of the room given to the columns that can use it (true in `flexible`), evenly. */
export function spread(widths: readonly number[], flexible: readonly boolean[], room: number): number[] {
  const takers = flexible.filter(Boolean).length;
  const spare = Math.max(0, room - widths.reduce((sum, width) => sum + width, 0));
  const each = takers === 0 ? 0 : Math.min(MOST_SPARE, Math.floor(spare / takers));
  return widths.map((width, index) => (flexible[index] ? width + each : width));
}

/** Left edges of the shown columns, px, one more than there are: the last is where they end. */
export function edgesOf(widths: readonly number[]): Float64Array {
  const edges = new Float64Array(widths.length + 1);
  widths.forEach((width, index) => {
    edges[index + 1] = edges[index]! + width;
  });
  return edges;
}

/** The last column whose left edge is at or before `x`. */
export function columnAt(edges: Float64Array, x: number): number {
  let [low, high] = [0, edges.length - 2];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (edges[middle]! <= x) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The columns after the pinned ones that are in sight, and `margin` more on each side. */
export function spanOf(edges: Float64Array, pinned: number, left: number, width: number, margin: number): Span {
  const count = edges.length - 1;
  if (count <= pinned) return { from: pinned, to: pinned };
  const begin = edges[pinned]!;
  const from = columnAt(edges, begin + left);
  const to = columnAt(edges, left + width);
  return { from: Math.max(pinned, from - margin), to: Math.min(count, Math.max(from, to) + 1 + margin) };
}

export const LEAST_WIDTH = 48;
export const MOST_WIDTH = 900;
const HEAD = 50; // px beside a column's name: its padding, the sort's sign, the button
const EDGES = 22; // px beside a cell's text
const FONT = '12.5px system-ui, -apple-system, "Segoe UI", sans-serif'; // as in preview.css
let measured = 0;

/** px of a letter of the grid's font, on average. */
function letter(): number {
  if (measured === 0) {
    const pen = typeof document === "undefined" ? null : document.createElement("canvas").getContext("2d");
    if (pen) pen.font = FONT;
    measured = pen ? pen.measureText("0123456789").width / 10 : 7.2;
  }
  return measured;
}

const headWidth = ({ name, type }: Column): number =>
  Math.min(230, Math.max(96, name.length * letter() * 1.04 + HEAD, type.length * letter() * 0.88 + EDGES));

/** Before anything is known but its name and kind. */
export const widthOf = (column: Column): number => Math.round(Math.max(RECORDS[column.kind].width, headWidth(column)));

/** For these texts, in letters; a number is never cut. */
export function widthFor(column: Column, letters: number): number {
  const { isRight, opens } = RECORDS[column.kind];
  const most = isRight ? 460 : opens ? 260 : 300;
  return Math.round(Math.max(headWidth(column), Math.min(most, letters * letter() + EDGES)));
}
