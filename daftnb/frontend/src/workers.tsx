// The Ray worker pool: a row per node, its busy time on the charts' axis, and its state, its wait and why in words.
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { Fold } from "./fold.tsx";
import type { Worker } from "./frame.ts";
import { plural } from "./format.ts";
import { Panel } from "./panel.tsx";
import type { Store } from "./store.ts";
import { onNative } from "./timeline.tsx";
import { rangeOf, type Range } from "./window.ts";
import { glyph, NATIVE, poolWords, workerFacts, workerWords } from "./words.ts";

export function WorkerSummary({ store }: { store: Store }) {
  const pool = store.frame.value?.workers;
  return pool && Object.keys(pool.rows).length > 0 ? <>{poolWords(pool)}</> : null;
}

export function WorkerRows({ store }: { store: Store }) {
  const frame = store.frame.value;
  const box = useRef<HTMLDivElement>(null);
  const cache = useRef({ key: "", rows: new WeakMap<Worker, VNode>() });
  if (!frame?.workers) return null;
  const workers = Object.values(frame.workers.rows).sort((a, b) => Number(b.head) - Number(a.head));
  if (workers.length === 0) {
    return <p class="empty rule">{onNative(frame) ? NATIVE : "No workers yet: %daft start gives this kernel a Ray cluster."}</p>;
  }
  const range = rangeOf(frame);
  // While the range moves with the clock, lanes of quiet workers need not follow at once: a quarter of a second will do.
  const key = `${range.from}:${Math.round(range.to * 4)}:${Math.round(range.now * 4)}`;
  if (cache.current.key !== key) cache.current = { key, rows: new WeakMap() };
  const row = (worker: Worker): VNode => {
    let made = cache.current.rows.get(worker);
    if (!made) {
      made = <Row key={worker.id} worker={worker} range={range} store={store} />;
      cache.current.rows.set(worker, made);
    }
    return made;
  };
  return (
    <Fold box={box} words={() => `more of ${plural(workers.length, "node")}`}>
      <div class="pool" ref={box} tabIndex={0} role="group" aria-label="workers">
        <div role="list">{workers.map(row)}</div>
      </div>
    </Fold>
  );
}

function Row({ worker, range, store }: { worker: Worker; range: Range; store: Store }) {
  const facts = workerFacts(worker);
  const detail = [worker.label, worker.note, `${worker.running} of ${worker.slots} slots`, facts, `node ${worker.id}`];
  const waits = worker.idle_since != null && (worker.state === "warm" || worker.state === "idle");
  return (
    <div class="worker" role="listitem" data-state={worker.state} title={detail.filter(Boolean).join(", ")}>
      <span class="who">{worker.label}</span>
      <div class="lane" aria-hidden="true">
        {worker.busy_spans.map(([from, to], index) => (
          <Span key={index} from={from} to={to ?? range.now} range={range} />
        ))}
        {waits && <Span kind={worker.state} from={worker.idle_since!} to={range.now} range={range} />}
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

/** By itself, because it alone ticks. */
function Words({ worker, store }: { worker: Worker; store: Store }) {
  return <>{workerWords(worker, store.now.value)}</>;
}

function Span({ from, to, range, kind }: { from: number; to: number; range: Range; kind?: string }) {
  const whole = range.to - range.from;
  const left = Math.max(0, (from - range.from) / whole);
  const right = Math.min(1, (to - range.from) / whole);
  if (right <= 0 || left >= 1) return null;
  return <i class={kind} style={{ left: `${left * 100}%`, width: `${(right - left) * 100}%` }} />;
}

export function WorkersPanel({ store }: { store: Store }) {
  return (
    <Panel title="Workers" sub={<WorkerSummary store={store} />}>
      <div class="timeline">
        <WorkerRows store={store} />
      </div>
    </Panel>
  );
}
