import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { PATIENCE_MS, Turns } from "../src/turns.ts";

/** A screen whose snapshots are asked for; what is drawn is noted. */
function screen(t: TestContext, ...names: string[]) {
  let now = 0;
  const waiting = new Map<number, () => void>();
  let number = 0;
  const globals = globalThis as unknown as Record<string, unknown>;
  globals.requestAnimationFrame = (callback: () => void) => {
    waiting.set(++number, callback);
    return number;
  };
  globals.cancelAnimationFrame = (id: number) => waiting.delete(id);
  t.mock.method(performance, "now", () => now);
  const controller = new AbortController();
  const turns = new Turns(controller.signal);
  const drawn: string[] = [];
  const parts = names.map((name) => () => void drawn.push(name));
  const leave = parts.map((part) => turns.join(part));
  /** What the screen's next snapshot draws, `after` so many milliseconds. */
  const next = (after = 16): string => {
    now += after;
    const all = [...waiting.values()];
    waiting.clear();
    for (const callback of all) callback();
    return drawn.splice(0).join(" ");
  };
  return {
    turns,
    parts,
    leave,
    next,
    drawn: () => drawn.splice(0).join(" "),
    waits: () => waiting.size > 0,
    close: () => controller.abort(),
  };
}

test("each part has a frame of the screen to itself, the first the one that comes", (t) => {
  const page = screen(t, "plan", "charts", "lanes");
  page.turns.all();
  assert.equal(page.drawn(), "plan");
  assert.deepEqual([page.next(), page.next(), page.next()], ["", "charts", "lanes"]);
  assert.equal(page.waits(), false);
  page.turns.all();
  assert.equal(page.drawn(), "plan");
});

test("snapshots that come faster than they are drawn draw no part twice before the others", (t) => {
  const page = screen(t, "plan", "charts", "lanes");
  page.turns.all();
  page.turns.all();
  assert.equal(page.next(), "plan");
  page.turns.all();
  assert.deepEqual([page.next(), page.next(), page.next(), page.next()], ["charts", "lanes", "plan", ""]);
});

test("a part that has more to draw waits behind the others", (t) => {
  const page = screen(t, "plan", "charts");
  let left = 2;
  const more = () => {
    page.parts[0]!();
    left -= 1;
    if (left > 0) page.turns.ask(more);
  };
  page.turns.all();
  page.turns.ask(more);
  assert.equal(page.drawn(), "plan");
  assert.deepEqual(
    [page.next(), page.next(), page.next(), page.next(), page.next()],
    ["", "charts", "plan", "plan", ""],
  );
});

test("on a slow screen all that has waited long is drawn at once", (t) => {
  const page = screen(t, "plan", "charts", "lanes", "table");
  page.turns.all();
  page.drawn();
  assert.equal(page.next(PATIENCE_MS - 1), "");
  assert.equal(page.next(1), "charts lanes table");
  assert.equal(page.waits(), false);
});

test("who has gone draws nothing, and a view that ends asks for no frame", (t) => {
  const page = screen(t, "plan", "charts", "lanes");
  page.turns.all();
  page.leave[1]!();
  page.drawn();
  assert.deepEqual([page.next(), page.next()], ["", "lanes"]);
  page.turns.all();
  page.drawn();
  page.close();
  assert.equal(page.waits(), false);
  page.turns.all();
  assert.deepEqual([page.drawn(), page.waits()], ["", false]);
});
