// The frame: what there is to see now. Mirror of daftnb/telemetry/frames.py. Times: seconds since the epoch on the
// kernel's clock; sizes: bytes; null: not known.

export type QueryState = "planning" | "running" | "finished" | "failed" | "cancelled";
export type OperatorState = "waiting" | "running" | "finished" | "failed" | "cancelled";
export type ViewName = "plan" | "workers" | "backlog" | "decisions" | "history" | "line" | "cockpit";

export interface Counts {
  submitted: number;
  pending: number;
  running: number;
  finished: number;
  failed: number;
  cancelled: number;
}

export interface Cluster {
  kind: string;
  address: string;
  state: "starting" | "running" | "stopped";
  min_workers: number | null;
  max_workers: number | null;
  cpus: number | null;
  idle_timeout: number | null;
}

export interface Query {
  id: string;
  number: number;
  name?: string | null; // what the user calls it
  runner: "ray" | "native";
  state: QueryState;
  started: number;
  ended: number | null;
  elapsed: number;
  rows: number | null;
  error: string | null;
  tasks: Counts | null;
  /** On the native runner, which has no tasks: the operators that have ended, of all. */
  operators?: { finished: number; total: number } | null;
  progress: number | null;
}

export interface Operator {
  id: number;
  name: string;
  kind: string;
  detail: string;
  inputs: number[];
  state: OperatorState;
  rows_in: number | null;
  rows_out: number | null;
  bytes_in: number | null;
  bytes_out: number | null;
  duration_us: number | null;
  time_share: number | null;
  estimated_rows: number | null;
  /** Rows out per row in; derived. */
  selectivity: number | null;
  /** Whether it is on the slowest path, from the root down: where the most time was spent. */
  slowest: boolean;
  tasks: Counts | null;
  stage: number | null;
  skew: Skew | null;
}

/** How unequal the tasks of a stage were: seconds; the median is approximate (up to 5 % high). Two tasks at least. */
export interface Skew {
  tasks: number;
  median: number;
  longest: { seconds: number; task: number; worker: string }[];
}

/** A logical plan: nothing in it runs. */
export interface Tree {
  root: number | null;
  operators: Record<string, Pick<Operator, "id" | "name" | "kind" | "detail" | "inputs" | "estimated_rows">>;
}

export interface Plan {
  query: string | null;
  number: number | null;
  /** What the dataframe is called that this is the plan of: it has not run, so there are trees only. */
  of?: string;
  root: number | null;
  operators: Record<string, Operator>;
  plans: { logical?: Tree; optimised?: Tree; physical?: Tree };
  /** Actors of UDFs with a concurrency, by the operator's name. */
  udfs: Record<string, { count: number; idle: number | null; awaited?: number; limit?: number }>;
}

/** A task that has ended: id, operator (its stage), the query's number, start, end, how. */
export type Task = [number, number, number, number, number, "finished" | "failed" | "cancelled" | "lost"];

export interface Worker {
  id: string;
  /** Its number in the list of all, from 0: a map in JSON has no order. */
  place?: number;
  label: string;
  head: boolean;
  state: string;
  slots: number;
  running: number;
  finished: number;
  memory: number | null;
  since: number;
  idle_since: number | null;
  /** When it will be ended if nothing uses it; null: not known, or never. */
  retires_at: number | null;
  /** Why it is kept or will be ended: "", "survivor", "after 60 s idle". */
  rule: string;
  note: string;
  busy_spans: [number, number | null][];
  /** When its RaySwordfishActor started; null: there is none. */
  started: number | null;
  /** The tasks that run: id, operator, start. */
  now: [number, number, number][];
  /** The latest tasks, by a number that counts on; where details were dropped there are fewer than `finished`. */
  tasks: Record<string, Task>;
  /** Bytes, by Ray's own count. */
  figures: {
    memory_used: number | null;
    memory_total: number | null;
    store_used: number | null;
    store_total: number | null;
  } | null;
}

export interface Workers {
  total: number;
  busy: number;
  idle: number;
  /** How many of the idle ones the engine has let go of, and that are kept for the next query. */
  warm: number;
  slots: number;
  /** How many workers and nodes there are to list, and the first of those in `rows`: a page gets 40 at once. */
  listed: number;
  first: number;
  /** What the operators are called in which the current query's tasks end. */
  stages?: Record<string, string>;
  rows: Record<string, Worker>;
}

