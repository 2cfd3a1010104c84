import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Model, RESYNC_PATIENCE_MS, STOP_PATIENCE_MS, Store } from "../src/store.ts";

function snapshot(seq: number, more: object = {}) {
  return { seq, now: 100 + seq, session: { runner: "ray", cluster: null, problems: {} }, ...more };
}

/** A page that shows the model: what it holds at first, or another view of the same `model`. */
function open(t: TestContext, first: unknown, shown?: Model, layout: unknown = {}) {
  const sent: unknown[] = [];
  const handlers = new Map<string, (...values: never[]) => void>();
  const traits: Record<string, unknown> = { snapshot: first, layout };
  const model: Model = shown
    ? { ...shown }
    : {
        get: (name) => traits[name],
        on: (event, callback) => void handlers.set(event, callback),
        off: (event) => void handlers.delete(event),
        send: (content) => void sent.push(content),
      };
  const controller = new AbortController();
  const store = new Store(model, controller.signal);
  t.after(() => controller.abort()); // its clock would keep the process alive
  const keyframe = (value: unknown) => {
    traits.snapshot = value;
    (handlers.get("change:snapshot") as () => void)();
  };
  const message = (value: unknown) => (handlers.get("msg:custom") as (value: unknown) => void)(value);
  return { model, store, sent, handlers, keyframe, message, close: () => controller.abort() };
}

test("patches follow one another from the keyframe on", (t) => {
  const page = open(t, snapshot(0, { query: null }));
  page.message({ type: "patch", base: 0, seq: 1, patch: { now: 102, query: { id: "q", state: "running" } } });
  page.message({ type: "patch", base: 1, seq: 2, patch: { query: { state: "finished" } } });
  assert.equal(page.store.snapshot.value?.seq, 2);
  assert.deepEqual(page.store.query.value, { id: "q", state: "finished" });
  assert.deepEqual(page.sent, [{ type: "resync" }]);
  page.close();
  assert.equal(page.handlers.size, 0);
});

test("a model whose layout is but a name, as in marimo, has a page of its own", (t) => {
  const [one, two] = [0, 1].map(() => open(t, snapshot(0, { query: null }), undefined, "IPY_MODEL_1"));
  one!.store.chosen.tab.value = "History";
  assert.deepEqual([one!.store.snapshot.value?.seq, two!.store.snapshot.value?.seq], [0, 0]);
  assert.equal(two!.store.chosen.tab.value, "Overview");
});

test("a gap asks once for a keyframe, and the keyframe repairs it", (t) => {
  const page = open(t, snapshot(0));
  page.keyframe(snapshot(0));
  page.sent.length = 0;
  page.message({ type: "patch", base: 5, seq: 6, patch: { now: 9 } });
  page.message({ type: "patch", base: 6, seq: 7, patch: { now: 9 } });
  assert.deepEqual(page.sent, [{ type: "resync" }]);
  assert.equal(page.store.snapshot.value?.seq, 0);
  page.keyframe(snapshot(8));
  page.message({ type: "patch", base: 8, seq: 9, patch: { now: 111 } });
  assert.equal(page.store.snapshot.value?.now, 111);
  page.message({ type: "patch", base: 1, seq: 2, patch: {} });
  assert.equal(page.sent.length, 2);
});

test("a request for a keyframe, or the keyframe, may be lost too", (t) => {
  let milliseconds = 0;
  t.mock.method(performance, "now", () => milliseconds);
  const page = open(t, snapshot(0));
  page.keyframe(snapshot(0));
  page.sent.length = 0;
  const ask = (at: number) => {
    milliseconds = at;
    page.message({ type: "patch", base: 5, seq: 6, patch: { now: 9 } });
    return page.sent.length;
  };
  assert.deepEqual(
    [ask(0), ask(RESYNC_PATIENCE_MS - 1), ask(RESYNC_PATIENCE_MS), ask(RESYNC_PATIENCE_MS + 1)],
    [1, 1, 2, 2],
  );
});

