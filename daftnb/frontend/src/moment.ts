// All that was so at one moment: of the backlog, the workers, and what was decided.
import { ratio, signed } from "./format.ts";
import type { Backlog, Decision, Mark, Point, Snapshot, Step, Worker } from "./snapshot.ts";
import { clamp, type Range, rangeOf, zeroOf } from "./window.ts";
import { NOTHING_RUNS, nothingRuns } from "./words.ts";

export interface Moment {
  t: number;
  /** What it is, and how much. */
  facts: [string, string][];
  over: boolean;
  /** Whether no query runs then, so that there is no backlog to speak of. */
  idle: boolean;
  /** The decisions about then: number, kind, words. */
  decisions: [string, string, string][];
}

/** Decisions as near as this share of the range are at one moment. */
const NEAR = 0.008;

/** The point that was so at `t`: the last one before. */
export function pointAt(points: Record<string, Point>, t: number): Point | null {
  let found: Point | null = null;
  for (const point of Object.values(points)) {
    if (point[0] > t) break;
    found = point;
  }
  return found;
}

/** The thresholds of a range as steps, and where the last ends; where no change of it is known, the one all along. */
export function stepsWithin(backlog: Backlog, range: Range): { points: Step[]; until: number } {
  const steps = Object.values(backlog.thresholds ?? {});
  if (steps.length === 0) return { points: [[range.from, backlog.threshold]], until: range.to };
  const until = Math.min(range.now, range.to);
  const before = steps.filter(([t]) => t <= range.from).slice(-1);
  const after = steps.filter(([t]) => t > range.from && t <= until);
  return { points: [...before.map(([, value]): Step => [range.from, value]), ...after], until };
}

/** The threshold that was in effect at `t`; null: not known. */
export function thresholdAt(backlog: Backlog, t: number): number | null {
  const steps = Object.values(backlog.thresholds ?? {});
  if (steps.length === 0) return backlog.threshold;
  return steps.filter(([since]) => since <= t).at(-1)?.[1] ?? null;
}

/** The mark nearest to `t`, within `most` seconds. */
export function markAt(marks: Record<string, Mark>, t: number, most: number): string | null {
  let found: string | null = null;
  for (const [key, mark] of Object.entries(marks)) {
    const away = Math.abs(mark.t - t);
    if (away > most) continue;
    most = away;
    found = key;
  }
  return found;
}

/** The mark after `t`, or before it (`step` −1). */
export function nextMark(marks: Record<string, Mark>, t: number, step: 1 | -1): string | null {
  const keys = Object.keys(marks);
  if (step < 0) keys.reverse();
  return keys.find((key) => (marks[key]!.t - t) * step > 1e-6) ?? null;
}

const covers = (from: number | null | undefined, to: number | null | undefined, t: number): boolean =>
  from != null && from <= t && (to == null || t < to);

function wasBusy(worker: Worker, t: number): boolean {
  return (
    Object.values(worker.tasks).some((task) => covers(task[3], task[4], t)) ||
    worker.now.some((task) => covers(task[2], null, t)) ||
    worker.busy_spans.some(([from, to]) => covers(from, to, t))
  );
}

const GONE = new Set(["retired", "died", "gone"]);

/** Of one that has ended, its start is not known: it was there from its first task on. */
function wasThere(worker: Worker, t: number): boolean {
  if (!GONE.has(worker.state)) return worker.started != null && worker.started <= t;
  const first = Math.min(
    ...Object.values(worker.tasks).map((task) => task[3]),
    ...worker.busy_spans.map(([from]) => from),
  );
  return first <= t && t < worker.since;
}

/** How many workers were busy and idle at `t`, by their tasks; null where not all of them are here. */
export function poolAt(snapshot: Snapshot, t: number): [number, number] | null {
  const pool = snapshot.workers;
  if (!pool) return null;
  if (t >= snapshot.now) return [pool.busy, pool.idle];
  const rows = Object.values(pool.rows);
  if (rows.length < pool.listed) return null;
  let busy = 0;
  let idle = 0;
  for (const worker of rows) {
    if (wasBusy(worker, t)) busy += 1;
    else if (wasThere(worker, t)) idle += 1;
  }
  return [busy, idle];
}

const known = (value: number | null | undefined): string => (value == null ? "—" : String(value));

/** The moment `t`, or now. */
export function momentOf(snapshot: Snapshot, t: number | null, pointed: string | null): Moment {
  const range = rangeOf(snapshot);
  const at = clamp(t ?? Infinity, range.from, Math.min(range.now, range.to));
  const facts: [string, string][] = [];
  const { backlog } = snapshot;
  const [, r, pending, running, capacity, , wanted, granted, observed] = (t === null
    ? now(backlog)
    : backlog && pointAt(backlog.points, at)) ?? [at, null, 0, 0, 0, 0, null, null, null];
  const threshold = backlog == null ? null : t === null ? backlog.threshold : thresholdAt(backlog, at);
  const idle = nothingRuns(snapshot) && (t === null || at >= (snapshot.query?.ended ?? Infinity));
  const over = !idle && threshold != null && r != null && r > threshold;
  if (backlog) {
    const said = idle ? "—" : r == null && pending > 0 ? "no workers" : ratio(r) + (over ? " ↑" : "");
    facts.push(["ratio", said], ["threshold", ratio(threshold)]);
    facts.push(
      ...Object.entries({ pending, running, capacity }).map(([name, value]): [string, string] => [
        name,
        idle ? "—" : known(value),
      ]),
    );
    facts.push(["wanted", known(wanted)], ["granted", known(granted)], ["observed", known(observed)]);
  }
  const pool = poolAt(snapshot, t === null ? Infinity : at);
  if (pool) facts.push(["busy", `${pool[0]}, idle ${pool[1]}`]);
  return { t: at, facts, over, idle, decisions: t === null ? [] : decisionsAt(snapshot, at, range, pointed) };
}

function now(backlog: Backlog | undefined): Point | null {
  if (!backlog) return null;
  const { ratio: r, pending, running, capacity, wanted, granted, observed } = backlog;
  if (pending == null || running == null || capacity == null) return null;
  return [0, r, pending, running, capacity, 0, wanted ?? null, granted ?? null, observed ?? 0];
}

function decisionsAt(snapshot: Snapshot, t: number, range: Range, pointed: string | null): Moment["decisions"] {
  const most = (range.to - range.from) * NEAR;
  const all: Record<string, Mark | Decision> = snapshot.decisions ?? snapshot.backlog?.marks ?? {};
  return Object.entries(all)
    .filter(([key, decision]) => key === pointed || Math.abs(decision.t - t) <= most)
    .sort(([a], [b]) => Number(b === pointed) - Number(a === pointed))
    .map(([key, { kind, text, ...more }]) => {
      const count = "count" in more && more.count > 1 ? ` ×${more.count}` : "";
      return [key, kind, text + count];
    });
}

/** The moment in a sentence. */
export function momentWords(moment: Moment, range: Range): string {
  const facts = moment.facts.map(([name, value]) => `${name} ${value}`);
  return [
    signed(moment.t - zeroOf(range)),
    ...(moment.idle ? [NOTHING_RUNS] : []),
    ...facts,
    ...moment.decisions.map(([, , text]) => text),
  ].join(", ");
}
