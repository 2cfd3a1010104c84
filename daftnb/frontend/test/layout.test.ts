import assert from "node:assert/strict";
import { test } from "node:test";
import type { Operator, Plan } from "../src/frame.ts";
import { CARD, layOut } from "../src/layout.ts";
import { themeOf } from "../src/theme.ts";

function plan(inputs: number[][]): Plan {
  const operators = inputs.map((from, id) => [String(id), { id, inputs: from } as Operator]);
  return { query: "q", number: 1, root: inputs.length - 1, operators: Object.fromEntries(operators), plans: {}, udfs: {} };
}

test("inputs stand above what they feed, and no two cards overlap", () => {
  const placed = layOut(plan([[], [], [0], [1], [2, 3], [4]]));
  for (const { from, to } of placed.edges) {
    assert.ok(placed.places.get(from)!.y + CARD.height <= placed.places.get(to)!.y);
  }
  assert.equal(placed.edges.length, 5);
  const spots = [...placed.places.values()];
  spots.forEach((a, i) =>
    spots.slice(i + 1).forEach((b) =>
      assert.ok(Math.abs(a.x - b.x) >= CARD.width || Math.abs(a.y - b.y) >= CARD.height),
    ),
  );
});

test("two hundred operators are laid out, each once", () => {
  const placed = layOut(plan(Array.from({ length: 200 }, (_, id) => (id < 2 ? [] : id % 7 === 0 ? [id - 1, id - 2] : [id - 1]))));
  assert.equal(new Set(placed.order).size, 200);
});

test("an input that is not in the plan is left out", () => {
  assert.equal(layOut(plan([[], [0, 99]])).edges.length, 1);
});

test("the host says light or dark before the system does", () => {
  const body = (jupyter?: string, ...classes: string[]) =>
    ({ dataset: { jpThemeLight: jupyter }, classList: { contains: (name: string) => classes.includes(name) } }) as unknown as HTMLElement;
  assert.equal(themeOf(body("true"), true), "light");
  assert.equal(themeOf(body("false"), false), "dark");
  assert.equal(themeOf(body(undefined, "vscode-dark"), false), "dark");
  assert.equal(themeOf(body(undefined, "vscode-light"), true), "light");
  assert.equal(themeOf(body(), true), "dark");
});
