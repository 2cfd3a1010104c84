// The pointer over the lanes: it moves the moment, and picks the task under it.
import type { Signal } from "@preact/signals";
import { barAt, tracksOf } from "../bars.ts";
import { timeAt } from "../cursor.tsx";
import type { Lane } from "../paint.ts";
import type { Store } from "../store.ts";
import type { Range } from "../window.ts";

const NEAR = 3; // px to a bar

/** A task, by the id of its worker and the key of its bar. */
export interface Picked {
  worker: string;
  key: string;
}

/** Return the handler of the pointer's moves. `height`: that of a lane; `axis`: where the time begins; both px. */
export function followPointer(
  store: Store,
  picked: Signal<Picked | null>,
  lanes: Lane[],
  range: Range,
  height: number,
  axis: number,
) {
  return (event: PointerEvent) => {
    const at = timeAt(event, range, axis);
    store.pointed.value = null;
    store.cursor.value = at?.t ?? null;
    const row = (event.target as HTMLElement).closest<HTMLElement>(".lane");
    const hit = at && row && lanes.find((one) => one.worker.id === row.dataset.id);
    const track = row
      ? Math.floor(((event.clientY - row.getBoundingClientRect().top) / height) * (hit ? tracksOf(hit.worker) : 1))
      : 0;
    const under = hit ? barAt(hit.bars, at.t, track, NEAR * at.perPixel, range.now) : null;
    const same = under?.key === picked.peek()?.key && hit?.worker.id === picked.peek()?.worker;
    if (!same) picked.value = under && hit ? { worker: hit.worker.id, key: under.key } : null;
  };
}
