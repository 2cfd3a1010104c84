// Workers as lanes: only those in sight are in the page, and a lane is painted when its worker or the time has changed.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { gapsOf, tracksOf } from "./bars.ts";
import { Cursor, rest } from "./cursor.tsx";
import { Fold } from "./fold.tsx";
import { plural } from "./format.ts";
import { useBars } from "./lanes/bars.ts";
import { useKeyboard } from "./lanes/keyboard.ts";
import { Legend } from "./lanes/legend.tsx";
import { usePainting } from "./lanes/painting.ts";
import { followPointer, type Picked } from "./lanes/pointer.ts";
import { useRows } from "./lanes/rows.tsx";
import { Tip, taskWords } from "./lanes/tip.tsx";
import { useViewport } from "./lanes/viewport.ts";
import type { Lane } from "./paint.ts";
import type { Snapshot, Worker } from "./snapshot.ts";
import type { Store } from "./store.ts";
import type { Theme } from "./theme.ts";
import { AXIS, clamp, END, type Range, shareOf } from "./window.ts";

const WORDS = 26; // px of a row's height that are not the lane's
const TRACK = 7; // px
const LEAST = 16; // px of a lane's height

interface LanesProps {
  store: Store;
  snapshot: Snapshot;
  workers: Worker[];
  range: Range;
  theme: Theme;
}

export function Lanes({ store, snapshot, workers, range, theme }: LanesProps) {
  const box = useRef<HTMLDivElement>(null);
  const picked = useSignal<Picked | null>(null);
  const view = useViewport(box);
  const barsOf = useBars();
  const row = useRows();
  const [active, goByKey] = useKeyboard({ store, box, workers, barsOf, picked, range });

  const lane = Math.max(LEAST, TRACK * Math.max(...workers.map(tracksOf)));
  const height = lane + WORDS;
  const axis = view.gutter + AXIS;
  const width = view.width - axis - END;
  const first = clamp(Math.floor(view.top / height), 0, Math.max(0, workers.length - 1));
  const shown = workers.slice(first, Math.ceil((view.top + view.height) / height) + 1);
  const current = shown.some((worker) => worker.id === active) ? active : shown[0]!.id;

  const query = snapshot.query?.number ?? null;
  const least = (3 * (range.to - range.from)) / Math.max(width, 1);
  const lanes = shown.map((worker): Lane => {
    const bars = barsOf(worker);
    const gaps = gapsOf(worker, bars, Math.min(range.now, range.to), least);
    return { worker, bars, gaps, range, query, picked: picked.value?.worker === worker.id ? picked.value.key : null };
  });
  usePainting(box, lanes, width, lane, theme);

  const found = lanes.find((one) => one.picked !== null);
  const bar = found?.bars.find((one) => one.key === found.picked);
  const names = snapshot.workers?.stages ?? {};
  const told = found && bar ? taskWords(bar, found.worker, names, query, range) : null;

  const leave = () => {
    rest(store);
    picked.value = null;
  };
  const onFocusOut = (event: FocusEvent) => {
    if (!(event.currentTarget as HTMLElement).contains(event.relatedTarget as Node | null)) leave();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") leave();
    else goByKey(event, height, bar?.from);
  };

  return (
    <>
      <Legend lanes={lanes} names={names} query={query} />
      {/* biome-ignore lint/a11y/noStaticElementInteractions: hears of the keys and the pointer over what is in it */}
      <div
        class="lanes"
        onPointerMove={followPointer(store, picked, lanes, range, lane, axis)}
        onPointerLeave={leave}
        onKeyDown={onKeyDown}
        onFocusOut={onFocusOut}
      >
        <Fold box={box} words={() => `more of ${plural(workers.length, "node")}`}>
          <div class="pool" ref={box} tabIndex={0} role="group" aria-label="workers">
            <div role="list" style={{ height: `${workers.length * height}px`, paddingTop: `${first * height}px` }}>
              {lanes.map(({ worker, bars }, index) =>
                row({
                  worker,
                  bars,
                  active: worker.id === current,
                  told: found?.worker === worker ? told : null,
                  lane,
                  place: first + index + (snapshot.workers?.first ?? 0),
                  listed: snapshot.workers?.listed ?? workers.length,
                  store,
                }),
              )}
            </div>
          </div>
        </Fold>
        <Cursor store={store} range={range} />
        {bar && found && told !== null && (
          <Tip
            text={told}
            left={axis + clamp(shareOf((bar.from + (bar.to ?? range.now)) / 2, range), 0, 1) * width}
            whole={view.width}
            top={(workers.indexOf(found.worker) + 1) * height - view.top - WORDS + 6}
          />
        )}
      </div>
    </>
  );
}
