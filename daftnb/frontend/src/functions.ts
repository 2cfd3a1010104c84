// What the page says of the user's functions (UDFs), and of the operators that call them. Members that are null may be
// gone after a patch (undefined).
import { count, duration, type Maybe, NOT_KNOWN, plural, rate } from "./format.ts";
import { DERIVED, isolated } from "./planwords.ts";
import type { Counter, Operator, Plan, Function as UserFunction } from "./snapshot.ts";

const LONGEST_NAME = 120; // characters; a tooltip has more
const LONGEST_MESSAGE = 300; // characters of an error's first line
const LONGEST_PLACE = 200;
const MOST_ATTRIBUTES = 8;

/** The functions that were called, each with its key; none of a dataframe that has not run. */
export const functionsOf = (plan: Plan): [string, UserFunction][] => Object.entries(plan.functions ?? {});

/** By operator: the functions that it calls, each with its key; the one that took the most time first. */
export type Calls = ReadonlyMap<number, [string, UserFunction][]>;

export function callsOf(plan: Plan): Calls {
  const calls = new Map<number, [string, UserFunction][]>();
  const called = functionsOf(plan).sort(([, a], [, b]) => (b.seconds ?? 0) - (a.seconds ?? 0));
  for (const one of called) {
    for (const id of one[1].operators) calls.set(id, [...(calls.get(id) ?? []), one]);
  }
  return calls;
}

const KINDS: Record<string, string> = {
  row: "a row at a time",
  batch: "a batch at a time",
  async: "async, a row at a time",
  "async batch": "async, a batch at a time",
  generator: "generator: several rows for one",
  legacy: "@daft.udf, a batch at a time",
};

/** "a batch at a time, by a class": a kind that is not known is its own word. */
export const kindWords = ({ kind, is_class }: UserFunction): string =>
  (kind == null ? `kind ${NOT_KNOWN}` : (KINDS[kind] ?? kind)) + (is_class ? ", by a class" : "");

/** A function's name as its author has it: Daft's plans say where it is, too, and what of a class is called. */
export const nameOf = ({ name }: UserFunction): string =>
  name
    .slice(0, 10 * LONGEST_NAME)
    .replace(/^(__main__|.*\.<locals>)\.(?=.)/, "")
    .replace(/(?<=.)\.__call__$/, "")
    .slice(0, LONGEST_NAME);

/** "cell 12, line 3", "features.py:40", or "" where it is not known. */
export function whereWords({ file, cell, line }: UserFunction): string {
  if (cell != null) return `cell ${cell}${line == null ? "" : `, line ${line}`}`;
  const place = file.slice(-LONGEST_PLACE);
  return !place || line == null ? place : `${place}:${line}`;
}

/** A function's error in one line. */
export const latestError = ({ error }: UserFunction): string =>
  error.trim().split("\n", 1)[0]!.slice(0, LONGEST_MESSAGE);

const perSecond = (rows: Maybe): string => (rows == null ? "" : `${rate(rows)} rows/s`);

/** What an operator's card says of the functions that it calls. */
export interface Work {
  /** Rows a second: now, or over all where the operator does not run. */
  rate: string;
  /** Time in the user's code. */
  seconds: string;
  /** "2 errors", or "". */
  errors: string;
  /** What waits, the calls that run, retries, tokens, and the latest error. */
  note: string;
}

