// The actors, or processes, that a function (a UDF) runs in: what is said of them, and who waits for whom.

import { duration, plural, ticking } from "./format.ts";
import { callsOf, functionsOf } from "./functions.ts";
import { type ActorsById, type Drawn, isolated } from "./planwords.ts";
import type { Plan, Udf, UdfActor, Function as UserFunction } from "./snapshot.ts";

const IDLE_SECONDS = 1; // between two batches any actor is idle for a moment: that is no news
const LIVE = new Set(["starting", "initialising", "busy", "idle"]);

type Actors = UserFunction["actors"];

export const isLive = ({ state }: UdfActor): boolean => LIVE.has(state);

const having = (actors: Actors, ...states: string[]): number =>
  Object.values(actors).filter(({ state }) => states.includes(state)).length;

/** The actors that Daft waits for, or has counted, of a function: those of an operator that calls it. */
export const udfOf = ({ operators }: UserFunction, actors: ActorsById): Udf | undefined =>
  operators.map((id) => actors.get(id)?.[1]).find(Boolean);

/** How many actors of a function there are, and how many Daft has asked for while it waits for them, else 0. */
function countsOf({ actors }: UserFunction, udf: Udf | undefined): { live: number; ready: number; asked: number } {
  const live = Object.values(actors).filter(isLive).length;
  return {
    live,
    ready: live - having(actors, "starting"),
    asked: udf?.awaited ? Math.max(udf.awaited, live) : 0,
  };
}

/** For a card: "3/4 actors", "4 actors, 1 idle", or "" where none is left. */
export function actorsShort(called: UserFunction, udf: Udf | undefined): string {
  const { live, ready, asked } = countsOf(called, udf);
  const idle = having(called.actors, "idle");
  if (asked > ready) return `${ready}/${asked} actors`;
  return live === 0 ? "" : plural(live, "actor") + (idle > 0 ? `, ${idle} idle` : "");
}

/** "3 actors of 4 asked, 1 idle; waits at most 120 s for the rest", "4 actors, 1 initialising, 2 idle",
 * "2 actors of 8 asked; the cluster has room for 2 of them, 6 CPUs are missing", or "2 actors: 2 ended". */
export function actorsWords(called: UserFunction, udf: Udf | undefined): string {
  const { actors, actors_left_out } = called;
  const { live, ready, asked } = countsOf(called, udf);
  const states = (["initialising", "idle", "ended", "died"] as const)
    .map((state): [number, string] => [having(actors, state), state])
    .filter(([number]) => number > 0)
    .map(([number, state]) => `${number} ${state}`);
  if (actors_left_out) states.push(`${actors_left_out} more are not listed`);
  const there = asked ? `${plural(ready, "actor")} of ${asked} asked` : plural(live, "actor");
  if (!asked && live === 0 && states.length > 0)
    return `${plural(Object.keys(actors).length, "actor")}: ${states.join(", ")}`;
  const rest = asked > ready ? `; waits at most ${duration(udf!.limit ?? 0)} for the rest` : "";
  const few = !asked && udf && udf.count > 0 && udf.asked > udf.count ? ` of ${udf.asked} asked` : "";
  return [there + few, ...states].join(", ") + rest + whyWords(udf);
}

/** "; the cluster has room for 2 of them, 6 CPUs are missing", or "". */
const whyWords = (udf: Udf | undefined): string => (udf?.why ? `; ${udf.why}` : "");

/** "initialising for 12 s", "idle for 3 s", "busy": a state with the time where it is of use. */
export const actorWords = ({ state, since }: UdfActor, now: number): string =>
  state === "starting" || state === "initialising" || state === "idle" ? `${state} for ${ticking(now - since)}` : state;

/** Live actors first, each in the order of its key: numbers in a key count as numbers. */
export const inOrder = (actors: Actors): [string, UdfActor][] =>
  Object.entries(actors).sort(
    ([a, one], [b, other]) =>
      Number(isLive(other)) - Number(isLive(one)) || a.localeCompare(b, "en", { numeric: true }),
  );

/** Why an operator's actors do nothing, or what waits before them: short for its card, and in a sentence. */
export interface Wait {
  short: string;
  long: string;
}

/** Say of each operator with actors whether its input starves it, or whether it keeps its input waiting. */
export function waitsOf(plan: Plan, now: number): Map<number, Wait> {
  const waits = new Map<number, Wait>();
  for (const [id, functions] of functionsOf(plan).length > 0 ? callsOf(plan) : []) {
    const operator = plan.operators[id];
    const actors = functions.flatMap(([, { actors }]) => Object.values(actors)).filter(isLive);
    if (operator?.state !== "running" || actors.length === 0) continue;
    const wait = starved(plan, operator, actors, now) ?? behind(actors);
    if (wait) waits.set(id, wait);
  }
  return waits;
}

function starved(plan: Plan, operator: Drawn, actors: UdfActor[], now: number): Wait | null {
  if (!actors.every(({ state, since }) => state === "idle" && now - since >= IDLE_SECONDS)) return null;
  const input = runningInput(plan, operator);
  if (!input) return null;
  const all = actors.length === 1 ? "The actor is" : `All ${actors.length} actors are`;
  return { short: "idle: its input is slow", long: `${all} idle: the input, ${isolated(input.name)}, is slow.` };
}

function behind(actors: UdfActor[]): Wait | null {
  const queue = actors.reduce((all, actor) => all + (actor.queue ?? 0), 0);
  if (queue === 0 || actors.some(({ state }) => state === "idle")) return null;
  const waiting = `${plural(queue, "batch", "batches")} wait${queue === 1 ? "s" : ""}`;
  return {
    short: waiting,
    long: `${waiting} for ${plural(actors.length, "actor")}: what comes after is kept waiting.`,
  };
}

/** The nearest operator that runs, of those that feed one. */
function runningInput(plan: Plan, operator: Drawn): Drawn | null {
  const seen = new Set<number>();
  let layer = operator.inputs;
  while (layer.length > 0) {
    const next: number[] = [];
    for (const id of layer) {
      const input = plan.operators[id];
      if (!input || seen.has(id)) continue;
      if (input.state === "running") return input;
      seen.add(id);
      next.push(...input.inputs);
    }
    layer = next;
  }
  return null;
}
