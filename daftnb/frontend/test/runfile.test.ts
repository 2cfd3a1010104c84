import assert from "node:assert/strict";
import { test } from "node:test";
import { applied, type Difference } from "../src/differences.ts";
import { FileModel, placeOf, withLanes } from "../src/filemodel.ts";
import { shownAt } from "../src/replay.tsx";
import type { Replay, Snapshot } from "../src/snapshot.ts";

test("a difference is exact: new, null, changed, gone, and what it does not touch is shared", () => {
  const old = { a: { x: 1, y: null }, b: { z: [1] }, c: 2 };
  const found = applied(old, [{ d: null }, { a: [{ x: null }, {}, ["y"]] }, ["c"]]);
  assert.deepEqual(found, { a: { x: null }, b: { z: [1] }, d: null });
  assert.equal(found.b, old.b);
  assert.deepEqual(old, { a: { x: 1, y: null }, b: { z: [1] }, c: 2 });
  assert.equal(applied(old, null), old);
});

const replay = (at: number): Replay => ({ from: 0, to: 40, title: "r", moments: [], stops: STOPS, at });
const STOPS = Array.from({ length: 41 }, (_, place) => place);
const changes: (Difference | null)[] = STOPS.map((t) =>
  t === 0 ? [{ now: 0, replay: replay(0) }] : t === 7 ? null : [{ now: t }, { replay: [{ at: t }] }],
);

test("each moment is there, in whatever order it is asked for", () => {
  const model = new FileModel(changes);
  assert.equal((model.get("snapshot") as Snapshot).now, 40);
  for (const place of [3, 40, 0, 17, 16, 33, 3]) assert.equal(model.at(place).now, place);
  assert.equal(model.at(7), model.at(7));
  assert.equal(model.at(7).now, 6);
  assert.equal(model.length, 41);
});

test("a view is told of another moment, and of nothing once it is gone", () => {
  const model = new FileModel(changes);
  let told = 0;
  const hear = () => void told++;
  model.on("change:snapshot", hear);
  model.send({ type: "seek", t: 12.9 });
  assert.deepEqual([told, (model.get("snapshot") as Snapshot).now], [1, 12]);
  model.send({ type: "resync" });
  model.send({ type: "stop", query: "q" });
  assert.equal(told, 1);
  model.off("change:snapshot", hear);
  model.send({ type: "seek", t: 1 });
  assert.equal(told, 1);
});

test("the stop of a time is the last one at or before it", () => {
  assert.deepEqual(
    [-5, 0, 0.9, 1, 2.9998, 40, 99].map((t) => placeOf(STOPS, t)),
    [0, 0, 0, 1, 3, 40, 40],
  );
  assert.equal(shownAt(replay(0), 3.7), 3);
  assert.equal(shownAt({ ...replay(0), stops: null }, 3.7), 3.7);
});

test("of many workers as many are shown as on a live page, in the kernel's order", () => {
  const rows = Object.fromEntries(
    Array.from({ length: 100 }, (_, index) => [`w${index}`, { place: 99 - index, id: `w${index}` }]),
  );
  const snapshot = { now: 0, workers: { listed: 100, first: 0, rows } } as unknown as Snapshot;
  const shown = withLanes(snapshot, 90).workers!;
  assert.equal(shown.first, 60);
  assert.deepEqual(
    Object.values(shown.rows).map((row) => row.place),
    Array.from({ length: 40 }, (_, i) => 60 + i),
  );
  const few = { now: 0, workers: { listed: 2, first: 0, rows: {} } } as unknown as Snapshot;
  assert.equal(withLanes(few, 1), few);
});
