import assert from "node:assert/strict";
import { test } from "node:test";
import { type Bar, barAt, barsOf, gapsOf } from "../src/bars.ts";
import { styleOf } from "../src/paint.ts";
import type { Task, Worker } from "../src/snapshot.ts";
import { workerOf } from "./worker.ts";

const task = (id: number, from: number, to: number): Task => [id, 5, 1, from, to, "finished"];
const tracks = (bars: Bar[]) => bars.map((bar) => [bar.task, bar.track]);

test("tasks that run at once are on tracks of their own, one after the other on one", () => {
  const bars = barsOf(
    workerOf({ tasks: { 0: task(1, 0, 4), 1: task(2, 1, 2), 2: task(3, 2, 5) }, now: [[4, 6, 4]] }),
    new Map(),
  );
  assert.deepEqual(tracks(bars), [
    [1, 0],
    [2, 1],
    [3, 1],
    [4, 0],
  ]);
  assert.deepEqual([bars[3]!.outcome, bars[3]!.to, bars[3]!.query], ["running", null, 0]);
});

test("a task stays on its track while older ones leave and it ends", () => {
  const known = new Map<string, number>();
  barsOf(workerOf({ tasks: { 0: task(1, 0, 9) }, now: [[2, 5, 1]] }), known);
  assert.deepEqual(tracks(barsOf(workerOf({ tasks: { 1: task(2, 1, 3) }, now: [[3, 5, 3]] }), known)), [
    [2, 1],
    [3, 0],
  ]);
  assert.equal(known.size, 2, "of tasks that have left nothing is kept");
});

test("more tasks than slots are drawn over others, within the lane", () => {
  const bars = barsOf(workerOf({ slots: 1, tasks: { 0: task(1, 0, 4), 1: task(2, 1, 2) } }), new Map());
  assert.deepEqual(tracks(bars), [
    [1, 0],
    [2, 0],
  ]);
  assert.deepEqual(tracks(barsOf(workerOf({ slots: 0 }), new Map())), []);
});

test("where a worker was busy and no task is known", () => {
  const gaps = (facts: Partial<Worker>) => gapsOf(workerOf(facts), barsOf(workerOf(facts), new Map()), 20, 0.5);
  assert.deepEqual(
    gaps({
      busy_spans: [
        [1, 4],
        [6, null],
      ],
    }),
    [
      [1, 4],
      [6, 20],
    ],
  );
  assert.deepEqual(gaps({ busy_spans: [[1, 10]], tasks: { 0: task(1, 2, 5), 1: task(2, 5.2, 10) } }), [[1, 2]]);
  // Of 9 tasks 2 are kept: until the first of these ended, others may have run beside it.
  assert.deepEqual(gaps({ finished: 9, busy_spans: [[1, 10]], tasks: { 0: task(1, 2, 5), 1: task(2, 4, 10) } }), [
    [1, 5],
  ]);
  assert.deepEqual(gaps({ finished: 2, busy_spans: [[1, 10]], tasks: { 0: task(1, 1, 5), 1: task(2, 4, 10) } }), []);
});

test("what is under the pointer", () => {
  const bars = barsOf(
    workerOf({ tasks: { 0: task(1, 0, 4), 1: task(2, 1, 2), 2: task(3, 6, 7) }, now: [[4, 5, 8]] }),
    new Map(),
  );
  const at = (t: number, track: number) => barAt(bars, t, track, 0.5, 10)?.task;
  assert.deepEqual([at(1.5, 0), at(1.5, 1), at(5.7, 0), at(5.2, 0), at(9, 0), at(10.4, 0)], [1, 2, 3, undefined, 4, 4]);
});

test("eighteen operators in a row look different", () => {
  const styles = Array.from({ length: 18 }, (_, id) => JSON.stringify(styleOf(id + 7)));
  assert.equal(new Set(styles).size, 18);
  assert.deepEqual(styleOf(7), styleOf(7 + 18));
});
