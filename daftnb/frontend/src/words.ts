// States, decisions and waits in words, each with a sign: never a colour alone. Their Python twin: text/states.py.
import { plural, size, ticking } from "./format.ts";
import { type Backlog, isActive, type Snapshot, type Worker, type Workers } from "./snapshot.ts";

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
  retired: "–",
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

/** "12 tasks done · 654 MB used", or "· 2.00 GB node" where it is not known what is used: what does not tick. */
export const workerFacts = (worker: Worker): string => {
  const used = worker.usage?.memory_used;
  const memory = used != null ? `${size(used)} used` : worker.memory == null ? "" : `${size(worker.memory)} node`;
  return [worker.slots > 0 ? `${plural(worker.finished, "task")} done` : "", memory].filter(Boolean).join(" · ");
};

/** "4 workers · 1 busy · 3 idle (2 warm) · 4 CPU slots · 2 nodes on the way". */
export function poolWords(pool: Workers): string {
  const warm = pool.warm > 0 ? ` (${pool.warm} warm)` : "";
  return [
    plural(pool.total, "worker"),
    `${pool.busy} busy`,
    `${pool.idle} idle${warm}`,
    plural(pool.slots, "CPU slot"),
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
