// The row of a worker: its name, its lane and its state in words.
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import type { Bar } from "../bars.ts";
import { plural } from "../format.ts";
import type { Worker } from "../snapshot.ts";
import type { Store } from "../store.ts";
import { deviceWords, glyph, gpuHolders, workerFacts, workerWords } from "../words.ts";

interface RowProps {
  worker: Worker;
  /** Whether the tab key reaches it. */
  active: boolean;
  /** What is said of its picked task; null: none is picked. */
  told: string | null;
  bars: Bar[];
  /** The height of its lane, px. */
  lane: number;
  place: number;
  listed: number;
  store: Store;
}

/** Return a function that draws a row, and gives back the same one as long as nothing in it has changed. */
export function useRows(): (props: RowProps) => VNode {
  const rows = useRef(new WeakMap<Worker, { of: string; row: VNode }>()).current;
  return (props) => {
    const { worker, active, told, lane, place, listed } = props;
    const of = `${active}:${told}:${lane}:${place}:${listed}`;
    let made = rows.get(worker);
    if (made?.of !== of) {
      made = { of, row: <Row key={worker.id} {...props} /> };
      rows.set(worker, made);
    }
    return made.row;
  };
}

function Row({ worker, active, told, bars, lane, place, listed, store }: RowProps) {
  const facts = workerFacts(worker);
  const detail = [
    worker.label,
    worker.note,
    `${worker.running} of ${worker.slots} slots`,
    facts,
    gpuHolders(worker.gpu_use),
    ...(worker.gpu_use?.devices ?? []).map(deviceWords),
    `node ${worker.id}`,
  ];
  const at =
    told === null ? bars.length : Math.max(1, bars.findIndex((bar) => told.includes(` task ${bar.task} `)) + 1);
  return (
    <div class="worker" role="listitem" data-state={worker.state} aria-setsize={listed} aria-posinset={place + 1}>
      <span class="who" title={detail.filter(Boolean).join(", ")}>
        {worker.label}
      </span>
      <div
        class="lane"
        style={{ height: `${lane}px` }}
        data-id={worker.id}
        role="slider"
        tabIndex={active ? 0 : -1}
        aria-label={`tasks of ${worker.label}`}
        aria-valuemin={0}
        aria-valuemax={bars.length}
        aria-valuenow={at}
        aria-valuetext={told ?? `${plural(bars.length, "task")} here: arrow keys go to each`}
      >
        {/* biome-ignore lint/a11y/noAriaHiddenOnFocusable: a canvas without tabindex takes no focus */}
        <canvas aria-hidden="true" />
      </div>
      <div class="words">
        <span class={`st-${worker.state.replace(" ", "-")}`}>
          {glyph(worker.state)} <Words worker={worker} store={store} />
        </span>
        <span class="facts">{facts}</span>
      </div>
    </div>
  );
}

/** A component of its own, because only this text changes with the clock. */
function Words({ worker, store }: { worker: Worker; store: Store }) {
  return <>{workerWords(worker, store.now.value)}</>;
}
