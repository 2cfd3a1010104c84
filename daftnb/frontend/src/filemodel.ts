// Stands for the model and its kernel in a file: every snapshot is here already, and nothing else is asked.
import { applied, type Difference } from "./differences.ts";
import type { Keyframe, Snapshot } from "./snapshot.ts";
import type { Model } from "./store.ts";

/** A snapshot in so many is kept as it is, to go on from. */
const EVERY = 16;
/** Workers at once, as a live page has them. */
const LANES = 40;
/** Seconds: a time of the slider may be a little below the one that it means. */
const NEAR = 0.0005;

/** The place of the last stop at or before a time; the first one where there is none. */
export function placeOf(stops: readonly number[], t: number): number {
  let [low, high] = [0, stops.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (stops[middle]! <= t + NEAR) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The workers from number `first` on, as many as are shown at once. */
export function withLanes(snapshot: Snapshot, first: number): Snapshot {
  const pool = snapshot.workers;
  if (!pool || pool.listed <= LANES) return snapshot;
  const from = Math.max(0, Math.min(first, pool.listed - LANES));
  const inOrder = Object.entries(pool.rows).sort(([, a], [, b]) => a.place - b.place);
  return {
    ...snapshot,
    workers: { ...pool, first: from, rows: Object.fromEntries(inOrder.slice(from, from + LANES)) },
  };
}

export class FileModel implements Model {
  readonly #changes: (Difference | null)[];
  readonly #kept = new Map<number, Snapshot>();
  readonly #stops: readonly number[];
  #place: number;
  #first = 0;
  #snapshot: Keyframe;
  #onSnapshot: (() => void)[] = [];

  /** `changes`: of each stop, what has changed since the one before it. */
  constructor(changes: (Difference | null)[]) {
    this.#changes = changes;
    this.#place = changes.length - 1;
    this.#snapshot = { ...this.at(this.#place), seq: 0 };
    this.#stops = this.#snapshot.replay?.stops ?? [];
  }

  /** How many moments there are. */
  get length(): number {
    return this.#changes.length;
  }

  /** The snapshot of a moment, by its number from 0 on, as the kernel made it. */
  at(place: number): Snapshot {
    let from = place;
    while (from >= 0 && !this.#kept.has(from)) from--;
    let snapshot: object = this.#kept.get(from) ?? {};
    while (from < place) {
      snapshot = applied(snapshot as Record<string, unknown>, this.#changes[++from]!);
      if (from % EVERY === 0 || from === place) this.#kept.set(from, snapshot as Snapshot);
    }
    return snapshot as Snapshot;
  }

  get(name: string): unknown {
    if (name === "snapshot") return this.#snapshot;
    return name === "_view" ? "cockpit" : name === "layout" ? this : undefined;
  }

  on(event: string, callback: () => void): void {
    if (event === "change:snapshot") this.#onSnapshot.push(callback);
  }

  off(event: string, callback: () => void): void {
    if (event === "change:snapshot") this.#onSnapshot = this.#onSnapshot.filter((one) => one !== callback);
  }

  /** Of a view's requests a file knows two: another moment, and other workers. */
  send(content: unknown): void {
    const request = content as { type: string; t?: number; first?: number };
    if (request.type === "seek") this.#place = placeOf(this.#stops, request.t!);
    else if (request.type === "window") this.#first = request.first!;
    else return;
    this.#snapshot = { ...withLanes(this.at(this.#place), this.#first), seq: this.#snapshot.seq + 1 };
    for (const callback of this.#onSnapshot) callback();
  }
}
