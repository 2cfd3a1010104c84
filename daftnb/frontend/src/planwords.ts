// What the plan says of an operator, in words. Members that are null may be gone after a patch (undefined).
import { count, duration, NOT_KNOWN, plural, rows, share, size } from "./format.ts";
import { SKEW_SECONDS, SKEW_TIMES } from "./limits.ts";
import type { Operator, Plan, Skew, Tree } from "./snapshot.ts";

export type TreeOperator = Tree["operators"][string];
/** What is drawn as a card: of a physical plan with what became of it, of a logical one without. */
export type Drawn = TreeOperator & Partial<Operator>;
export type Stage = "physical" | "optimised" | "logical";
export const STAGES: readonly Stage[] = ["physical", "optimised", "logical"];

/** The operators of a stage; null where the engine has not told of it. */
export function operatorsOf(plan: Plan, stage: Stage): Drawn[] | null {
  const running = Object.values(plan.operators);
  if (stage === "physical" && running.length > 0) return running;
  const tree = (plan.plans as Record<string, Tree | undefined>)[stage];
  return tree ? Object.values(tree.operators) : null;
}

/** What an operator does, before what it is like; the name is not needed to understand it. */
const SAYS = /^(projection|predicate|on|expr|exprs|aggregations|sort by): /i;

