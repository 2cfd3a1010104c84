// A worker's tasks as bars on its lane: which of its tracks each is on, what is under a pixel. No drawing here.
import type { Task, Worker } from "./snapshot.ts";

export interface Bar {
  key: string;
  task: number;
  /** The operator in which it ends. */
  stage: number;
  /** The query's number; 0: of the one that runs. */
  query: number;
  from: number;
  /** null: it still runs. */
  to: number | null;
  outcome: Task[5] | "running";
  track: number;
}

/** Tracks of a lane at most; what more runs at once is drawn over the others. */
export const MOST_TRACKS = 8;
const CLOSE = 2e-3; // seconds: an end and a start are rounded

export const tracksOf = (worker: Worker): number => Math.max(1, Math.min(worker.slots, MOST_TRACKS));

/** The bars by their start. `known`, per worker, keeps each task on its track while older ones leave. */
export function barsOf(worker: Worker, known: Map<string, number>): Bar[] {
  const bars: Bar[] = Object.values(worker.tasks).map(([task, stage, query, from, to, outcome]) => ({
    key: `${task}:${from}`,
    task,
    stage,
    query,
    from,
    to,
    outcome,
    track: 0,
  }));
  for (const [task, stage, from] of worker.now) {
    bars.push({ key: `${task}:${from}`, task, stage, query: 0, from, to: null, outcome: "running", track: 0 });
  }
  bars.sort((a, b) => a.from - b.from || a.task - b.task);
  const ends = new Array<number>(tracksOf(worker)).fill(-Infinity);
  const kept = new Map<string, number>();
  for (const bar of bars) {
    let track = known.get(bar.key);
    if (track === undefined) {
      track = ends.findIndex((end) => end <= bar.from + CLOSE);
      if (track < 0) track = ends.indexOf(Math.min(...ends));
    }
    track = Math.min(track, ends.length - 1);
    bar.track = track;
    ends[track] = Math.max(ends[track]!, bar.to ?? Infinity);
    kept.set(bar.key, track);
  }
  known.clear();
  for (const [key, track] of kept) known.set(key, track);
  return bars;
}

/**
 * Where the worker was busy and its tasks are not known, at least `least` seconds each. Of more tasks than are kept the
 * latest are here: up to the first end among them others may have run beside it.
 */
export function gapsOf(worker: Worker, bars: Bar[], now: number, least: number): [number, number][] {
  const ended = bars.flatMap((bar) => bar.to ?? []);
  const cut = worker.finished > ended.length ? Math.min(...ended) : -Infinity;
  const found: [number, number][] = [];
  for (const [from, end] of worker.busy_spans) {
    const to = end ?? now;
    let at = from;
    for (const bar of bars) {
      const start = Math.max(bar.from, Math.min(cut, bar.to ?? now));
      if (start >= to) break;
      if (start - at >= least) found.push([at, start]);
      at = Math.max(at, bar.to ?? Infinity);
    }
    if (to - at >= least) found.push([at, to]);
  }
  return found;
}

/** The bar at a time on a track, or the nearest to it within `most` seconds. */
export function barAt(bars: Bar[], t: number, track: number, most: number, now: number): Bar | null {
  let found: Bar | null = null;
  let nearest = Infinity;
  for (const bar of bars) {
    const away = Math.max(bar.from - t, t - (bar.to ?? now), 0);
    const score = away + (bar.track === track ? 0 : most / 2);
    if (away <= most && score < nearest) [found, nearest] = [bar, score];
  }
  return found;
}
