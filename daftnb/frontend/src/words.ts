// States, decisions and waits in words, each with a sign: never a colour alone. Their Python twin: text/states.py.
import { plural, size, ticking, UNKNOWN } from "./format.ts";
import {
  type Backlog,
  type Device,
  type GpuUse,
  isActive,
  type Snapshot,
  type Worker,
  type Workers,
} from "./snapshot.ts";

export const GLYPHS: Record<string, string> = {
  planning: "◌",
  waiting: "○",
  running: "●",
  finished: "✓",
  failed: "✕",
  cancelled: "⊘",
  stopped: "⊘",
  busy: "●",
  idle: "○",
  warm: "◐",
  starting: "◌",
  initialising: "◌",
  retired: "–",
  ended: "–",
  died: "✕",
  gone: "–",
  "no worker": "–",
};
/** The first line of an error, which is its reason; the rest is in the tooltip. */
export const firstLine = (error: string): string => error.split("\n", 1)[0]!;
export const glyph = (state: string): string => GLYPHS[state] ?? "·";

/** What a decision is called; a kind that is not here is its own word. */
const DECISIONS: Record<string, string> = {
  request: "asked",
  hold: "not asked",
  granted: "granted",
  arrival: "runs",
  retire: "retired",
  kept: "kept",
  sweep: "swept",
  reuse: "reused",
  "over max": "over max",
  infeasible: "never met",
  "launch failed": "no node",
  clear: "withdrawn",
  died: "died",
  gone: "node gone",
  "actors asked": "actors asked",
  "actors ready": "actors run",
  "actors missing": "too few actors",
};
export const decisionWord = (kind: string): string => DECISIONS[kind] ?? kind;

/** What is drawn on the charts: its sign, its colour and what the legend calls it. */
export const SIGNS: Record<string, { sign: string; colour: string; word: string }> = {
  request: { sign: "▼", colour: "--orange", word: "asked Ray" },
  "over max": { sign: "▽", colour: "--orange", word: "asked above the maximum" },
  granted: { sign: "△", colour: "--green", word: "node granted" },
  arrival: { sign: "▲", colour: "--green", word: "worker runs" },
  retire: { sign: "◆", colour: "--muted", word: "worker retired" },
  died: { sign: "✕", colour: "--red", word: "worker died" },
};

/** How a task ended that did not finish: its sign on a lane. */
export const OUTCOMES: Record<string, string> = { failed: "✕", cancelled: "⊘", lost: "↯" };

/** "busy 1/2", "idle 12 s, ends in 48 s · after 60 s idle", "warm 3 s · survivor". */
export function workerWords(worker: Worker, now: number): string {
  const state = worker.state === "no worker" ? "no CPU" : worker.state;
  if (worker.state === "busy") return `${state} ${worker.running}/${worker.slots}`;
  const idle = worker.idle_since == null ? "" : ` ${ticking(now - worker.idle_since)}`;
  const ends = worker.retires_at == null ? "" : `, ends in ${ticking(worker.retires_at - now)}`;
  return state + idle + ends + (worker.rule ? ` · ${worker.rule}` : "");
}

/** "12 tasks done · 654 MB used", or "· 2.00 GB node" where that is not known, "· 1 of 2 GPUs": what does not tick. */
export const workerFacts = (worker: Worker): string => {
  const used = worker.usage?.memory_used;
  const memory = used != null ? `${size(used)} used` : worker.memory == null ? "" : `${size(worker.memory)} node`;
  const gpus = gpuWords(worker.gpu_use?.used, worker.gpus);
  return [worker.slots > 0 ? `${plural(worker.finished, "task")} done` : "", memory, gpus].filter(Boolean).join(" · ");
};

/** "1.5 of 2 GPUs", "— of 2 logical GPUs" where it is not known how many are used, "" where there are none. */
export function gpuWords(used: number | null | undefined, total: number | null | undefined, logical = false): string {
  if (!total) return "";
  return `${orUnknown(used)} of ${amount(total)} ${logical ? "logical " : ""}GPU${total === 1 ? "" : "s"}`;
}

/** At most four digits behind the point, without zeros at the end. */
const amount = (value: number): string => String(Math.round(value * 1e4) / 1e4);

const orUnknown = (value: number | null | undefined): string => (value == null ? UNKNOWN : amount(value));

/** Who has a node's GPUs: "GPUs: 1 by tasks, 0.5 by actors". */
export const gpuHolders = (use: GpuUse | null | undefined): string =>
  use == null ? "" : `GPUs: ${orUnknown(use.tasks)} by tasks, ${orUnknown(use.held)} by actors`;

/** "0 NVIDIA A10G: 37 % busy, 5.10 GB of 24.0 GB". */
export const deviceWords = (device: Device): string => {
  const busy = device.busy == null ? `busy ${UNKNOWN}` : `${device.busy} % busy`;
  const memory = `${size(device.memory_used)} of ${size(device.memory_total)}`;
  return `${`${device.index} ${device.name}`.trimEnd()}: ${busy}, ${memory}`;
};

/** "4 workers · 1 busy · 3 idle (2 warm) · 4 CPU slots · 1 of 2 GPUs · 2 nodes on the way". */
export function poolWords(pool: Workers): string {
  const warm = pool.warm > 0 ? ` (${pool.warm} warm)` : "";
  return [
    plural(pool.total, "worker"),
    `${pool.busy} busy`,
    `${pool.idle} idle${warm}`,
    plural(pool.slots, "CPU slot"),
    ...[gpuWords(pool.gpus_used, pool.gpus, pool.logical)].filter(Boolean),
    ...(pool.coming ? [`${plural(pool.coming, "node")} on the way`] : []),
  ].join(" · ");
}

/** A demand that the cluster can never meet, or "". */
export const overMax = ({ wanted, most }: Backlog): string =>
  wanted != null && most != null && wanted > most
    ? `asked ${plural(wanted, "CPU")}: the most that this cluster may have is ${most}`
    : "";

/** Whether there is no query that could have a backlog: then its numbers say nothing. */
export const nothingRuns = (snapshot: Snapshot): boolean =>
  !(snapshot.backlog?.active ?? (snapshot.query == null || isActive(snapshot.query)));
export const NOTHING_RUNS = "nothing runs";
export const NOT_KEPT = "The backlog of that time is no longer kept.";

export const NATIVE =
  "Daft's native runner runs queries in this process: it has no workers and no backlog. " +
  "For a Ray cluster, type %daft start before the kernel's first dataframe.";