/** An expression as a person would write it, for a card: `col(0: v) > lit(2)` is `v > 2`. */
export function brief(detail: string): string {
  const lines = detail.slice(0, 600).split("\n");
  const line = lines.find((one) => SAYS.test(one)) ?? lines[0]!;
  return line
    .replace(SAYS, "")
    .replace(/\b(?:col\((?:\d+: |left\.|right\.)?([^()#]*)(?:#[^()]*)?\)|lit\(([^()]*)\))/g, "$1$2");
}

/** A task of which the others are not like: it took twice the median, and half a second more. */
export function stragglers(skew: Skew | null | undefined): Skew["longest"] {
  const median = skew?.median;
  if (!skew || median == null) return [];
  return skew.longest.filter(({ seconds }) => seconds > SKEW_TIMES * median && seconds - median > SKEW_SECONDS);
}

/** "7.5× median", or "" where no task stands out. */
export function skewShort(skew: Skew | null | undefined): string {
  const [longest] = stragglers(skew);
  return longest ? `${times(longest.seconds / skew!.median!)} median` : "";
}

/** "longest 8.20 s, median ≈ 1.10 s, 40 tasks". */
export const skewWords = (skew: Skew): string =>
  `longest ${duration(skew.longest[0]?.seconds)}, median ≈ ${duration(skew.median)}, ${plural(skew.tasks, "task")}`;

export const times = (ratio: number): string =>
  `${ratio < 10 ? ratio.toFixed(1).replace(/\.0$/, "") : Math.round(ratio)}×`;

/** What is left of the rows: "49 % kept", "3.2× as many", or "" where it is all of them. */
export function keptWords(selectivity: number | null | undefined): string {
  if (selectivity == null || selectivity === 1) return "";
  if (selectivity > 1) return selectivity < 1.05 ? "" : `${times(selectivity)} as many`;
  return selectivity > 0.995 ? "" : selectivity === 0 ? "none kept" : `${share(selectivity)} kept`;
}

/** How far the engine's estimate was off, where it was: by twice or more; "102× fewer". */
export function misjudged({ estimated_rows: estimated, rows_out: actual, state }: Drawn): string {
  if (estimated == null || actual == null || state !== "finished") return "";
  const [less, more] = [Math.max(1, Math.min(estimated, actual)), Math.max(estimated, actual)];
  if (more < 2 * less || more < 10) return "";
  return `${times(more / less)} ${actual > estimated ? "more" : "fewer"}`;
}

/** Whether an operator is one that calls a user's function, by its name: this is known before it has called any. */
export const callsByName = ({ name }: Drawn): boolean => /^(Actor|Async)?UDF\b/.test(name);

/** Whether an operator calls a function, has begun, and nothing is told of its rows: the engine may do so only when a
 * task ends, and of actors never. */
export const isUntold = (operator: Drawn): boolean =>
  callsByName(operator) && operator.state != null && operator.state !== "waiting" && operator.rows_out == null;

/** The operator's time, with what is derived, in seconds; null: not known. */
export const secondsOf = ({ duration_us, derived_us }: Drawn): number | null =>
  duration_us == null && derived_us == null ? null : ((duration_us ?? 0) + (derived_us ?? 0)) / 1e6;

/** Sign of numbers that are not the engine's, or not to the last digit. */
export const DERIVED = "≈ ";

/** `short`: there is little room. */
export function rowWords(operator: Drawn, short: boolean): string {
  const { rows_in, rows_out, estimated_rows, state } = operator;
  if (isUntold(operator)) return `rows ${NOT_KNOWN}`;
  if (rows_out != null && state !== "waiting") {
    const flow = (of: (value: number) => string) =>
      (operator.derived_rows ? DERIVED : "") +
      (rows_in == null || rows_in === rows_out ? "" : `${count(rows_in)} → `) +
      of(rows_out);
    if (short) return flow(rows);
    if (misjudged(operator)) return `${flow(count)} · ${count(estimated_rows)} expected`;
    const kept = keptWords(operator.selectivity);
    return flow(rows) + (kept && ` · ${kept}`);
  }
  return estimated_rows != null ? `about ${rows(estimated_rows)} expected` : "";
}

/** The slowest path is worth a mark only where there is another. */
export const hasPaths = (operators: Drawn[]): boolean =>
  operators.some((operator) => operator.slowest) && operators.some((operator) => !operator.slowest);

type Udf = Plan["udfs"][string];

/** By operator: the UDF whose actors run it, its name first. */
export type ActorsById = Map<number, [string, Udf]>;

/** Match UDFs with the operators that call them, by name or by expression. */
export function actorsOf(plan: Plan): ActorsById {
  const udfs = Object.entries(plan.udfs);
  const operators =
    udfs.length > 0
      ? Object.values(plan.operators).filter(({ name }) => name in plan.udfs || /^ActorUDF/.test(name))
      : [];
  const found = new Map<number, [string, Udf]>();
  for (const { id, name, detail } of operators) {
    const expression = /^Expr: (.+)$/m.exec(detail)?.[1];
    const one = udfs.find(([udf]) => udf === name || (expression && udf.includes(expression)));
    if (one || (udfs.length === 1 && operators.length === 1)) found.set(id, one ?? udfs[0]!);
  }
  return found;
}

export function udfWords({ count: actors, idle, awaited, limit, asked, why }: Udf): string {
  const reason = why ? `; ${why}` : "";
  if (awaited) return `waits for ${plural(awaited, "actor")}, ${duration(limit ?? 0)} at most${reason}`;
  if (actors === 0) return "its actors have ended";
  const few = asked > actors ? ` of ${asked} asked` : "";
  return plural(actors, "actor") + few + (idle != null ? `, ${idle} idle` : "") + reason;
}

/** All that is known of an operator, as (name, value) in the order in which one asks. */
export function facts(operator: Drawn, plan: Plan, udf?: Udf): [string, string][] {
  const { tasks, skew, derived_us, estimated_rows } = operator;
  const seconds = secondsOf(operator);
  const untold = isUntold(operator) && NOT_KNOWN;
  const derived = operator.derived_rows ? ", derived" : "";
  const found: [string, string | false | null | undefined][] = [
    [`rows in${derived}`, operator.rows_in == null ? untold : count(operator.rows_in)],
    [`rows out${derived}`, operator.rows_out == null ? untold : count(operator.rows_out)],
    ["selectivity, derived", operator.selectivity != null && String(Number(operator.selectivity.toPrecision(3)))],
    [
      "rows expected",
      estimated_rows != null && [count(estimated_rows), misjudged(operator)].filter(Boolean).join("; in fact "),
    ],
    ["bytes in", operator.bytes_in != null && size(operator.bytes_in)],
    ["bytes out", operator.bytes_out != null && size(operator.bytes_out)],
    ["work, all threads", seconds === null ? untold : duration(seconds)],
    ["of that, derived", derived_us != null && duration(derived_us / 1e6)],
    ["of the query's work", share(operator.time_share)],
    ["tasks", tasks && tasksWords(tasks)],
    ["task times", skew && stragglers(skew).length === 0 && skewWords(skew)],
    ["UDF actors", udf && udfWords(udf)],
    ["runs with", operator.stage != null && operator.stage !== operator.id && fusedWords(operator, plan)],
  ];
  return found.filter((fact): fact is [string, string] => Boolean(fact[1]));
}

export function tasksWords(tasks: NonNullable<Operator["tasks"]>): string {
  const others = (["running", "pending", "failed", "cancelled"] as const).filter((name) => tasks[name]);
  return [`${tasks.finished} of ${tasks.submitted} done`, ...others.map((name) => `${tasks[name]} ${name}`)].join(", ");
}

/** A name within a sentence: whatever direction it has ends with it. */
export const isolated = (name: string): string => `\u2068${name.slice(0, 80)}\u2069`;

const fusedWords = (operator: Drawn, plan: Plan): string => {
  const last = plan.operators[operator.stage!];
  return last ? `${isolated(last.name)}, in the same tasks` : "";
};
