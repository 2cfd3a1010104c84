// The bars of the workers' tasks, made once for each state of a worker.
import { useRef } from "preact/hooks";
import { type Bar, barsOf } from "../bars.ts";
import type { Worker } from "../snapshot.ts";

/** Return a function that gives a worker's bars; a task stays in its track as snapshots come. */
export function useBars(): (worker: Worker) => Bar[] {
  const known = useRef(new WeakMap<Worker, Bar[]>()).current;
  const tracks = useRef(new Map<string, Map<string, number>>()).current;
  return (worker) => {
    let bars = known.get(worker);
    if (!bars) {
      if (!tracks.has(worker.id)) tracks.set(worker.id, new Map());
      bars = barsOf(worker, tracks.get(worker.id)!);
      known.set(worker, bars);
    }
    return bars;
  };
}
