// The query in one line: state, progress, rows, workers, ratio, time, Stop. `lead` and `tail` stand at its ends.
import type { ComponentChildren } from "preact";
import { duration, plural, ratio, rows } from "./format.ts";
import { isActive } from "./snapshot.ts";
import type { Store } from "./store.ts";
import { firstLine, glyph, gpuWords } from "./words.ts";

interface HeaderProps {
  store: Store;
  lead?: ComponentChildren;
  tail?: ComponentChildren;
}

export function Header({ store, lead, tail }: HeaderProps) {
  const snapshot = store.snapshot.value;
  const query = store.query.value;
  if (snapshot === null) return null;
  const cluster = snapshot.session.cluster;
  const where = cluster ? `Ray ${cluster.state} at ${cluster.address}` : `runner: ${snapshot.session.runner}`;
  if (query === null && snapshot.plan?.of != null) {
    return (
      <div class="head">
        <span class="title">Plan of {snapshot.plan.of}</span>
        <span class="muted">It has not run, and showing it runs nothing.</span>
      </div>
    );
  }
  if (query === null) {
    return (
      <div class="head">
        {lead}
        <span class="title">No query yet</span>
        <span class="muted">{where}. Run a Daft query, and it shows here.</span>
      </div>
    );
  }
  const active = isActive(query);
  const elapsed = active ? store.now.value - query.started : query.elapsed;
  const { backlog, workers } = snapshot;
  const over = active && backlog?.ratio != null && backlog.ratio > backlog.threshold;
  return (
    <div class="head" data-state={query.state}>
      {lead}
      <span class={`st-${query.state}`}>
        {glyph(query.state)} {query.state}
      </span>
      <span class="title">
        Query {query.number}
        {query.name ? ` · ${query.name}` : ""}
      </span>
      <span class="muted id">{query.id}</span>
      <Progress store={store} />
      {query.rows != null && <span class="muted">{rows(query.rows)}</span>}
      {query.runner === "native" ? (
        <span class="muted">native runner</span>
      ) : (
        <>
          {workers && (
            <span class="muted" data-workers={workers.total}>
              {plural(workers.total, "worker")} · {plural(workers.slots, "CPU")}
              {workers.gpus ? ` · ${gpuWords(workers.gpus_used, workers.gpus, workers.logical)}` : ""}
            </span>
          )}
          {backlog && (
            <span class="muted" data-ratio={backlog.ratio ?? ""} data-threshold={backlog.threshold}>
              {active ? "ratio" : "peak ratio"}{" "}
              <span class={over ? "over" : ""}>{ratio(active ? backlog.ratio : backlog.peak)}</span> /{" "}
              {ratio(backlog.threshold)}
            </span>
          )}
        </>
      )}
      <span>{duration(Math.max(0, elapsed))}</span>
      {tail}
      {active && !snapshot.replay && (
        <button
          class="stop"
          type="button"
          aria-disabled={store.stopping.value === query.id}
          onClick={() => store.stopping.value !== query.id && store.stop(query.id)}
        >
          {store.stopping.value === query.id ? "stopping…" : "Stop"}
        </button>
      )}
      {query.error != null && (
        <span class="st-failed error" title={query.error}>
          {firstLine(query.error)}
        </span>
      )}
    </div>
  );
}

function Progress({ store }: { store: Store }) {
  const query = store.query.value;
  const whole = query?.tasks ? query.tasks.submitted : query?.operators?.total;
  if (!query || !whole) return <span class="meter" />;
  const finished = query.tasks?.finished ?? query.operators?.finished ?? 0;
  const percent = Math.round((100 * finished) / whole);
  const what = query.tasks ? "tasks" : "operators";
  return (
    <>
      <div
        class={`meter ${query.state}`}
        role="progressbar"
        aria-label={`${what} done, of those known so far`}
        aria-valuenow={percent}
        aria-valuemin={0}
        aria-valuemax={100}
      >
        <i style={{ width: `${percent}%` }} />
      </div>
      <span>
        {finished}/{whole} {what}
      </span>
    </>
  );
}

export function Problems({ store }: { store: Store }) {
  const problems = Object.entries(store.snapshot.value?.session.problems ?? {});
  return (
    <>
      {problems.map(([key, text]) => (
        <p class="problem" key={key}>
          ⚠ {text}
        </p>
      ))}
    </>
  );
}
