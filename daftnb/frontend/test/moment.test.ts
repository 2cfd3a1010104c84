import assert from "node:assert/strict";
import { test } from "node:test";
import { markAt, momentOf, momentWords, nextMark, pointAt, poolAt, stepsWithin, thresholdAt } from "../src/moment.ts";
import { stepOf } from "../src/plot.ts";
import type { Backlog, Snapshot, Worker } from "../src/snapshot.ts";
import { rangeOf } from "../src/window.ts";

const worker = (id: string, facts: Partial<Worker>): Worker => ({
  place: 0,
  id,
  label: id,
  head: false,
  state: "idle",
  slots: 1,
  running: 0,
  finished: 0,
  memory: null,
  since: 100,
  idle_since: null,
  retires_at: null,
  rule: "",
  note: "",
  busy_spans: [],
  started: 100,
  now: [],
  tasks: {},
  usage: null,
  gpus: null,
  gpu_use: null,
  ...facts,
});
const rows = {
  a: worker("a", { state: "busy", tasks: { 0: [1, 5, 1, 102, 104, "finished"] }, now: [[2, 5, 108]] }),
  b: worker("b", { started: 103 }),
  c: worker("c", { state: "retired", started: null, since: 106, busy_spans: [[101, 105]] }),
};
const marks = {
  3: { t: 102, kind: "request", label: "", text: "asked Ray for 2 × 1 CPU" },
  4: { t: 105, kind: "arrival", label: "", text: "b came" },
  5: { t: 105.04, kind: "hold", label: "", text: "not asked" },
};
const snapshot = {
  seq: 1,
  now: 110,
  session: { runner: "ray", cluster: null, problems: {} },
  query: {
    id: "q",
    number: 1,
    runner: "ray",
    state: "running",
    started: 101,
    ended: null,
    elapsed: 9,
    rows: null,
    error: null,
    tasks: null,
    progress: null,
  },
  workers: { total: 2, busy: 1, idle: 1, warm: 0, slots: 2, listed: 3, first: 0, rows },
  backlog: {
    threshold: 1.25,
    ratio: 0.5,
    pending: 1,
    running: 2,
    capacity: 2,
    peak: 9,
    wanted: null,
    granted: 2,
    observed: 2,
    marks,
    points: {
      8: [101, 9, 9, 1, 1, 1, null, 1, 1],
      9: [104, null, 7, 0, 0, 0, 2, 2, 1],
      10: [107, 3, 6, 2, 2, 2, 2, 2, 2],
    },
  },
  decisions: { 3: { ...marks[3], count: 1 }, 4: { ...marks[4], count: 1 }, 5: { ...marks[5], count: 12 } },
} as unknown as Snapshot;
const facts = (t: number | null) => Object.fromEntries(momentOf(snapshot, t, null).facts);

test("a moment is what was so then, of everything", () => {
  assert.deepEqual(facts(102.5), {
    ratio: "9 ↑",
    threshold: "1.25",
    pending: "9",
    running: "1",
    capacity: "1",
    wanted: "—",
    granted: "1",
    observed: "1",
    busy: "2, idle 0",
  });
  assert.deepEqual([facts(104.5).ratio, facts(104.5).busy], ["no workers", "1, idle 2"]);
  assert.deepEqual([facts(109).ratio, facts(109).busy], ["3 ↑", "1, idle 1"]);
  assert.equal(momentOf(snapshot, 108, null).over, true);
});

test("now is what the snapshot says, and a moment outside the range is its edge", () => {
  assert.deepEqual(
    [facts(null).ratio, facts(null).pending, facts(null).wanted, facts(null).busy],
    ["0.5", "1", "—", "1, idle 1"],
  );
  assert.equal(momentOf(snapshot, 1e9, null).t, 110);
  assert.equal(momentOf(snapshot, 0, null).t, 100);
});

