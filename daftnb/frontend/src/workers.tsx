// The Ray worker pool: as lanes on the charts' time axis, or as a table; at most a window of it is here at once.
import { useComputed, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Readout } from "./cursor.tsx";
import { duration, plural } from "./format.ts";
import { Lanes } from "./lanes.tsx";
import { Panel } from "./panel.tsx";
import { Pools, poolsOf } from "./pools.tsx";
import type { Snapshot, Worker, Workers } from "./snapshot.ts";
import type { Store } from "./store.ts";
import { WorkerTable } from "./table.tsx";
import type { Theme } from "./theme.ts";
import { onNative } from "./timeline.tsx";
import { useSnapshot } from "./turns.ts";
import { rangeOf } from "./window.ts";
import { NATIVE, poolWords } from "./words.ts";

export function WorkerSummary({ store }: { store: Store }) {
  const words = useComputed(() => {
    const pool = store.snapshot.value?.workers;
    return pool && Object.keys(pool.rows).length > 0 ? poolWords(pool) : null;
  });
  return <>{words}</>;
}

/** In the kernel's order, the head first: patches add to the end of a map. */
const inOrder = (pool: Workers): Worker[] =>
  Object.values(pool.rows).sort((a, b) => Number(b.head) - Number(a.head) || (a.place ?? 0) - (b.place ?? 0));

/** In place of the workers, where the query has none. */
export function NativeRows({ store }: { store: Store }) {
  const snapshot = useSnapshot(store);
  return (
    <>
      <p class="empty rule">{NATIVE}</p>
      {snapshot && <Pools store={store} snapshot={snapshot} />}
    </>
  );
}

export function WorkerRows({ store, theme }: { store: Store; theme: Theme }) {
  const snapshot = useSnapshot(store);
  const form = useSignal<"lanes" | "table">("lanes");
  if (!snapshot?.workers) return null;
  const workers = inOrder(snapshot.workers);
  if (workers.length === 0) {
    return (
      <>
        <p class="empty rule">
          {onNative(snapshot) ? NATIVE : "No workers yet: %daft start gives this kernel a Ray cluster."}
        </p>
        <Pools store={store} snapshot={snapshot} />
      </>
    );
  }
  return (
    <div class="rule workers">
      <div class="bar">
        <span class="switch" role="group" aria-label="workers as">
          {(["lanes", "table"] as const).map((name) => (
            <button type="button" key={name} aria-pressed={form.value === name} onClick={() => (form.value = name)}>
              {name}
            </button>
          ))}
        </span>
        <UdfActors snapshot={snapshot} />
        <Pager store={store} pool={snapshot.workers} here={workers.length} />
      </div>
      {form.value === "lanes" ? (
        <Lanes store={store} snapshot={snapshot} workers={workers} range={rangeOf(snapshot)} theme={theme} />
      ) : (
        <WorkerTable store={store} workers={workers} pool={snapshot.workers} />
      )}
      <Pools store={store} snapshot={snapshot} />
    </div>
  );
}

/** Actors that a UDF with a concurrency runs in, where no more is known of them: they live on the workers' nodes. */
function UdfActors({ snapshot }: { snapshot: Snapshot }) {
  const told = new Set(poolsOf(snapshot).map(({ udf }) => udf));
  const udfs = Object.entries(snapshot.plan?.udfs ?? {}).filter(
    ([, udf]) => (udf.count > 0 || udf.awaited) && !told.has(udf),
  );
  return (
    <>
      {udfs.map(([name, { count: actors, idle, awaited, limit, why }]) => (
        <span class="udf" key={name} title={name}>
          ⚙ {name}:{" "}
          {awaited
            ? `Daft waits for ${plural(awaited, "UDF actor")}, ${duration(limit ?? 0)} at most`
            : plural(actors, "UDF actor")}
          {!awaited && idle != null && `, ${idle} idle`}
          {why && `; ${why}`}
        </span>
      ))}
    </>
  );
}

function Pager({ store, pool, here }: { store: Store; pool: Workers; here: number }) {
  if (pool.listed <= here) return null;
  const to = pool.first + here;
  const go = (first: number, possible: boolean, name: string, sign: ComponentChildren) => (
    <button type="button" aria-label={name} aria-disabled={!possible} onClick={() => possible && store.window(first)}>
      {sign}
    </button>
  );
  return (
    <span class="pager">
      {go(pool.first - here, pool.first > 0, "the nodes before", "‹")}
      <span>
        {pool.first + 1}–{to} of {pool.listed.toLocaleString("en")} nodes
      </span>
      {go(to, to < pool.listed, "the nodes after", "›")}
    </span>
  );
}

export function WorkersPanel({ store, theme }: { store: Store; theme: Theme }) {
  return (
    <Panel title="Workers" sub={<WorkerSummary store={store} />}>
      <div class="timeline">
        <Readout store={store} />
        <WorkerRows store={store} theme={theme} />
      </div>
    </Panel>
  );
}
