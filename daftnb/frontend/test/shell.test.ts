import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { differing, sorted } from "../src/history.tsx";
import { ours } from "../src/keys.ts";
import { moment } from "../src/replay.tsx";
import type { Past, Replay, SettingRow } from "../src/snapshot.ts";
import { type Model, Store } from "../src/store.ts";

const past = (number: number, more: Partial<Past> = {}): Past => ({
  number,
  id: `q${number}`,
  name: null,
  runner: "ray",
  state: "finished",
  started: 0,
  elapsed: number,
  rows: null,
  tasks: null,
  peak_ratio: null,
  workers_from: null,
  workers_to: null,
  node_seconds: null,
  settings: null,
  error: null,
  ...more,
});

test("the history is sorted by a column; what is not known, or gone after a patch, stays last either way", () => {
  const { peak_ratio: _, ...gone } = past(4);
  const rows = [past(1, { peak_ratio: 2 }), past(2), past(3, { peak_ratio: 9 }), gone as Past];
  const numbers = (down: boolean) => sorted(rows, (row) => row.peak_ratio, down).map((row) => row.number);
  assert.deepEqual(numbers(true).slice(0, 2), [3, 1]);
  assert.deepEqual(numbers(false).slice(0, 2), [1, 3]);
  assert.deepEqual(numbers(true).slice(2).sort(), [2, 4]);
  assert.deepEqual(
    rows.map((row) => row.number),
    [1, 2, 3, 4],
  );
});

test("settings that differ from the default are said", () => {
  const row = (env: string, standard: string, kind: SettingRow["kind"] = "number") => ({
    label: "",
    help: "",
    env,
    kind,
    choices: [],
    default: standard,
    set: "",
    in_effect: null,
    pending: false,
  });
  const settings = {
    number: 1,
    rows: { threshold: row("T", "1.25"), downscale: row("D", "1", "switch"), idle_seconds: row("I", "60") },
  };
  assert.equal(
    differing(past(1, { settings: { T: "1.25", D: "0", I: "5" } }), settings),
    "downscale off, idle seconds 5",
  );
  assert.equal(differing(past(1), settings), "");
});

test("the next and the last decision of a recording", () => {
  const replay: Replay = { from: 0, to: 10, at: 5, title: "", moments: [1, 5, 7], stops: null };
  assert.equal(moment(replay, 5, true), 7);
  assert.equal(moment(replay, 5, false), 1);
  assert.equal(moment(replay, 0, false), null);
  assert.equal(moment(replay, 7, true), null);
});

function open(t: TestContext, snapshot: object) {
  const sent: unknown[] = [];
  let tell: (value: unknown) => void = () => undefined;
  const traits: Record<string, unknown> = {
    snapshot: { seq: 0, now: 100, session: { runner: "ray", cluster: null, problems: {} }, ...snapshot },
    layout: {},
  };
  const model: Model = {
    get: (name) => traits[name],
    on: (event, callback) => {
      if (event === "msg:custom") tell = callback as (value: unknown) => void;
    },
    off: () => undefined,
    send: (content) => void sent.push(content),
  };
  const controller = new AbortController();
  t.after(() => controller.abort());
  const store = new Store(model, controller.signal);
  sent.length = 0;
  return {
    store,
    sent,
    model,
    tell: (value: unknown) => tell(value),
    again: () => new Store({ ...model }, controller.signal),
  };
}

test("what was chosen in a widget is kept when the page draws it anew, with another object for the model", (t) => {
  const page = open(t, {});
  page.store.chosen.tab.value = "Plan";
  page.store.open(true);
  assert.equal(page.again().chosen.tab.value, "Plan");
  assert.equal(page.again().chosen.open.value, true);
  assert.equal(open(t, {}).store.chosen.tab.value, "Overview"); // another widget's
  assert.deepEqual(page.sent, [{ type: "open", open: true }]);
});

test("two marked queries are compared, the earlier first; one is none", (t) => {
  const page = open(t, {});
  page.store.compare([7, 4]);
  page.store.compare([4]);
  assert.deepEqual(page.sent, [
    { type: "compare", a: 4, b: 7 },
    { type: "compare", a: null, b: null },
  ]);
});

test("a refused setting is said at its field until it is taken", (t) => {
  const page = open(t, {});
  page.tell({ type: "setting", name: "threshold", error: "too low" });
  page.tell({ type: "setting", name: "survivors", error: "no" });
  assert.deepEqual(page.store.refused.value, { threshold: "too low", survivors: "no" });
  page.tell({ type: "setting", name: "threshold", error: null });
  page.tell({ type: "setting", name: 7, error: "x" });
  assert.deepEqual(page.store.refused.value, { survivors: "no" });
});

test("a recording's clock stands still, and looking at a query goes to its end", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const replay = { from: 0, to: 200, at: 100, title: "", moments: [] };
  const page = open(t, { replay, queries: { 3: past(3, { started: 50, elapsed: 20 }) } });
  t.mock.timers.tick(5_000);
  assert.equal(page.store.now.value, 100);
  page.store.look(3);
  assert.deepEqual(page.sent, [{ type: "seek", t: 70 }]);
  const live = open(t, {});
  live.store.look(3);
  live.store.look(null);
  assert.deepEqual(live.sent, [
    { type: "look", query: 3 },
    { type: "look", query: null },
  ]);
});

test("keys that a view uses are not the notebook's; the notebook's own still reach it", () => {
  assert.deepEqual(
    ["d", "Enter", "Tab", "Escape"].map((key) => ours(key, false, true)),
    [true, true, true, false],
  );
  assert.deepEqual(
    ["d", "Enter", " ", "ArrowDown", "Tab"].map((key) => ours(key, false, false)),
    [false, true, true, true, false],
  );
  assert.equal(ours("Enter", true, true), false); // Shift+Enter runs the cell
});
