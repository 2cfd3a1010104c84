import assert from "node:assert/strict";
import { test } from "node:test";
import type { Part } from "../src/preview/arrow.ts";
import {
  columnAt,
  edgesOf,
  HIGHEST,
  isScaled,
  lastTop,
  pixelsOf,
  spanOf,
  spread,
  topOf,
} from "../src/preview/geometry.ts";
import { led, ofGrid, rangeOf } from "../src/preview/moves.ts";
import { Pages } from "../src/preview/pages.ts";

const part = (start: number, count: number): Part => ({
  start,
  count,
  value: (row) => row,
  note: () => null,
  sniffed: () => null,
  single: false,
});
const parts = (start: number, count: number, ...columns: number[]) =>
  new Map(columns.map((column) => [column, part(start, count)]));
const never = () => false;
const sight = (first: number, last: number, columns: number[], forward = true) => ({ first, last, columns, forward });

test("rows in sight are asked for a block at a time, then those ahead, then a little behind", () => {
  const pages = new Pages();
  assert.deepEqual(pages.next(sight(195, 215, [0, 1]), 1000, never), { start: 100, count: 100, columns: [0, 1] });
  pages.add(parts(100, 100, 0, 1), 10);
  assert.deepEqual(pages.next(sight(195, 215, [0, 1]), 1000, never), { start: 200, count: 100, columns: [0, 1] });
  pages.add(parts(200, 100, 0), 10);
  assert.deepEqual(pages.next(sight(195, 215, [0, 1]), 1000, never), { start: 200, count: 100, columns: [1] });
  pages.add(parts(200, 100, 1), 10);
  assert.equal(pages.next(sight(195, 215, [0, 1]), 1000, never), null);
  const ahead: number[] = [];
  for (let next = pages.ahead(sight(195, 215, [0, 1]), 1000); next; next = pages.ahead(sight(195, 215, [0, 1]), 1000)) {
    ahead.push(next.start);
    pages.add(parts(next.start, next.count, ...next.columns), 10);
  }
  assert.deepEqual(ahead, [300, 400, 0]);
  assert.equal(pages.ahead(sight(0, 15, [0, 1], false), 50), null);
});

test("the last block is as long as the rows are; what is on its way is not asked for again", () => {
  const pages = new Pages();
  assert.deepEqual(pages.next(sight(990, 999, [7]), 1042, never), { start: 900, count: 100, columns: [7] });
  assert.deepEqual(pages.next(sight(1030, 1041, [7]), 1042, never), { start: 1000, count: 42, columns: [7] });
  assert.equal(
    pages.next(sight(1030, 1041, [7]), 1042, (row) => row >= 1000),
    null,
  );
});

test("fewer rows than were asked for: the rest is asked for", () => {
  const pages = new Pages();
  pages.add(parts(0, 30, 0), 10);
  assert.deepEqual(pages.next(sight(0, 20, [0]), 100, never), { start: 30, count: 70, columns: [0] });
  pages.add(parts(30, 70, 0), 10);
  assert.equal(pages.next(sight(0, 20, [0]), 100, never), null);
  assert.deepEqual(
    [pages.part(29, 0)!.start, pages.part(30, 0)!.start, pages.part(100, 0), pages.part(5, 1)],
    [0, 30, null, null],
  );
});

test("no more than 64 columns are asked for at once", () => {
  const columns = Array.from({ length: 200 }, (_, index) => index);
  assert.equal(new Pages().next(sight(0, 10, columns), 100, never)!.columns.length, 64);
});

test("what was used longest ago is let go; what is in sight stays", () => {
  const pages = new Pages(1000);
  for (let block = 0; block < 8; block++) pages.add(parts(block * 100, 100, 0), 100);
  pages.use(0, 50);
  for (let block = 8; block < 14; block++) pages.add(parts(block * 100, 100, 0), 100);
  assert.ok(pages.bytes <= 1000);
  assert.equal(pages.size, 10);
  assert.ok(pages.part(0, 0), "it was used");
  assert.equal(pages.part(100, 0), null);
  pages.add(parts(5000, 500, 0), 5000); // one answer is larger than all that may be kept
  assert.ok(pages.part(5499, 0));
});

