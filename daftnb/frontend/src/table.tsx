// The worker pool as a table; what ticks is by itself, and a row is made anew only when its worker changed.
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { duration, size, ticking, UNKNOWN } from "./format.ts";
import type { Worker, Workers } from "./snapshot.ts";
import type { Store } from "./store.ts";
import { deviceWords, glyph, gpuHolders, gpuWords } from "./words.ts";

const COLUMNS = [
  "worker",
  "state",
  "slots",
  "running task",
  "tasks done",
  "memory",
  "object store",
  "idle for",
  "retires in",
  "up for",
];
const GPUS = "GPUs";
const LOGICAL = "logical GPUs";
const DEVICES = "devices";
const NUMBERS = new Set([GPUS, LOGICAL, "slots", "tasks done", "memory", "object store", "idle for", "up for"]);

interface TableProps {
  store: Store;
  workers: Worker[];
  pool: Workers;
}

export function WorkerTable({ store, workers, pool }: TableProps) {
  const cache = useRef({ names: "", rows: new WeakMap<Worker, VNode>() });
  const gpus = Boolean(pool.gpus);
  const devices = workers.some((worker) => worker.gpu_use?.devices?.length);
  const columns = [...COLUMNS, ...(gpus ? [pool.logical ? LOGICAL : GPUS] : []), ...(devices ? [DEVICES] : [])];
  const names = JSON.stringify([pool.stages ?? {}, columns]);
  if (cache.current.names !== names) cache.current = { names, rows: new WeakMap() };
  const row = (worker: Worker): VNode => {
    let made = cache.current.rows.get(worker);
    if (!made) {
      made = (
        <Row key={worker.id} worker={worker} store={store} names={pool.stages ?? {}} gpus={gpus} devices={devices} />
      );
      cache.current.rows.set(worker, made);
    }
    return made;
  };
  return (
    <div class="scroll wide-table" tabIndex={0} role="group" aria-label="workers as a table">
      <table aria-rowcount={pool.listed + 1}>
        <thead>
          <tr>
            {columns.map((name) => (
              <th scope="col" key={name} class={NUMBERS.has(name) ? "num" : ""}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{workers.map(row)}</tbody>
      </table>
    </div>
  );
}

const used = (part: number | null | undefined, whole: number | null | undefined): string =>
  part == null ? UNKNOWN : whole ? `${size(part)} (${Math.round((100 * part) / whole)} %)` : size(part);

interface WorkerRowProps {
  worker: Worker;
  store: Store;
  names: Record<string, string>;
  /** Whether there are columns for GPUs and for their devices. */
  gpus: boolean;
  devices: boolean;
}

function Row({ worker, store, names, gpus, devices }: WorkerRowProps) {
  const { usage, state } = worker;
  const [first, ...others] = worker.now;
  const task = first
    ? `${names[first[1]] ?? `operator ${first[1]}`} #${first[0]}${others.length ? ` +${others.length}` : ""}`
    : UNKNOWN;
  const waits = state === "idle" || state === "warm";
  return (
    <tr aria-rowindex={(worker.place ?? 0) + 2} data-state={state} title={`node ${worker.id}`}>
      <th scope="row">{worker.label}</th>
      <td class={`st-${state.replace(" ", "-")}`}>
        {glyph(state)} {state === "no worker" ? "no CPU" : state}
      </td>
      <td class="num">
        {worker.running}/{worker.slots}
      </td>
      <td>{task}</td>
      <td class="num">{worker.finished}</td>
      <td class="num">
        {usage
          ? used(usage.memory_used, usage.memory_total)
          : worker.memory == null
            ? UNKNOWN
            : `of ${size(worker.memory)}`}
      </td>
      <td class="num">{used(usage?.store_used, usage?.store_total)}</td>
      <td class="num">
        <Ticks store={store} since={waits ? worker.idle_since : null} />
      </td>
      <td>
        {waits && worker.retires_at != null ? (
          <Ticks store={store} until={worker.retires_at} />
        ) : waits ? (
          "stays"
        ) : (
          UNKNOWN
        )}
        {waits && worker.rule ? ` · ${worker.rule}` : ""}
      </td>
      <td class="num">
        <Ticks store={store} since={worker.started} long />
      </td>
      {gpus && (
        <td class="num" title={gpuHolders(worker.gpu_use)}>
          {gpuWords(worker.gpu_use?.used, worker.gpus).replace(/ GPUs?$/, "") || (worker.gpus == null ? UNKNOWN : "0")}
        </td>
      )}
      {devices && (
        <td>
          {worker.gpu_use?.devices?.map((device) => <div key={device.index}>{deviceWords(device)}</div>) ?? UNKNOWN}
        </td>
      )}
    </tr>
  );
}

function Ticks({ store, since, until, long }: { store: Store; since?: number | null; until?: number; long?: boolean }) {
  if (since == null && until === undefined) return <>{UNKNOWN}</>;
  const seconds = until === undefined ? store.now.value - since! : until - store.now.value;
  return <>{long && seconds >= 3600 ? duration(seconds) : ticking(seconds)}</>;
}
