import assert from "node:assert/strict";
import { test } from "node:test";
import { Store, type Model } from "../src/store.ts";

function frame(seq: number, more: object = {}) {
  return { seq, now: 100 + seq, session: { runner: "ray", cluster: null, problems: {} }, ...more };
}

function open(first: unknown) {
  const sent: unknown[] = [];
  const handlers = new Map<string, (...values: never[]) => void>();
  const traits: Record<string, unknown> = { frame: first };
  const model: Model = {
    get: (name) => traits[name],
    on: (event, callback) => void handlers.set(event, callback),
    off: (event) => void handlers.delete(event),
    send: (content) => void sent.push(content),
  };
  const controller = new AbortController();
  const store = new Store(model, controller.signal);
  const keyframe = (value: unknown) => {
    traits.frame = value;
    (handlers.get("change:frame") as () => void)();
  };
  const message = (value: unknown) => (handlers.get("msg:custom") as (value: unknown) => void)(value);
  return { store, sent, handlers, keyframe, message, close: () => controller.abort() };
}

test("patches follow one another from the keyframe on", () => {
  const page = open(frame(0, { query: null }));
  page.message({ type: "patch", base: 0, seq: 1, patch: { now: 102, query: { id: "q", state: "running" } } });
  page.message({ type: "patch", base: 1, seq: 2, patch: { query: { state: "finished" } } });
  assert.equal(page.store.frame.value?.seq, 2);
  assert.deepEqual(page.store.query.value, { id: "q", state: "finished" });
  assert.deepEqual(page.sent, []);
  page.close();
  assert.equal(page.handlers.size, 0);
});

test("a gap asks once for a keyframe, and the keyframe repairs it", () => {
  const page = open(frame(0));
  page.message({ type: "patch", base: 5, seq: 6, patch: { now: 9 } });
  page.message({ type: "patch", base: 6, seq: 7, patch: { now: 9 } });
  assert.deepEqual(page.sent, [{ type: "resync" }]);
  assert.equal(page.store.frame.value?.seq, 0);
  page.keyframe(frame(8));
  page.message({ type: "patch", base: 8, seq: 9, patch: { now: 111 } });
  assert.equal(page.store.frame.value?.now, 111);
  page.message({ type: "patch", base: 1, seq: 2, patch: {} });
  assert.equal(page.sent.length, 2);
  page.close();
});

test("what is not of the grammar changes nothing", () => {
  const page = open("nonsense");
  assert.equal(page.store.frame.value, null);
  page.keyframe(frame(1));
  for (const wrong of [null, 7, [], { type: "patch" }, { type: "patch", base: 1, seq: 2, patch: [] }, { type: "run", code: "x" }]) {
    page.message(wrong);
  }
  assert.deepEqual(page.store.frame.value, frame(1));
  assert.deepEqual(page.sent, []);
  page.close();
});

test("stop is acknowledged by the kernel", () => {
  const page = open(frame(0, { query: { id: "q", state: "running" } }));
  page.store.stop("q");
  assert.deepEqual(page.sent, [{ type: "stop", query: "q" }]);
  page.message({ type: "stopping", query: "q" });
  assert.equal(page.store.stopping.value, "q");
  page.close();
});