/** `waits`: who waits for whom, in words, or "". */
export function workWords(
  functions: readonly UserFunction[],
  state: Operator["state"] | undefined,
  waits: string,
): Work {
  const runs = state === "running";
  const [first, ...others] = functions;
  const sum = (of: (one: UserFunction) => Maybe): number | null =>
    functions.reduce((all: number | null, one) => (of(one) == null ? all : (all ?? 0) + of(one)!), null);
  const errors = sum((one) => one.errors) ?? 0;
  const retries = sum((one) => one.retries) ?? 0;
  const running = sum((one) => one.running) ?? 0;
  const seconds = sum((one) => one.seconds);
  const tokens = sum(tokensOf);
  const overall = perSecond(first?.rate_overall);
  const speed = runs ? perSecond(first?.rate) : overall && `${overall} overall`;
  const note = [
    waits,
    runs && running > 0 && `${plural(running, "call")} run${running === 1 ? "s" : ""}`,
    retries > 0 && plural(retries, "retry", "retries"),
    tokens !== null && `${count(tokens)} tokens`,
    errors > 0 && functions.map(latestError).find(Boolean),
  ];
  const sign = functions.some((one) => one.shared) ? DERIVED : "";
  return {
    rate: (speed ? sign + speed : `rows/s ${NOT_KNOWN}`) + (others.length > 0 ? ` +${others.length}` : ""),
    seconds: seconds === null ? `time ${NOT_KNOWN}` : sign + duration(seconds),
    errors: errors > 0 ? plural(errors, "error") : "",
    note: note.filter(Boolean).join(" · "),
  };
}

/** What a counter of the models says of a function, in all; null: it was not counted. */
function counted(counters: readonly Counter[], name: string): number | null {
  const found = counters.filter((counter) => counter.name === name);
  return found.length === 0 ? null : found.reduce((all, { value }) => all + value, 0);
}

/** The tokens that models have read and written; null: they were not counted. Some models count them in all alone. */
export function tokensOf({ counters }: { counters: readonly Counter[] }): number | null {
  const models = new Map<string, Counter[]>();
  for (const counter of counters) {
    const of = JSON.stringify(counter.attributes);
    models.set(of, [...(models.get(of) ?? []), counter]);
  }
  const found = [...models.values()].flatMap((some) => {
    const [whole, read, wrote] = ["total tokens", "input tokens", "output tokens"].map((name) => counted(some, name));
    return whole ?? (read == null && wrote == null ? [] : (read ?? 0) + (wrote ?? 0));
  });
  return found.length === 0 ? null : found.reduce((all, tokens) => all + tokens);
}

/** The figures of a function, as (name, value) in the order in which one asks; those of now while it `runs`. */
export function figures(called: UserFunction, runs: boolean): [string, string][] {
  const { inits, init_seconds, lost } = called;
  const known = (value: Maybe, words: (value: Maybe) => string): string => (value == null ? NOT_KNOWN : words(value));
  const found: [string, string | false][] = [
    ["rows in", known(called.rows_in, count)],
    ["rows out", known(called.rows_out, count)],
    ["calls", known(called.calls, count)],
    ["calls now", runs && known(called.running, count)],
    ["time in its code", known(called.seconds, duration)],
    ["rows/s now, derived", runs && (perSecond(called.rate) || NOT_KNOWN)],
    ["rows/s overall, derived", perSecond(called.rate_overall) || NOT_KNOWN],
    ["initialised", (inits ?? 0) > 0 && `${inits}×, ${duration(init_seconds)} in all`],
    ["errors", known(called.errors, count)],
    ["retries", known(called.retries, count)],
    ["waited before them", (called.waited ?? 0) > 0 && duration(called.waited)],
    ["not told", lost > 0 && `what ${plural(lost, "process", "processes")} did last`],
  ];
  return found.filter((one): one is [string, string] => one[1] !== false);
}

/** The counters by what they are of: "model gpt-5, provider openai", or "". At most `most` of them. */
export function countersBy(counters: readonly Counter[], most: number): [string, Counter[]][] {
  const found = new Map<string, Counter[]>();
  for (const counter of counters.slice(0, most)) {
    const of = attributeWords(counter.attributes);
    found.set(of, [...(found.get(of) ?? []), counter]);
  }
  return [...found];
}

const attributeWords = (attributes: Counter["attributes"]): string =>
  Object.entries(attributes)
    .slice(0, MOST_ATTRIBUTES)
    .map(([name, value]) => `${isolated(name)} ${isolated(value)}`)
    .join(", ");
