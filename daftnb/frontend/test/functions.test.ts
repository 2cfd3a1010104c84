import assert from "node:assert/strict";
import { test } from "node:test";
import { rate } from "../src/format.ts";
import {
  callsOf,
  countersBy,
  figures,
  kindWords,
  latestError,
  nameOf,
  tokensOf,
  whereWords,
  workWords,
} from "../src/functions.ts";
import type { Counter, Plan, Function as UserFunction } from "../src/snapshot.ts";
import { calledOf } from "./called.ts";

const planOf = (functions: Record<string, UserFunction>): Plan => ({
  query: "q",
  number: 1,
  root: 1,
  operators: {},
  plans: {},
  udfs: {},
  functions,
  models: {},
  models_left_out: 0,
});
const GPT = { model: "gpt-5", provider: "openai", protocol: "openai" };
const counter = (name: string, value: number, attributes: Record<string, string> = {}): Counter => ({
  name,
  attributes,
  value,
});
/** What a patch leaves of members that are null. */
const without = (called: UserFunction, ...names: (keyof UserFunction)[]): UserFunction => {
  const left = { ...called };
  for (const name of names) delete (left as Partial<UserFunction>)[name];
  return left;
};

/** A function of which nothing is told but that it is there. */
const UNTOLD = calledOf({
  ...{ rows_in: null, rows_out: null, calls: null, running: null, seconds: null, inits: null, init_seconds: null },
  ...{ errors: null, retries: null, waited: null },
});

test("small rates have their decimals, and only none is 0", () => {
  assert.deepEqual([0, 0.004, 0.4, 8.25, 99.9, 99.96, 1234, null, undefined].map(rate), [
    "0",
    "0.004",
    "0.4",
    "8.25",
    "99.9",
    "100",
    "1.23 k",
    "—",
    "—",
  ]);
});

test("the functions of an operator, the one that took longest first", () => {
  const [a, b, c] = [
    calledOf({ name: "a", operators: [1, 2], seconds: 1 }),
    calledOf({ name: "b", operators: [2], seconds: 5 }),
    calledOf({ name: "c", operators: [] }),
  ];
  const calls = callsOf(planOf({ a, b, c }));
  assert.deepEqual(
    [...calls].map(([id, called]) => [id, called.map(([key]) => key)]),
    [
      [2, ["b", "a"]],
      [1, ["a"]],
    ],
  );
  const { functions: _, ...of } = planOf({});
  assert.equal(callsOf(of as Plan).size, 0, "of a dataframe that has not run");
});

test("what kind it is and where it is", () => {
  assert.equal(kindWords(calledOf({ kind: "batch", is_class: true })), "a batch at a time, by a class");
  assert.equal(kindWords(calledOf({ kind: "another" as never })), "another");
  assert.equal(whereWords(calledOf()), "cell 12, line 3");
  assert.equal(whereWords(calledOf({ cell: null, file: "features.py", line: 40 })), "features.py:40");
  assert.equal(whereWords(without(calledOf({ file: "features.py" }), "cell", "line")), "features.py");
  assert.equal(whereWords(without(calledOf(), "line")), "cell 12");
  assert.equal(whereWords(calledOf({ cell: null, line: 3 })), "");
  assert.equal(kindWords(calledOf({ kind: null })), "kind not known");
  assert.deepEqual(
    [
      "__main__.score",
      "__main__.Model.__call__",
      "features.Model.embed",
      "__main__.",
      "a.b.<locals>.C.<locals>.D.embed",
      "x".repeat(999),
    ].map((name) => nameOf(calledOf({ name }))),
    ["score", "Model", "features.Model.embed", "__main__.", "D.embed", "x".repeat(120)],
  );
});

