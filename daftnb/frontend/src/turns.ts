// Spreads the drawing of one snapshot over several frames of the screen: each part of a view draws in one of them.
import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Snapshot } from "./snapshot.ts";

/** A part that has waited longer is drawn together with the part whose turn it is: late is worse than long. */
export const PATIENCE_MS = 150;

type Part = () => void;

/** Gives the frames of the screen to parts of a view, in the order in which they ask, once each. */
export class Turns {
  readonly #parts = new Set<Part>();
  readonly #waiting = new Map<Part, number>(); // since when it waits, ms
  #next: number | null = null;
  #drew = false; // whether a part was drawn since the last frame of the screen

  constructor(abort: AbortSignal) {
    abort.addEventListener("abort", () => {
      if (this.#next !== null) cancelAnimationFrame(this.#next);
      this.#waiting.clear();
      this.#parts.clear();
    });
  }

  /** Add a part that draws what a snapshot changes. Return a function that removes it. */
  join(part: Part): () => void {
    this.#parts.add(part);
    return () => {
      this.#parts.delete(part);
      this.#waiting.delete(part);
    };
  }

  /** Let all parts draw a new snapshot. Where none waits yet, the first draws at once, in time for the next frame of
   * the screen. */
  all(): void {
    const idle = this.#waiting.size === 0;
    for (const part of this.#parts) this.ask(part);
    if (!idle) return;
    this.#first();
    this.#drew = this.#next !== null;
  }

  /** Give a part a turn: one that has more to draw than one frame of the screen has time for asks for another. */
  ask(part: Part): void {
    if (!this.#waiting.has(part)) this.#waiting.set(part, performance.now());
    this.#next ??= requestAnimationFrame(() => this.#turn());
  }

  #turn(): void {
    this.#next = null;
    if (!this.#drew) this.#first();
    this.#drew = false;
    const now = performance.now();
    for (const [part, since] of [...this.#waiting]) {
      if (now - since < PATIENCE_MS) break; // they wait in the order of asking
      this.#waiting.delete(part);
      part();
    }
    if (this.#waiting.size > 0) this.#next ??= requestAnimationFrame(() => this.#turn());
  }

  #first(): void {
    const [part] = this.#waiting.keys();
    if (part === undefined) return;
    this.#waiting.delete(part);
    part();
  }
}

/** Where the snapshots come from, and who gives the turns to draw them: a view's store has both. */
interface Source {
  readonly snapshot: ReadonlySignal<Snapshot | null>;
  readonly turns: Turns;
}

/** Return the latest snapshot; the component is drawn with a new one when its turn comes. */
export function useSnapshot(source: Source): Snapshot | null {
  const snapshot = useSignal(source.snapshot.peek());
  useEffect(() => {
    const draw = () => (snapshot.value = source.snapshot.peek());
    draw(); // one may have come since the component was made
    return source.turns.join(draw);
  }, [source]);
  return snapshot.value;
}
