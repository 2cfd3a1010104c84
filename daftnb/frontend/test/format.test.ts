import assert from "node:assert/strict";
import { test } from "node:test";
import * as format from "../src/format.ts";

test("numbers as people read them", () => {
  assert.deepEqual([null, 0, 1, 999, 1000, 999_600, 5_980_000].map(format.count), [
    "—",
    "0",
    "1",
    "999",
    "1.00 k",
    "1.00 M",
    "5.98 M",
  ]);
  assert.deepEqual([null, 1, 2].map(format.rows), ["—", "1 row", "2 rows"]);
  assert.deepEqual(
    [0, 1, 2].map((value) => format.plural(value, "worker")),
    ["0 workers", "1 worker", "2 workers"],
  );
  assert.deepEqual(
    [1, 2].map((value) => format.plural(value, "query", "queries")),
    ["1 query", "2 queries"],
  );
  assert.deepEqual([null, 0, 512, 61_000_000].map(format.size), ["—", "0 B", "512 B", "61.0 MB"]);
  assert.deepEqual([null, 0.00035, 0.012, 1.25, 59.97, 125, 3720].map(format.duration), [
    "—",
    "350 µs",
    "12.0 ms",
    "1.25 s",
    "1 min 00 s",
    "2 min 05 s",
    "1 h 02 min",
  ]);
  assert.deepEqual([null, 0, 1.25, 2.8, 11, 56.04].map(format.ratio), ["—", "0", "1.25", "2.8", "11", "56"]);
  assert.deepEqual([null, 0, 0.001, 0.123].map(format.share), ["", "0 %", "<1 %", "12 %"]);
  assert.deepEqual([-1, 41.2, 125].map(format.ticking), ["0 s", "41 s", "2 min 05 s"]);
});
