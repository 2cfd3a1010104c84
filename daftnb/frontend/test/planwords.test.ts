import assert from "node:assert/strict";
import { test } from "node:test";
import {
  actorsOf,
  brief,
  callsByName,
  type Drawn,
  facts,
  hasPaths,
  keptWords,
  misjudged,
  operatorsOf,
  rowWords,
  secondsOf,
  skewShort,
  skewWords,
  stragglers,
} from "../src/planwords.ts";
import type { Plan, Skew } from "../src/snapshot.ts";

const operator = (more: Partial<Drawn> = {}): Drawn => ({
  id: 1,
  name: "Filter",
  kind: "",
  detail: "",
  inputs: [],
  estimated_rows: null,
  ...more,
});
const plan = (more: Partial<Plan> = {}): Plan => ({
  query: "q",
  number: 1,
  root: 1,
  operators: {},
  plans: {},
  udfs: {},
  functions: {},
  models: {},
  models_left_out: 0,
  ...more,
});
const skew = (median: number, ...seconds: number[]): Skew => ({
  tasks: 40,
  median,
  longest: seconds.map((s, task) => ({ seconds: s, task, worker: "w" })),
});

test("an expression in brief", () => {
  assert.equal(brief('predicate: [col(v) > lit(2)] & [col(s) == lit("x")]'), '[v > 2] & [s == "x"]');
  assert.equal(brief("Type: Inner\nOn: col(left.k#Int64) == col(right.k#Int64)"), "k == k");
  assert.equal(brief("col(0: v), col(1: z) as z\nOutput schema: v#Int64"), "v, z as z");
  assert.equal(brief("not(is_null(col(k)))"), "not(is_null(k))");
  assert.equal(brief("Num Scan Tasks: 46"), "Num Scan Tasks: 46");
  assert.equal(brief(""), "");
});

test("a straggler took twice the median and half a second more", () => {
  assert.equal(stragglers(skew(1.1, 8.2, 2.9, 1.3)).length, 2);
  assert.equal(skewShort(skew(1.1, 8.2, 2.9)), "7.5× median");
  assert.equal(skewWords(skew(1.1, 8.2)), "longest 8.20 s, median ≈ 1.10 s, 40 tasks");
  assert.equal(skewShort(skew(0.1, 0.55)), "");
  assert.equal(skewShort(skew(4, 7.9)), "");
  assert.equal(skewShort(null), "");
  assert.equal(skewShort({ tasks: 2, median: undefined!, longest: [] }), "");
});

test("rows, what is left of them, and what was expected", () => {
  assert.equal(
    rowWords(operator({ state: "running", rows_in: 1000, rows_out: 490, selectivity: 0.49 }), false),
    "1.00 k → 490 rows · 49 % kept",
  );
  assert.equal(
    rowWords(operator({ state: "running", rows_in: 1000, rows_out: 490, selectivity: 0.49 }), true),
    "1.00 k → 490 rows",
  );
  assert.equal(
    rowWords(operator({ state: "finished", rows_out: 30_500, estimated_rows: 3_100_000 }), false),
    "30.5 k · 3.10 M expected",
  );
  assert.equal(rowWords(operator({ state: "waiting", estimated_rows: 10 }), false), "about 10 rows expected");
  assert.equal(rowWords(operator(), false), "");
  assert.deepEqual([null, 1, 0, 0.001, 3.2, 1.01].map(keptWords), [
    "",
    "",
    "none kept",
    "<1 % kept",
    "3.2× as many",
    "",
  ]);
  const judged = (rows_out: number, estimated_rows: number, state: Drawn["state"] = "finished") =>
    misjudged(operator({ rows_out, estimated_rows, state }));
  assert.deepEqual(
    [judged(100, 60), judged(100, 50), judged(0, 50), judged(1, 3), judged(5, 50, "running")],
    ["", "2× more", "50× fewer", "", ""],
  );
});

test("the details have what is known, and nothing else; null may be gone", () => {
  assert.deepEqual(
    facts(operator({ rows_in: undefined, skew: undefined, tasks: undefined, stage: undefined }), plan()),
    [],
  );
  const tasks = { submitted: 40, pending: 18, running: 2, finished: 20, failed: 0, cancelled: 0 };
  const last = operator({ id: 2, name: "UDF" });
  const found = facts(
    operator({
      rows_in: 10,
      rows_out: 5,
      selectivity: 0.5,
      tasks,
      stage: 2,
      duration_us: 2_000_000,
      time_share: 0.25,
      name: "UDF",
    }),
    plan({ operators: { 2: last as never } }),
    { count: 2, idle: 1, awaited: 0, limit: 0, asked: 0, why: "" },
  );
  assert.deepEqual(found, [
    ["rows in", "10"],
    ["rows out", "5"],
    ["selectivity, derived", "0.5"],
    ["work, all threads", "2.00 s"],
    ["of the query's work", "25 %"],
    ["tasks", "20 of 40 done, 2 running, 18 pending"],
    ["UDF actors", "2 actors, 1 idle"],
    ["runs with", "\u2068UDF\u2069, in the same tasks"],
  ]);
});

