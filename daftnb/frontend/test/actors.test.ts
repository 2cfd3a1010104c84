import assert from "node:assert/strict";
import { test } from "node:test";
import { actorsShort, actorsWords, actorWords, inOrder, udfOf, waitsOf } from "../src/actors.ts";
import type { Operator, Plan, UdfActor, Function as UserFunction } from "../src/snapshot.ts";
import { actorOf, calledOf } from "./called.ts";

const NOW = 100;
const having = (...states: UdfActor["state"][]): UserFunction =>
  calledOf({ actors: Object.fromEntries(states.map((state, index) => [String(index), actorOf({ state })])) });
const udf = (awaited: number) => ({ count: 0, idle: null, awaited, limit: 120, asked: awaited, why: "" });

test("how many actors there are, of how many, and what they do", () => {
  assert.equal(
    actorsWords(having("busy", "busy", "idle"), udf(4)),
    "3 actors of 4 asked, 1 idle; waits at most 2 min 00 s for the rest",
  );
  assert.equal(
    actorsWords(having("starting", "initialising"), udf(2)),
    "1 actor of 2 asked, 1 initialising; waits at most 2 min 00 s for the rest",
  );
  assert.equal(actorsWords(having(), udf(4)), "0 actors of 4 asked; waits at most 2 min 00 s for the rest");
  assert.equal(
    actorsWords(having("busy", "idle", "ended", "died", "died"), udf(0)),
    "2 actors, 1 idle, 1 ended, 2 died",
  );
  assert.equal(actorsWords(having("busy"), undefined), "1 actor");
  assert.equal(actorsWords(having("ended", "died"), undefined), "2 actors: 1 ended, 1 died");
  assert.equal(
    actorsWords({ ...having("busy", "idle"), actors_left_out: 1_800 }, undefined),
    "2 actors, 1 idle, 1800 more are not listed",
  );
});

test("the same in short, for a card", () => {
  assert.equal(actorsShort(having("busy", "starting"), udf(4)), "1/4 actors");
  assert.equal(actorsShort(having("busy", "idle", "died"), udf(0)), "2 actors, 1 idle");
  assert.equal(actorsShort(having("busy"), undefined), "1 actor");
  assert.equal(actorsShort(having("ended"), undefined), "");
});

test("an actor's state, and for how long where that is of use", () => {
  const said = (state: UdfActor["state"]) => actorWords(actorOf({ state, since: 88 }), NOW);
  assert.deepEqual((["starting", "initialising", "busy", "idle", "ended", "died"] as const).map(said), [
    "starting for 12 s",
    "initialising for 12 s",
    "busy",
    "idle for 12 s",
    "ended",
    "died",
  ]);
});

test("live actors come first, and numbers count as numbers", () => {
  const all = { "10": actorOf(), "9": actorOf({ state: "idle" }), "1": actorOf({ state: "died" }), a: actorOf() };
  assert.deepEqual(
    inOrder(all).map(([key]) => key),
    ["9", "10", "a", "1"],
  );
});

test("the actors that Daft counts are those of an operator that calls the function", () => {
  const one = udf(1);
  assert.equal(udfOf(calledOf({ operators: [1, 2] }), new Map([[2, ["UDF score", one]]])), one);
  assert.equal(udfOf(calledOf({ operators: [] }), new Map([[2, ["UDF score", one]]])), undefined);
});

const operator = (id: number, name: string, state: Operator["state"], inputs: number[]): Operator =>
  ({ id, name, state, inputs, kind: "", detail: "", tasks: null }) as unknown as Operator;

/** A scan, a filter, and a function's operator; the states of the first two, and the function's actors. */
const planOf = (
  scan: Operator["state"],
  filter: Operator["state"],
  of: UdfActor[],
  state: Operator["state"] = "running",
): Plan => ({
  query: "q",
  number: 1,
  root: 2,
  operators: {
    0: operator(0, "Scan", scan, []),
    1: operator(1, "Filter", filter, [0]),
    2: operator(2, "UDF score", state, [1]),
  },
  plans: {},
  udfs: {},
  functions: { f: calledOf({ operators: [2], actors: Object.fromEntries(of.map((one, at) => [String(at), one])) }) },
  models: {},
  models_left_out: 0,
});
const shortOf = (plan: Plan) => waitsOf(plan, NOW).get(2)?.short;

test("a pool that is all idle while its input runs is starved by it", () => {
  const idle = [actorOf({ state: "idle" }), actorOf({ state: "idle" }), actorOf({ state: "died" })];
  assert.deepEqual(waitsOf(planOf("finished", "running", idle), NOW).get(2), {
    short: "idle: its input is slow",
    long: "All 2 actors are idle: the input, \u2068Filter\u2069, is slow.",
  });
  // The input that runs may be further up.
  assert.match(waitsOf(planOf("running", "waiting", idle), NOW).get(2)!.long, /Scan/);
  assert.equal(shortOf(planOf("finished", "finished", idle)), undefined, "no input that runs");
  assert.equal(shortOf(planOf("running", "running", idle, "finished")), undefined, "it does not run itself");
  assert.equal(shortOf(planOf("running", "running", [])), undefined, "no actors");
  assert.equal(shortOf(planOf("running", "running", [actorOf({ state: "died" })])), undefined, "no live ones");
});

test("an actor is idle for a moment between two batches, and one that starts is not idle", () => {
  const idle = actorOf({ state: "idle" });
  for (const other of [actorOf({ state: "idle", since: NOW - 0.5 }), actorOf(), actorOf({ state: "initialising" })])
    assert.equal(shortOf(planOf("running", "running", [idle, other])), undefined);
});

test("a pool that is all busy, with batches before it, keeps its input waiting", () => {
  assert.deepEqual(waitsOf(planOf("running", "running", [actorOf({ queue: 9 }), actorOf({ queue: 3 })]), NOW).get(2), {
    short: "12 batches wait",
    long: "12 batches wait for 2 actors: what comes after is kept waiting.",
  });
  assert.equal(shortOf(planOf("running", "running", [actorOf({ queue: 1 })])), "1 batch waits");
  assert.equal(shortOf(planOf("running", "running", [actorOf({ queue: null }), actorOf({ queue: 0 })])), undefined);
  const { queue: _, ...gone } = actorOf();
  assert.equal(shortOf(planOf("running", "running", [gone as UdfActor])), undefined);
  const idle = actorOf({ state: "idle", since: NOW });
  assert.equal(shortOf(planOf("running", "running", [actorOf({ queue: 2 }), idle])), undefined, "one could take them");
});

test("a plan whose inputs go in a circle does not hang", () => {
  const plan = planOf("finished", "finished", [actorOf({ state: "idle" })]);
  plan.operators[0]!.inputs = [1];
  assert.equal(shortOf(plan), undefined);
});