test("the threshold is what it was at each moment", () => {
  const backlog = {
    ...snapshot.backlog!,
    threshold: 1000,
    thresholds: { 0: [90, 100], 1: [102.5, 8], 2: [105, null], 3: [106, 1000] },
  } as Backlog;
  const changed = { ...snapshot, backlog };
  const threshold = (t: number | null) => Object.fromEntries(momentOf(changed, t, null).facts).threshold;
  assert.deepEqual([102, 102.5, 105.5, 106, null].map(threshold), ["100", "8", "—", "1000", "1000"]);
  assert.deepEqual(
    [102, 103, 105.5, 107].map((t) => momentOf(changed, t, null).over),
    [false, true, false, false],
  );
  assert.equal(thresholdAt(backlog, 89), null, "before the first that is known");
  const range = rangeOf(changed);
  assert.deepEqual(stepsWithin(backlog, range), {
    points: [
      [100, 100],
      [102.5, 8],
      [105, null],
      [106, 1000],
    ],
    until: 110,
  });
  assert.deepEqual(stepsWithin(backlog, { ...range, to: 104, now: 200 }), {
    points: [
      [100, 100],
      [102.5, 8],
    ],
    until: 104,
  });
  assert.deepEqual(stepsWithin(snapshot.backlog!, range).points, [[100, 1.25]], "a snapshot that has one only");
});

test("between queries nothing runs, whatever the last sample said", () => {
  const over = { ...snapshot, query: { ...snapshot.query!, state: "finished", ended: 108, elapsed: 7 } } as Snapshot;
  for (const backlog of [snapshot.backlog!, { ...snapshot.backlog!, active: false }]) {
    const now = momentOf({ ...over, backlog } as Snapshot, null, null);
    assert.deepEqual(
      now.facts.slice(0, 5).map(([, value]) => value),
      ["—", "1.25", "—", "—", "—"],
    );
    assert.deepEqual([now.over, now.idle], [false, true]);
    assert.match(momentWords(now, rangeOf(over)), /^9\.0 s, nothing runs, ratio —/);
  }
  assert.equal(Object.fromEntries(momentOf(over, 102.5, null).facts).ratio, "9 ↑", "while it ran");
  const others = { ...over, backlog: { ...snapshot.backlog!, active: true } } as Snapshot;
  assert.equal(Object.fromEntries(momentOf(others, null, null).facts).ratio, "0.5", "another query runs");
});

test("the decisions of a moment, the one that is pointed at first", () => {
  const told = (t: number, pointed: string | null = null) => momentOf(snapshot, t, pointed).decisions;
  assert.deepEqual(told(105), [
    ["4", "arrival", "b came"],
    ["5", "hold", "not asked ×12"],
  ]);
  assert.deepEqual(
    told(105, "5").map(([key]) => key),
    ["5", "4"],
  );
  assert.deepEqual(told(103), []);
  assert.equal(
    momentWords(momentOf(snapshot, 102, null), rangeOf(snapshot)).slice(0, 26),
    "1.0 s, ratio 9 ↑, threshol",
  );
});

test("with some of the workers here, how many were busy is not known, but now it is", () => {
  const part = { ...snapshot, workers: { ...snapshot.workers!, listed: 1_000 } };
  assert.equal(poolAt(part, 104), null);
  assert.deepEqual(poolAt(part, Infinity), [1, 1]);
});

test("points and marks by time", () => {
  assert.equal(pointAt(snapshot.backlog!.points, 100.9), null);
  assert.equal(pointAt(snapshot.backlog!.points, 106.9)![0], 104);
  assert.deepEqual([markAt(marks, 104.9, 0.2), markAt(marks, 105.03, 0.2), markAt(marks, 103.5, 1)], ["4", "5", null]);
  assert.deepEqual(
    [nextMark(marks, 102, 1), nextMark(marks, 102, -1), nextMark(marks, 200, -1), nextMark(marks, 200, 1)],
    ["4", null, "5", null],
  );
});

test("an axis counts by 1, 2 or 5", () => {
  assert.deepEqual(
    [stepOf(10, 5), stepOf(61, 4), stepOf(1.44, 4), stepOf(1500, 5), stepOf(1, 1)],
    [2, 20, 0.5, 500, 1],
  );
});
