import assert from "node:assert/strict";
import { test } from "node:test";
import { fits } from "../src/fit.ts";

const ten = (text: string): number => 10 * text.length;

test("texts fit beside one another with their gaps, and what is empty takes no room", () => {
  assert.equal(fits(100, 8, ["1234", ten], ["1234", ten]), true);
  // 98 of 100 pixels do not fit: letters may be wider than they are measured.
  assert.equal(fits(100, 8, ["12345", ten], ["1234", ten]), false);
  assert.equal(fits(100, 8, ["123456789", ten], ["", ten]), true);
  assert.equal(fits(100, 8, ["", ten]), true);
});