test("of more rows than a page can be high, each has its place, and the last is at the end", () => {
  const small = { rows: 1000, row: 26, seen: 390 };
  assert.equal(isScaled(small), false);
  assert.equal(pixelsOf(10, small), 260);
  assert.equal(topOf(260, small), 10);
  for (const rows of [10_000_000, 4_000_000_000]) {
    const large = { rows, row: 26, seen: 390 };
    assert.ok(isScaled(large));
    assert.equal(topOf(HIGHEST - 390, large), lastTop(large));
    assert.equal(lastTop(large), rows - 15);
    assert.ok(Math.abs(pixelsOf(topOf(1_234_567, large), large) - 1_234_567) < 1e-3);
  }
  assert.equal(lastTop({ rows: 3, row: 26, seen: 390 }), 0);
});

test("columns in sight, beside those that are pinned", () => {
  const edges = edgesOf([100, 100, 100, 100, 100]);
  assert.deepEqual([...edges], [0, 100, 200, 300, 400, 500]);
  assert.deepEqual(
    [0, 99, 100, 499, 900].map((x) => columnAt(edges, x)),
    [0, 0, 1, 4, 4],
  );
  assert.deepEqual(spanOf(edges, 0, 0, 150, 0), { from: 0, to: 2 });
  assert.deepEqual(spanOf(edges, 1, 150, 250, 0), { from: 2, to: 5 });
  assert.deepEqual(spanOf(edges, 1, 0, 250, 1), { from: 1, to: 4 });
  assert.deepEqual(spanOf(edges, 5, 0, 250, 1), { from: 5, to: 5 });
});

test("room that is left goes to the columns that can use it, and not too much of it", () => {
  assert.deepEqual(spread([100, 100, 100], [true, false, true], 400), [150, 100, 150]);
  assert.deepEqual(spread([100, 100], [true, false], 4000), [240, 100]);
  assert.deepEqual(spread([100, 100], [true, true], 150), [100, 100]);
  assert.deepEqual(spread([100], [false], 150), [100]);
});

test("where keys lead", () => {
  const bounds = { rows: 100, columns: 5, page: 10 };
  const go = (key: string, control = false, row = 50, column = 2) =>
    Object.values(led(key, control, { row, column }, bounds) ?? {});
  assert.deepEqual(go("ArrowDown"), [51, 2]);
  assert.deepEqual(go("ArrowDown", true), [99, 2]);
  assert.deepEqual(go("PageUp"), [40, 2]);
  assert.deepEqual(go("PageUp", false, 3), [0, 2]);
  assert.deepEqual(go("PageDown", false, 95), [99, 2]);
  assert.deepEqual(go("Home"), [50, 0]);
  assert.deepEqual(go("End", true), [99, 4]);
  assert.deepEqual(go("ArrowUp", false, 0), [-1, 2]);
  assert.deepEqual(go("ArrowUp", false, -1), [-1, 2]);
  assert.deepEqual(go("PageDown", false, -1), [9, 2]);
  assert.deepEqual(go("ArrowRight", false, 0, 4), [0, 4]);
  assert.deepEqual(go("x"), []);
  assert.deepEqual(Object.values(led("End", true, { row: -1, column: 0 }, { rows: 0, columns: 2, page: 1 })!), [-1, 1]);
});

test("keys in the grid that the notebook must not take, and those that are the notebook's", () => {
  const key = (name: string, more: object = {}) =>
    ofGrid({ key: name, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });
  assert.deepEqual(
    [key("d"), key("0"), key("Escape"), key("c", { ctrlKey: true }), key("Home", { metaKey: true })],
    [true, true, true, true, true],
  );
  assert.deepEqual(
    [key("Tab"), key("s", { ctrlKey: true }), key("F5"), key("ArrowLeft", { altKey: true, ctrlKey: true })],
    [false, false, false, false],
  );
});

test("a range from any corner to any other", () => {
  assert.deepEqual(rangeOf({ row: 5, column: 3 }, { row: 2, column: 4 }), { start: 2, count: 4, from: 3, to: 4 });
  assert.deepEqual(rangeOf({ row: 5, column: 3 }, { row: -1, column: 3 }), { start: 0, count: 6, from: 3, to: 3 });
});