test("a card says how fast a function is, and first what went wrong", () => {
  const busy = calledOf({ running: 4, rate: 1200, rate_overall: 800 });
  const plain = { rate: "1.20 k rows/s", seconds: "12.3 s", errors: "", note: "4 calls run" };
  assert.deepEqual(workWords([busy], "running", ""), plain);
  assert.deepEqual(workWords([busy], "finished", ""), { ...plain, rate: "800 rows/s overall", note: "" });
  assert.deepEqual(workWords([without(busy, "rate", "rate_overall")], "running", ""), {
    ...plain,
    rate: "rows/s not known",
  });
  assert.equal(workWords([calledOf({ running: 1, rate: 0 })], "running", "").rate, "0 rows/s");
  assert.equal(
    workWords([calledOf({ running: 1 })], "running", "12 batches wait").note,
    "12 batches wait · 1 call runs",
  );
  const wrong = calledOf({
    running: 1,
    errors: 3,
    error: "\nValueError: no such model\nline two",
    retries: 1,
    counters: [counter("total tokens", 1_200_000, GPT)],
  });
  assert.deepEqual(workWords([wrong], "running", ""), {
    rate: "rows/s not known",
    seconds: "12.3 s",
    errors: "3 errors",
    note: "1 call runs · 1 retry · 1.20 M tokens · ValueError: no such model",
  });
  const both = workWords([busy, wrong], "running", "");
  assert.deepEqual([both.rate, both.seconds], ["1.20 k rows/s +1", "24.7 s"]);
  assert.ok(both.note.startsWith("5 calls run"));
  const shared = workWords([{ ...busy, shared: true }], "running", "");
  assert.deepEqual([shared.rate, shared.seconds], ["≈ 1.20 k rows/s", "≈ 12.3 s"], "some calls may be another query's");
  assert.deepEqual(workWords([UNTOLD], "running", ""), {
    rate: "rows/s not known",
    seconds: "time not known",
    errors: "",
    note: "",
  });
});

test("an error is one line, of a length that can be drawn", () => {
  assert.equal(latestError(calledOf({ error: `${"x".repeat(10_000)}\nmore` })).length, 300);
});

test("figures: unknown is said, and what does not concern the function is left out", () => {
  const plain = figures(without(calledOf(), "rate", "rate_overall"), true);
  assert.deepEqual(plain, [
    ["rows in", "400"],
    ["rows out", "400"],
    ["calls", "400"],
    ["calls now", "0"],
    ["time in its code", "12.3 s"],
    ["rows/s now, derived", "not known"],
    ["rows/s overall, derived", "not known"],
    ["errors", "0"],
    ["retries", "0"],
  ]);
  const more = figures(calledOf({ inits: 4, init_seconds: 14, lost: 2, retries: 5, waited: 12 }), true);
  assert.deepEqual(more.slice(7), [
    ["initialised", "4×, 14.0 s in all"],
    ["errors", "0"],
    ["retries", "5"],
    ["waited before them", "12.0 s"],
    ["not told", "what 2 processes did last"],
  ]);
  const untold = figures(without(UNTOLD, "rows_in", "errors"), true);
  assert.deepEqual(new Set(untold.map(([, value]) => value)), new Set(["not known"]));
  const over = figures(calledOf(), false).map(([name]) => name);
  assert.deepEqual(over.slice(2, 5), ["calls", "time in its code", "rows/s overall, derived"], "there is no now");
});

test("counters are added by name, and what was not counted is not known", () => {
  const counters = [counter("requests", 2, GPT), counter("requests", 3, { model: "other" })];
  assert.equal(tokensOf({ counters }), null);
  assert.equal(tokensOf({ counters: [counter("input tokens", 7)] }), 7);
  assert.equal(tokensOf({ counters: [counter("input tokens", 7), counter("total tokens", 9)] }), 9);
  const other = { model: "mini" };
  const two = [counter("total tokens", 9, GPT), counter("input tokens", 7, other), counter("output tokens", 1, other)];
  assert.equal(tokensOf({ counters: two }), 17, "one model counts them in all alone, the other not in all");
});

test("counters are listed by what they are of", () => {
  const counters = [counter("requests", 2, GPT), counter("pages", 3), counter("total tokens", 5, GPT), counter("x", 1)];
  const listed = countersBy(counters, 3).map(([of, some]) => [of, some.map(({ name }) => name)]);
  const gpt = "\u2068model\u2069 \u2068gpt-5\u2069, \u2068provider\u2069 \u2068openai\u2069";
  assert.deepEqual(listed, [
    [`${gpt}, \u2068protocol\u2069 \u2068openai\u2069`, ["requests", "total tokens"]],
    ["", ["pages"]],
  ]);
});
