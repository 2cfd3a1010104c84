// The Ray worker pool: one row per node, its busy time on the charts' axis, its state in a word, how long it is idle.
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import type { Worker } from "./frame.ts";
import { plural, size, ticking } from "./format.ts";
import type { Store } from "./store.ts";
import { onNative } from "./timeline.tsx";
import { rangeOf, type Range } from "./window.ts";
import { glyph, NATIVE } from "./words.ts";

export function WorkerSummary({ store }: { store: Store }) {
  const pool = store.frame.value?.workers;
  if (!pool) return null;
  return (
    <>
      {plural(pool.total, "worker")} · {pool.busy} busy · <b>{pool.idle} idle</b> · {plural(pool.slots, "CPU slot")}
    </>
  );
}

export function WorkerRows({ store }: { store: Store }) {
  const frame = store.frame.value;
  const cache = useRef({ key: "", rows: new WeakMap<Worker, VNode>() });
  if (!frame?.workers) return null;
  const workers = Object.values(frame.workers.rows);
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
    <div class="pool" role="list" tabIndex={0} aria-label="workers">
      {workers.map(row)}
    </div>
  );
}

function Row({ worker, range, store }: { worker: Worker; range: Range; store: Store }) {
  const memory = worker.memory == null ? "" : `, ${size(worker.memory)} of memory`;
  const detail = `${worker.label}: ${worker.state}, ${worker.running} of ${worker.slots} slots, ${worker.finished} tasks done${memory}, node ${worker.id}`;
  return (
    <div class="worker" role="listitem" data-state={worker.state} title={detail} aria-label={detail}>
      <div class="who">
        <span>{worker.label}</span>
        <span class={`st-${worker.state.replace(" ", "-")}`}>
          {glyph(worker.state)} {worker.state === "no worker" ? "no CPU" : worker.state} <Extra worker={worker} store={store} />
        </span>
      </div>
      <div class="lane">
        {worker.busy_spans.map(([from, to], index) => (
          <Span key={index} from={from} to={to ?? range.now} range={range} />
        ))}
      </div>
    </div>
  );
}

function Extra({ worker, store }: { worker: Worker; store: Store }) {
  if (worker.state === "busy") return <>{`${worker.running}/${worker.slots}`}</>;
  if (worker.idle_since == null) return null;
  const now = store.now.value;
  const idle = ticking(now - worker.idle_since);
  return <>{worker.retires_at == null ? idle : `${idle}, ends in ${ticking(worker.retires_at - now)}`}</>;
}

function Span({ from, to, range }: { from: number; to: number; range: Range }) {
  const whole = range.to - range.from;
  const left = Math.max(0, (from - range.from) / whole);
  const right = Math.min(1, (to - range.from) / whole);
  if (right <= 0 || left >= 1) return null;
  return <i style={{ left: `${left * 100}%`, width: `${(right - left) * 100}%` }} />;
}

export function WorkersPanel({ store }: { store: Store }) {
  return (
    <section class="panel" aria-label="Workers">
      <h3>Workers</h3>
      <span class="sub">
        <WorkerSummary store={store} />
      </span>
      <div class="timeline">
        <WorkerRows store={store} />
      </div>
    </section>
  );
}
