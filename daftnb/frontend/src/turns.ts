// What one frame of the data changes is drawn over several frames of the screen: each part of a view has one to itself.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Frame } from "./frame.ts";
import type { Store } from "./store.ts";

/** What waits longer is drawn with the part whose turn it is: late is worse than long. */
export const PATIENCE_MS = 150;

type Part = () => void;

/** Who draws in which frame of the screen: whoever asks first, once each. */
export class Turns {
  readonly #parts = new Set<Part>();
  readonly #waiting = new Map<Part, number>(); // since when, ms
  #next: number | null = null;
  #drew = false; // since the screen's last frame

  constructor(abort: AbortSignal) {
    abort.addEventListener("abort", () => {
      if (this.#next !== null) cancelAnimationFrame(this.#next);
      this.#waiting.clear();
      this.#parts.clear();
    });
  }

  /** A part that draws what a frame changes. What is given back ends it. */
  join(part: Part): () => void {
    this.#parts.add(part);
    return () => {
      this.#parts.delete(part);
      this.#waiting.delete(part);
    };
  }

  /** A frame is there for all parts. Where nothing waits the first draws at once: that is the screen's next frame. */
  all(): void {
    const idle = this.#waiting.size === 0;
    for (const part of this.#parts) this.ask(part);
    if (!idle) return;
    this.#first();
    this.#drew = this.#next !== null;
  }

  /** A turn for a part: as it joins, or when it had more to draw than one frame of the screen has time for. */
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

/** The store's frame, as it comes to a component in its turn. */
export function useFrame(store: Store): Frame | null {
  const frame = useSignal(store.frame.peek());
  useEffect(() => {
    const draw = () => (frame.value = store.frame.peek());
    draw(); // what came since it was made
    return store.turns.join(draw);
  }, [store]);
  return frame.value;
}