/** t, ratio, pending, running, capacity (CPUs of the scheduler's workers), workers, CPUs wanted, granted, observed */
export type Point = [number, number | null, number, number, number, number, number | null, number | null, number];

export interface Mark {
  t: number;
  kind: string;
  label: string;
  text: string;
}

export interface Backlog {
  threshold: number;
  ratio: number | null;
  pending: number;
  running: number;
  capacity: number;
  peak: number | null;
  /** CPUs now: asked of Ray, of the nodes that Ray lists, of the workers that run; then what the cluster can have. */
  wanted?: number | null;
  granted?: number | null;
  observed?: number | null;
  least?: number | null;
  most?: number | null;
  points: Record<string, Point>;
  marks: Record<string, Mark>;
}

export interface Decision {
  t: number;
  kind: string;
  text: string;
  count: number;
}

export interface SettingRow {
  label: string;
  env: string;
  help: string;
  default: string;
  set: string;
  in_effect: string | null;
  pending: boolean;
}

/** A query of the history. */
export interface Past {
  number: number;
  id: string;
  name?: string | null; // what the user calls it
  runner: "ray" | "native";
  state: QueryState;
  started: number;
  elapsed: number;
  rows: number | null;
  tasks: number | null;
  peak_ratio: number | null;
  workers_from: number | null;
  workers_to: number | null;
  node_seconds: number | null;
  /** What it ran with: environment variable to text. */
  settings: Record<string, string> | null;
  error: string | null;
}

/** What an operator did in one of two queries that are compared. */
export interface Did {
  id: number;
  name: string;
  detail: string;
  rows?: number | null;
  bytes?: number | null;
  duration_us?: number | null;
  tasks?: number | null;
}

type Pair<T> = [T | null, T | null];

/** Two queries side by side; ratios are b ÷ a. Mirror of daftnb/telemetry/compare.py. */
export interface Comparison {
  numbers: [number, number];
  states: [QueryState, QueryState];
  totals: Record<string, [...Pair<number>, number | null]>;
  operators: Record<string, { a?: Did | null; b?: Did | null; ratio?: Record<string, number | null> | null }>;
  settings: Record<string, Pair<string>>;
}

/** A recording's position, and the times of its decisions: seconds since the epoch. */
export interface Replay {
  from: number;
  to: number;
  at: number;
  title: string;
  moments: number[];
}

export interface Frame {
  seq: number;
  now: number;
  session: { runner: string; cluster: Cluster | null; problems: Record<string, string> };
  query?: Query | null;
  queries?: Record<string, Past>;
  plan?: Plan | null;
  workers?: Workers;
  backlog?: Backlog;
  decisions?: Record<string, Decision>;
  settings?: { number: number | null; rows: Record<string, SettingRow> };
  /** The query of the history that is looked at, in place of the current one. */
  look?: number | null;
  compare?: Comparison | null;
  /** The queries of the line's cell, and how many were too short to be listed. */
  cell?: { numbers: number[]; brief: number } | null;
  replay?: Replay | null;
}

export type Message =
  | { type: "patch"; base: number; seq: number; patch: Record<string, unknown> }
  | { type: "stopping"; query: string }
  | { type: "setting"; name: string; error: string | null };

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A keyframe that can be drawn, or null: what comes over the comm is checked before use. */
export function asFrame(value: unknown): Frame | null {
  if (!isRecord(value) || typeof value.seq !== "number" || typeof value.now !== "number") return null;
  if (!isRecord(value.session) || !isRecord(value.session.problems)) return null;
  return value as unknown as Frame;
}

/** A message of the grammar, or null. */
export function asMessage(value: unknown): Message | null {
  if (!isRecord(value)) return null;
  if (value.type === "stopping" && typeof value.query === "string") return { type: "stopping", query: value.query };
  if (value.type === "setting" && typeof value.name === "string") {
    return { type: "setting", name: value.name, error: typeof value.error === "string" ? value.error : null };
  }
  if (value.type !== "patch" || typeof value.base !== "number" || typeof value.seq !== "number") return null;
  return isRecord(value.patch) ? { type: "patch", base: value.base, seq: value.seq, patch: value.patch } : null;
}

export const isActive = (query: Query | null | undefined): boolean =>
  query?.state === "planning" || query?.state === "running";
