// What the page says of the user's functions (UDFs), and of the operators that call them. Members that are null may be
// gone after a patch (undefined).
import { count, duration, NOT_KNOWN, plural, rate, UNKNOWN } from "./format.ts";
import { isolated } from "./planwords.ts";
import type { Counter, Operator, Plan, Function as UserFunction } from "./snapshot.ts";

const LONGEST_MESSAGE = 300; // characters of an error's first line
const LONGEST_PLACE = 200;

/** The functions that were called, each with its key; none of a dataframe that has not run. */
export const functionsOf = (plan: Plan): [string, UserFunction][] => Object.entries(plan.functions ?? {});

/** By operator: the functions that it calls, each with its key; the one that took the most time first. */
export type Calls = ReadonlyMap<number, [string, UserFunction][]>;

export function callsOf(plan: Plan): Calls {
  const calls = new Map<number, [string, UserFunction][]>();
  const called = functionsOf(plan).sort(([, a], [, b]) => b.seconds - a.seconds);
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
  (KINDS[kind] ?? kind) + (is_class ? ", by a class" : "");

/** "cell 12, line 3", "features.py, line 40", or that it is not known. */
export function whereWords({ file, cell, line }: UserFunction): string {
  const place = cell != null ? `cell ${cell}` : file.slice(-LONGEST_PLACE);
  if (!place) return NOT_KNOWN;
  return line == null ? place : `${place}, line ${line}`;
}

/** A function's error in one line. */
export const latestError = ({ error }: UserFunction): string =>
  error.trim().split("\n", 1)[0]!.slice(0, LONGEST_MESSAGE);

const perSecond = (rows: number | null | undefined): string => (rows == null ? "" : `${rate(rows)} rows/s`);

/** What an operator's card says of the functions that it calls. */
export interface Work {
  /** Rows a second: now, or over all where the operator does not run. */
  rate: string;
  /** Time in the user's code. */
  seconds: string;
  /** Errors first; then what waits, the calls that run, retries, tokens, and the latest error. */
  note: string;
  failed: boolean;
}

/** `waits`: who waits for whom, in words, or "". */
export function workWords(
  functions: readonly UserFunction[],
  state: Operator["state"] | undefined,
  waits: string,
): Work {
  const runs = state === "running";
  const [first, ...others] = functions;
  const sum = (of: (one: UserFunction) => number) => functions.reduce((all, one) => all + of(one), 0);
  const [errors, retries, running] = [sum((f) => f.errors), sum((f) => f.retries), sum((f) => f.running)];
  const tokens = functions.map(tokensOf).filter((value) => value !== null);
  const now = runs
    ? perSecond(first?.rate)
    : first?.rate_overall == null
      ? ""
      : `${perSecond(first.rate_overall)} overall`;
  const note = [
    errors > 0 && plural(errors, "error"),
    waits,
    runs && running > 0 && `${plural(running, "call")} run${running === 1 ? "s" : ""}`,
    retries > 0 && plural(retries, "retry", "retries"),
    tokens.length > 0 && `${count(tokens.reduce((all, one) => all + one))} tokens`,
    errors > 0 && functions.map(latestError).find(Boolean),
  ];
  return {
    rate: (now || "rows/s not known") + (others.length > 0 ? ` +${others.length}` : ""),
    seconds: duration(sum((f) => f.seconds)),
    note: note.filter(Boolean).join(" · "),
    failed: errors > 0,
  };
}

/** What a counter of the models says of a function, in all; null: it was not counted. */
export function counted(counters: readonly Counter[], name: string): number | null {
  const found = counters.filter((counter) => counter.name === name);
  return found.length === 0 ? null : found.reduce((all, { value }) => all + value, 0);
}

/** The tokens that a model has read and written; null: they were not counted. */
export function tokensOf({ counters }: { counters: readonly Counter[] }): number | null {
  const [whole, read, wrote] = ["total tokens", "input tokens", "output tokens"].map((name) => counted(counters, name));
  return whole ?? (read === null && wrote === null ? null : (read ?? 0) + (wrote ?? 0));
}

/** The figures of a function, as (name, value) in the order in which one asks. */
export function figures(called: UserFunction): [string, string][] {
  const { inits, init_seconds, errors, retries, lost } = called;
  const found: [string, string | false][] = [
    ["rows in", count(called.rows_in)],
    ["rows out", count(called.rows_out)],
    ["calls", count(called.calls)],
    ["calls now", String(called.running)],
    ["time in its code", duration(called.seconds)],
    ["rows/s now, derived", perSecond(called.rate) || NOT_KNOWN],
    ["rows/s overall, derived", perSecond(called.rate_overall) || NOT_KNOWN],
    ["initialised", inits > 0 && `${inits}×, ${duration(init_seconds)} in all`],
    ["errors", String(errors)],
    ["retries", String(retries)],
    ["calls that were not told", lost > 0 && `${count(lost)}: the figures are too low`],
  ];
  return found.filter((one): one is [string, string] => one[1] !== false);
}

/** "model gpt-5, provider openai". */
export const attributeWords = (attributes: Counter["attributes"]): string =>
  Object.entries(attributes)
    .map(([name, value]) => `${isolated(name)} ${isolated(value)}`)
    .join(", ") || UNKNOWN;
