// All that was so at one moment: of the backlog, the workers, and what was decided.
import type { Backlog, Decision, Frame, Mark, Point, Worker } from "./frame.ts";
import { ratio, signed } from "./format.ts";
import { clamp, rangeOf, zeroOf, type Range } from "./window.ts";

export interface Moment {
  t: number;
  /** What it is, and how much. */
  facts: [string, string][];
  over: boolean;
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
  const first = Math.min(...Object.values(worker.tasks).map((task) => task[3]), ...worker.busy_spans.map(([from]) => from));
  return first <= t && t < worker.since;
}

/** How many workers were busy and idle at `t`, by their tasks; null where not all of them are here. */
export function poolAt(frame: Frame, t: number): [number, number] | null {
  const pool = frame.workers;
  if (!pool) return null;
  if (t >= frame.now) return [pool.busy, pool.idle];
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
export function momentOf(frame: Frame, t: number | null, pointed: string | null): Moment {
  const range = rangeOf(frame);
  const at = clamp(t ?? Infinity, range.from, Math.min(range.now, range.to));
  const facts: [string, string][] = [];
  const { backlog } = frame;
  const [, r, pending, running, capacity, , wanted, granted, observed] =
    (t === null ? now(backlog) : backlog && pointAt(backlog.points, at)) ?? [at, null, 0, 0, 0, 0, null, null, null];
  const over = backlog != null && r != null && r > backlog.threshold;
  if (backlog) {
    facts.push(["ratio", r == null && pending > 0 ? "no workers" : ratio(r) + (over ? " ↑" : "")], ["threshold", ratio(backlog.threshold)]);
    facts.push(["pending", known(pending)], ["running", known(running)], ["capacity", known(capacity)]);
    facts.push(["wanted", known(wanted)], ["granted", known(granted)], ["observed", known(observed)]);
  }
  const pool = poolAt(frame, t === null ? Infinity : at);
  if (pool) facts.push(["busy", `${pool[0]}, idle ${pool[1]}`]);
  return { t: at, facts, over, decisions: t === null ? [] : decisionsAt(frame, at, range, pointed) };
}

function now(backlog: Backlog | undefined): Point | null {
  if (!backlog) return null;
  const { ratio: r, pending, running, capacity, wanted, granted, observed } = backlog;
  return [0, r, pending, running, capacity, 0, wanted ?? null, granted ?? null, observed ?? 0];
}

function decisionsAt(frame: Frame, t: number, range: Range, pointed: string | null): Moment["decisions"] {
  const most = (range.to - range.from) * NEAR;
  const all: Record<string, Mark | Decision> = frame.decisions ?? frame.backlog?.marks ?? {};
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
  return [signed(moment.t - zeroOf(range)), ...facts, ...moment.decisions.map(([, , text]) => text)].join(", ");
}
