// The keyboard in the lanes: along a lane from task to task, and up and down to the lane beside it at the same time.
import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import type { Bar } from "../bars.ts";
import type { Worker } from "../snapshot.ts";
import type { Store } from "../store.ts";
import { clamp, type Range } from "../window.ts";
import type { Picked } from "./pointer.ts";

/** By key: how many lanes down, and how many tasks on. */
const STEPS: Record<string, readonly [lanes: number, tasks: number]> = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  Home: [0, -Infinity],
  End: [0, Infinity],
};

interface Pool {
  store: Store;
  box: RefObject<HTMLElement | null>;
  workers: Worker[];
  barsOf: (worker: Worker) => Bar[];
  picked: Signal<Picked | null>;
  range: Range;
}

/** Return the id of the worker whose lane had the focus last, and a function that goes where a key leads. Of its
 * parameters, `height` is that of a row in px, and `from` is when the picked task began. */
export function useKeyboard({ store, box, workers, barsOf, picked, range }: Pool) {
  const active = useSignal<string | null>(null);

  const choose = (place: number, bar: Bar | undefined, height: number) => {
    const { id } = workers[place]!;
    active.value = id;
    picked.value = bar ? { worker: id, key: bar.key } : null;
    if (bar) store.cursor.value = clamp(bar.from, range.from, range.to);
    const element = box.current!;
    element.scrollTop = clamp(element.scrollTop, (place + 1) * height - element.clientHeight, place * height);
    requestAnimationFrame(() =>
      element.querySelector<HTMLElement>(`.lane[data-id="${CSS.escape(id)}"]`)?.focus({ preventScroll: true }),
    );
  };

  const go = (event: KeyboardEvent, height: number, from: number | undefined) => {
    const place = workers.findIndex((worker) => worker.id === (event.target as HTMLElement).dataset.id);
    const step = STEPS[event.key];
    if (!step || place < 0) return;
    event.preventDefault();
    const [lanes, tasks] = step;
    const to = clamp(place + lanes, 0, workers.length - 1);
    const bars = barsOf(workers[to]!);
    const t = from ?? store.cursor.peek() ?? range.now;
    const at = to === place ? bars.findIndex((one) => one.key === picked.peek()?.key) : -1;
    let next = at + tasks;
    if (at < 0 && Number.isFinite(tasks)) next = bars.filter((one) => one.from <= t).length - 1;
    choose(to, bars[clamp(next, 0, bars.length - 1)], height);
  };

  return [active.value, go] as const;
}