test("a view that nobody sees is kept up to date, and drawn when it is seen", (t) => {
  const page = open(t, snapshot(0, { query: null }));
  let drawn = 0;
  page.store.snapshot.subscribe(() => (drawn += 1));
  page.store.seen = false;
  for (let seq = 1; seq <= 1_000; seq++) {
    page.message({ type: "patch", base: seq - 1, seq, patch: { query: { id: `q${seq}`, state: "running" } } });
  }
  assert.deepEqual([drawn, page.store.snapshot.value?.seq], [1, 0]);
  page.store.seen = true;
  assert.deepEqual([drawn, page.store.snapshot.value?.seq, page.store.query.value?.id], [2, 1_000, "q1000"]);
  assert.deepEqual(page.sent, [{ type: "resync" }]);
});

test("other workers are asked for by the number of the first", (t) => {
  const page = open(t, snapshot(0));
  page.store.window(-40);
  page.store.window(80);
  assert.deepEqual(page.sent.slice(1), [
    { type: "window", first: 0 },
    { type: "window", first: 80 },
  ]);
});

test("what is not of the grammar changes nothing", (t) => {
  const page = open(t, "nonsense");
  assert.equal(page.store.snapshot.value, null);
  page.keyframe(snapshot(1));
  for (const wrong of [
    null,
    7,
    [],
    { type: "patch" },
    { type: "patch", base: 1, seq: 2, patch: [] },
    { type: "run", code: "x" },
  ]) {
    page.message(wrong);
  }
  assert.deepEqual(page.store.snapshot.value, snapshot(1));
  assert.deepEqual(page.sent, []);
});

test("stop is acknowledged by the kernel", (t) => {
  const page = open(t, snapshot(0, { query: { id: "q", state: "running" } }));
  page.store.stop("q");
  assert.deepEqual(page.sent, [{ type: "resync" }, { type: "stop", query: "q" }]);
  page.message({ type: "stopping", query: "q" });
  assert.equal(page.store.stopping.value, "q");
});

test("stop interrupts the kernel when it does not answer", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const page = open(t, snapshot(0, { query: { id: "q", state: "running" } }));
  let interrupts = 0;
  page.model.widget_manager = { kernel: { interrupt: () => (interrupts += 1) } };
  page.store.stop("q");
  t.mock.timers.tick(STOP_PATIENCE_MS - 1);
  assert.equal(interrupts, 0);
  t.mock.timers.tick(1);
  assert.equal(interrupts, 1);
  assert.equal(page.store.stopping.value, "q");

  // It answered, or the query is over: nothing else is interrupted.
  page.store.stop("q");
  page.message({ type: "stopping", query: "q" });
  t.mock.timers.tick(STOP_PATIENCE_MS);
  page.store.stop("q");
  page.keyframe(snapshot(1, { query: { id: "q", state: "finished" } }));
  t.mock.timers.tick(STOP_PATIENCE_MS);
  assert.equal(interrupts, 1);
});

test("the clock runs on from the latest snapshot, in every view of a model, however old the snapshot it finds", (t) => {
  let milliseconds = 0;
  t.mock.method(performance, "now", () => milliseconds);
  t.mock.timers.enable({ apis: ["setInterval"] });
  const first = open(t, snapshot(0)); // now: 100
  milliseconds = 7_000;
  t.mock.timers.tick(500);
  assert.equal(first.store.now.value, 107);
  const second = open(t, null, first.model);
  assert.equal(second.store.now.value, 107);
  assert.deepEqual(first.sent, [{ type: "resync" }]); // the first view on the page asks, the second knows the clock
  first.keyframe(snapshot(4)); // now: 104: the kernel's clock was set back (the model knows its latest view)
  assert.equal(second.store.now.value, 104);
});

test("a view that is drawn anew starts from the latest snapshot, not from the last keyframe", (t) => {
  const first = open(t, snapshot(0, { query: null }));
  first.message({ type: "patch", base: 0, seq: 1, patch: { now: 102, query: { id: "q", state: "running" } } });
  first.close();
  const second = open(t, null, first.model);
  assert.deepEqual([second.store.snapshot.value?.seq, second.store.query.value?.id], [1, "q"]);
  first.keyframe(snapshot(2, { query: null }));
  assert.deepEqual([second.store.snapshot.value?.seq, second.store.query.value], [2, null]);
  assert.deepEqual(first.sent, [{ type: "resync" }]);
});