test("rows and time of a function's operator that are not told are not known", () => {
  const tasks = { submitted: 4, pending: 0, running: 1, finished: 3, failed: 0, cancelled: 0 };
  const actors = operator({ name: "ActorUDF", state: "running", rows_out: null, tasks });
  assert.equal(rowWords(actors, false), "rows not known");
  assert.deepEqual(facts(actors, plan()), [
    ["rows in", "not known"],
    ["rows out", "not known"],
    ["work, all threads", "not known"],
    ["tasks", "3 of 4 done, 1 running"],
  ]);
  assert.equal(rowWords({ ...actors, rows_out: 5, rows_in: 5 }, false), "5 rows");
  assert.equal(rowWords({ ...actors, rows_out: 0 }, false), "0 rows");
  assert.equal(rowWords({ ...actors, name: "Filter" }, false), "");
  assert.equal(rowWords({ ...actors, state: "waiting" }, false), "");
  assert.deepEqual(
    ["UDF score", "ActorUDF", "AsyncUDF prompt", "UDF", "UDFs", "Filter UDF"].map((name) =>
      callsByName(operator({ name })),
    ),
    [true, true, true, true, false, false],
  );
});

test("what is derived says so", () => {
  const derived = operator({ state: "running", rows_in: 1000, rows_out: 490, derived_rows: true, derived_us: 500_000 });
  assert.equal(rowWords(derived, true), "≈ 1.00 k → 490 rows");
  assert.deepEqual(facts({ ...derived, duration_us: 1_500_000 }, plan()), [
    ["rows in, derived", "1.00 k"],
    ["rows out, derived", "490"],
    ["work, all threads", "2.00 s"],
    ["of that, derived", "500 ms"],
  ]);
  assert.equal(secondsOf(derived), 0.5);
  assert.equal(secondsOf(operator()), null);
});

test("the actors of UDFs are those of an operator, where it can be told which", () => {
  const operators = {
    1: operator({ id: 1, name: "ActorUDF", detail: "M.__call__\nExpr: M(col(0: z)) as y" }),
    2: operator({ id: 2, name: "ActorUDF", detail: "N.__call__\nExpr: N(col(0: z)) as y" }),
    3: operator({ id: 3, name: "UDF score" }),
    4: operator({ id: 4, name: "Filter" }),
  };
  const of = (udfs: Plan["udfs"], only = operators as object) =>
    [...actorsOf(plan({ operators: only as never, udfs }))].map(([id, [name]]) => [id, name]);
  const [one, two] = [
    { count: 2, idle: 1, awaited: 0, limit: 0, asked: 0, why: "" },
    { count: 4, idle: null, awaited: 0, limit: 0, asked: 0, why: "" },
  ];
  assert.deepEqual(of({}), []);
  assert.deepEqual(of({ "[N(col(0: z)) as y]": one, "[M(col(0: z)) as y]": two }), [
    [1, "[M(col(0: z)) as y]"],
    [2, "[N(col(0: z)) as y]"],
  ]);
  assert.deepEqual(of({ "UDF score": one }), [[3, "UDF score"]]);
  assert.deepEqual(of({ odd: one }), []);
  assert.deepEqual(of({ odd: one }, { 2: operators[2], 4: operators[4] }), [[2, "odd"]]);
});

test("the slowest path is marked where there is another one", () => {
  assert.equal(hasPaths([operator({ slowest: true }), operator({ slowest: true })]), false);
  assert.equal(hasPaths([operator({ slowest: true }), operator({ slowest: false })]), true);
  assert.equal(hasPaths([operator()]), false);
});

test("a stage that the engine has not told of is not there", () => {
  const tree = { root: 1, operators: { 1: operator() } };
  assert.equal(operatorsOf(plan(), "physical"), null);
  assert.equal(operatorsOf(plan({ plans: { logical: tree } }), "optimised"), null);
  assert.equal(operatorsOf(plan({ plans: { physical: tree } }), "physical")?.length, 1);
});
