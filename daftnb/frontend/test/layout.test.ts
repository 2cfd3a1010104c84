import assert from "node:assert/strict";
import { test } from "node:test";
import { CARD_WIDTH, layOut, nextTo, type Placed, type Shape, shapeOf, unfolded } from "../src/layout.ts";
import { themeOf } from "../src/theme.ts";

const HIGH = 60;
const shapes = (inputs: number[][]): Shape[] => inputs.map((from, id) => ({ id, inputs: from }));

function check(placed: Placed): void {
  for (const { from, to } of placed.edges) {
    const above = placed.places.get(from)!;
    assert.ok(above.y + above.high <= placed.places.get(to)!.y);
  }
  const spots = [...placed.places.values()];
  for (const [i, a] of spots.entries())
    for (const b of spots.slice(i + 1))
      assert.ok(Math.abs(a.x - b.x) >= CARD_WIDTH || a.y + a.high <= b.y || b.y + b.high <= a.y);
  for (const { x, y, high } of spots)
    assert.ok(x >= 0 && y >= 0 && x + CARD_WIDTH <= placed.width && y + high <= placed.height);
}

const JOIN = shapes([[], [], [0], [1], [2, 3], [4]]);

test("inputs stand above what they feed, and no two cards overlap", () => {
  const placed = layOut(JOIN, HIGH);
  check(placed);
  assert.equal(placed.edges.length, 5);
});

test("a plan of any size: deep, wide, and where one feeds several", () => {
  const several = (_: unknown, id: number) => (id < 2 ? [] : id % 7 === 0 ? [id - 1, id - 2] : [id - 1]);
  const pair = (_: unknown, id: number) =>
    id < 2 ? [] : [id - 1 - (id % 2), id - 2 - (id % 2)].filter((input) => input >= 0);
  const tree = (_: unknown, id: number) => [2 * id + 1, 2 * id + 2].filter((input) => input < 1000);
  for (const [count, inputs] of [
    [200, several],
    [1000, several],
    [300, pair],
    [1000, tree],
    [1000, (_: unknown, id: number) => (id ? [id - 1] : [])],
  ] as const) {
    const placed = layOut(shapes(Array.from({ length: count }, inputs)), HIGH);
    assert.equal(new Set(placed.order).size, count);
    check(placed);
  }
});

test("a card may be higher than the others, in a small plan and in a large one", () => {
  for (const count of [6, 300]) {
    const higher = Array.from({ length: count }, (_, id) => ({
      id,
      inputs: id ? [id - 1] : [],
      more: id % 3 ? 0 : 34,
    }));
    const placed = layOut(higher, HIGH);
    check(placed);
    assert.deepEqual([placed.places.get(3)!.high, placed.places.get(4)!.high], [HIGH + 34, HIGH]);
    assert.equal(placed.height, layOut(shapes(higher.map(({ inputs }) => inputs)), HIGH).height + (34 * count) / 3);
  }
  assert.notEqual(shapeOf([{ id: 1, inputs: [] }]), shapeOf([{ id: 1, inputs: [], more: 34 }]));
});

test("an input that is not in the plan is left out", () => {
  assert.equal(layOut(shapes([[], [0, 99]]), HIGH).edges.length, 1);
});

test("what is above a collapsed operator is hidden and counted, unless another one shows it", () => {
  const ids = (collapsed: number[]) => {
    const { shown, hidden } = unfolded(JOIN, new Set(collapsed));
    return [shown.map((node) => node.id), [...hidden]];
  };
  assert.deepEqual(ids([]), [[0, 1, 2, 3, 4, 5], []]);
  assert.deepEqual(ids([2]), [[1, 2, 3, 4, 5], [[2, 1]]]);
  assert.deepEqual(ids([4, 2]), [[4, 5], [[4, 4]]]);
  const shared = shapes([[], [0], [0], [1, 2]]);
  assert.deepEqual(
    unfolded(shared, new Set([1])).shown.map((node) => node.id),
    [0, 1, 2, 3],
  );
});

test("the arrow keys lead to the next operator in their direction", () => {
  const placed = layOut(JOIN, HIGH);
  const [left, right] = placed.order as [number, number];
  assert.equal(nextTo(placed, left, "ArrowRight"), right);
  assert.equal(nextTo(placed, right, "ArrowLeft"), left);
  assert.equal(nextTo(placed, left, "ArrowDown"), left + 2);
  assert.equal(nextTo(placed, 4, "ArrowDown"), 5);
  assert.equal(nextTo(placed, 5, "ArrowDown"), null);
  assert.equal(nextTo(placed, 5, "ArrowUp"), 4);
});

test("the host says light or dark before the system does", () => {
  const body = (jupyter?: string, ...classes: string[]) =>
    ({
      dataset: { jpThemeLight: jupyter },
      classList: { contains: (name: string) => classes.includes(name) },
    }) as unknown as HTMLElement;
  assert.equal(themeOf(body("true"), true), "light");
  assert.equal(themeOf(body("false"), false), "dark");
  assert.equal(themeOf(body(undefined, "vscode-dark"), false), "dark");
  assert.equal(themeOf(body(undefined, "vscode-light"), true), "light");
  assert.equal(themeOf(body(), true), "dark");
});
