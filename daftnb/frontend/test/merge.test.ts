import assert from "node:assert/strict";
import { test } from "node:test";
import { mergePatch } from "../src/merge.ts";

// The test cases of RFC 7386, appendix A: original, patch, result.
const CASES: [unknown, unknown, unknown][] = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [
    ["a", "b"],
    ["c", "d"],
    ["c", "d"],
  ],
  [{ a: "b" }, ["c"], ["c"]],
  [{ a: "foo" }, null, null],
  [{ a: "foo" }, "bar", "bar"],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: "b", c: null }, { a: "b" }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

test("RFC 7386, appendix A", () => {
  for (const [original, patch, result] of CASES) assert.deepEqual(mergePatch(original, patch), result);
});

test("what a patch does not touch is shared, and the original is left as it was", () => {
  const original = { a: { x: 1 }, b: { y: 2 } };
  const merged = mergePatch(original, { a: { x: 3 } }) as typeof original;
  assert.equal(merged.b, original.b);
  assert.deepEqual(original, { a: { x: 1 }, b: { y: 2 } });
});
