// Written from daftnb/telemetry/wire.py:
// make changes there, then run python -m daftnb.frontend.write_types

export type QueryState = "planning" | "running" | "finished" | "failed" | "cancelled";

export type OperatorState = "waiting" | "running" | "finished" | "failed" | "stopped" | "cancelled";

export type WorkerState = "starting" | "busy" | "idle" | "warm" | "retired" | "died" | "gone" | "no worker";

export type ClusterState = "starting" | "running" | "not answering" | "stopped" | "disconnected";

export type ViewName = "plan" | "workers" | "backlog" | "decisions" | "history" | "line" | "cockpit";

export type Runner = "none" | "native" | "ray";

export type QueryRunner = "ray" | "native";

/** A query's plans before the physical one, and that of a dataframe that has not run. */
export type PlanStage = "logical" | "optimised" | "physical";

export type Outcome = "finished" | "failed" | "cancelled" | "lost";

/**
 * What was decided about the cluster's size. A recording of another release may have a kind that is not listed here.
 */
export type DecisionKind =
  | "request"
  | "over max"
  | "infeasible"
  | "launch failed"
  | "hold"
  | "clear"
  | "granted"
  | "arrival"
  | "kept"
  | "reuse"
  | "sweep"
  | "retire"
  | "died"
  | "gone"
  | "actors asked"
  | "actors ready"
  | "actors missing";

export type UdfKind = "row" | "batch" | "async" | "async batch" | "generator" | "legacy";

export type ActorState = "starting" | "initialising" | "busy" | "idle" | "ended" | "died";

export type SettingKind = "switch" | "number" | "choice";

/** Tasks by what became of them. */
export interface Counts {
  submitted: number;
  pending: number;
  running: number;
  finished: number;
  failed: number;
  cancelled: number;
}

/** The cluster behind the Ray runner. */
export interface Cluster {
  kind: "embedded" | "external";
  address: string;
  state: ClusterState;
  min_workers: number | null;
  max_workers: number | null;
  cpus: number | null;
  /** Logical ones, of each worker of an embedded cluster. */
  gpus: number | null;
  idle_timeout: number | null;
  silent_since: number | null;
}

/** The kernel's side: its runner, its cluster, and what is wrong, in words. */
export interface Session {
  runner: Runner;
  cluster: Cluster | null;
  problems: Record<string, string>;
}

/** How many operators have ended, of all. */
export interface Ended {
  finished: number;
  total: number;
}

/** The query that a view is about. */
export interface Query {
  id: string;
  number: number;
  /** What the user calls it. */
  name: string | null;
  runner: QueryRunner;
  state: QueryState;
  started: number;
  ended: number | null;
  elapsed: number;
  rows: number | null;
  error: string | null;
  tasks: Counts | null;
  /** On the native runner, which has no tasks. */
  operators: Ended | null;
  progress: number | null;
}

/** A task that took long, and the worker that ran it. */
export interface Long {
  seconds: number;
  task: number;
  worker: string;
}

/** How unequal the tasks of a stage were, of two at least: seconds; the median is approximate (up to 5 % high). */
export interface Skew {
  tasks: number;
  median: number | null;
  longest: Long[];
}

/** An operator as it is drawn, whether it runs or not. */
export interface Drawn {
  id: number;
  name: string;
  kind: string;
  detail: string;
  inputs: number[];
  estimated_rows: number | null;
}

/** An operator of a query. */
export interface Operator extends Drawn {
  state: OperatorState;
  rows_in: number | null;
  rows_out: number | null;
  bytes_in: number | null;
  bytes_out: number | null;
  duration_us: number | null;
  /** Time beside duration_us that the engine has not told (yet): of tasks that run, and of functions; derived. */
  derived_us: number | null;
  /** Of duration_us and derived_us together. */
  time_share: number | null;
  /** Whether rows_in and rows_out are a function's, as the engine has not told them (yet); derived. */
  derived_rows: boolean;
  /** Rows out per row in; derived. */
  selectivity: number | null;
  /** Whether it is on the slowest path, from the root down: where the most time was spent. */
  slowest: boolean;
  tasks: Counts | null;
  stage: number | null;
  skew: Skew | null;
}

/** A logical plan: nothing in it runs. */
export interface Tree {
  root: number | null;
  operators: Record<string, Drawn>;
}

/** The trees that are known, by stage. */
export interface Trees {
  logical?: Tree;
  optimised?: Tree;
  physical?: Tree;
}

/** Actors of a UDF: how many there are, idle, and asked of Ray; the query waits for them `limit` seconds. */
export interface Udf {
  count: number;
  idle: number | null;
  awaited: number;
  limit: number;
  /** Of Ray, in all; 0 is not known. */
  asked: number;
  /**
   * Why there are fewer than were asked for, or will be, in words; empty where there are as many, or it is not known.
   */
  why: string;
}

/** A counter of the user's code, such as the tokens of a model, for one set of attributes. */
export interface Counter {
  name: string;
  attributes: Record<string, string>;
  value: number;
}

/** One actor, or process, that a UDF runs in. */
export interface UdfActor {
  /** The Ray node that it is on, and what its worker is called; empty on the native runner. */
  worker: string;
  label: string;
  state: ActorState;
  since: number;
  rows: number;
  calls: number;
  seconds: number;
  init_seconds: number | null;
  /** Rows a second over the last few seconds. */
  rate: number | null;
  queue: number | null;
  gpus: number | null;
}

/** A user's function (a UDF) as the query has called it so far, over all processes; null: not known. */
export interface Function {
  name: string;
  kind: UdfKind | null;
  is_class: boolean;
  /** The operators that call it. */
  operators: number[];
  /** Where its code is: the file as people name it, the number of the cell, the first line. */
  file: string;
  cell: number | null;
  line: number | null;
  source: string;
  /** Null from here to `waited`: nothing has been told of its calls. */
  rows_in: number | null;
  rows_out: number | null;
  calls: number | null;
  running: number | null;
  /** In the user's code, the calls that run included; with several at a time, more than have passed. */
  seconds: number | null;
  inits: number | null;
  init_seconds: number | null;
  errors: number | null;
  error: string;
  /** Calls that the engine made again, and requests that the client of a model made again within a call. */
  retries: number | null;
  /** Seconds before these, all together. */
  waited: number | null;
  /** Whether another query called functions at the same time, so that some of these calls may be its. */
  shared: boolean;
  /** Rows a second: over the last few seconds (null once the query is over), and over all the time in which it ran. */
  rate: number | null;
  rate_overall: number | null;
  counters: Counter[];
  /** Counters that are not listed. */
  left_out: number;
  /** Processes that ended before they had told all that they did. */
  lost: number;
  /** By a key of the query's own; of very many the first ones, and how many more there are. */
  actors: Record<string, UdfActor>;
  actors_left_out: number;
}

/** What a function has asked of a model; null: not known. */
export interface ModelUse {
  /** The function's key. */
  function: string;
  model: string;
  /** Null: not told. So is that of what the client of a model counts, if a function asks the model through several. */
  provider: string | null;
  requests: number | null;
  input_tokens: number | null;
  output_tokens: number | null;
  total_tokens: number | null;
  /** Tokens a second, over all the time in which the function ran. */
  rate: number | null;
  /**
   * By the model's client: requests that were refused (429), those that it made again, and seconds before these. If it
   * tells nothing, the last two are the function's retries and its waits, where this is the only model.
   */
  refused: number | null;
  again: number | null;
  waited: number | null;
  errors: number | null;
}

/** A query's plan, or that of a dataframe that has not run. */
export interface Plan {
  query: string | null;
  number: number | null;
  root: number | null;
  operators: Record<string, Operator>;
  plans: Trees;
  /** Actors of UDFs with a concurrency, by the operator's name. */
  udfs: Record<string, Udf>;
  /** The functions of the user's that were called, by a key of the query's own. */
  functions: Record<string, Function>;
  /** The models that they asked; of very many the first ones, and how many more there are. */
  models: Record<string, ModelUse>;
  models_left_out: number;
  /** What the dataframe is called that this is the plan of: it has not run, so there are trees only. */
  of?: string;
}

/** A task that has ended: id, operator (its stage), the query's number, start, end, how. */
export type Task = [number, number, number, number, number, Outcome];

/** Bytes, by Ray's own count. */
export interface NodeUsage {
  memory_used: number | null;
  memory_total: number | null;
  store_used: number | null;
  store_total: number | null;
}

/** A GPU of the machine that a node is on: percent of the time, and bytes. */
export interface Device {
  index: number;
  name: string;
  busy: number | null;
  memory_used: number | null;
  memory_total: number | null;
}

/** Who has GPUs of a node. */
export interface GpuUse {
  /** By tasks and actors together; where Daft and Ray count on their own, that may be more than there are. */
  used: number | null;
  /** What the running tasks of Daft's scheduler ask for. */
  tasks: number | null;
  /** What actors and Ray's own tasks hold, by Ray's count. */
  held: number | null;
  /** The devices of its machine; null: not known. */
  devices: Device[] | null;
}

/** A node, and the worker on it. */
export interface Worker {
  /** Its number in the list of all, from 0: a map in JSON has no order. */
  place: number;
  id: string;
  label: string;
  head: boolean;
  /** A recording of another release may have one that is not listed. */
  state: WorkerState | string;
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
  usage: NodeUsage | null;
  /** Of the node, by Ray's bookkeeping, and who has them; null: not known, and of the second, that there are none. */
  gpus: number | null;
  gpu_use: GpuUse | null;
}

/** The pool. */
export interface Workers {
  total: number;
  busy: number;
  idle: number;
  /** How many of the idle ones the engine has let go of, and that are kept for the next query. */
  warm: number;
  slots: number;
  /** Of all nodes, by Ray's bookkeeping, and how many of them are used; null: not known. */
  gpus: number | null;
  gpus_used: number | null;
  /** Whether they are logical ones, of a cluster of %daft start: bookkeeping alone, whatever the machine has. */
  logical: boolean;
  /** Nodes that Ray has asked for or that start; null where none is wanted, or Ray does not tell. */
  coming: number | null;
  /** How many workers and nodes there are to list, and the first of those in `rows`: a page gets LIVE_LANES at once. */
  listed: number;
  first: number;
  /** What the operators are called in which the current query's tasks end. */
  stages: Record<string, string>;
  rows: Record<string, Worker>;
}

/** t, ratio, pending, running, capacity (CPUs of the scheduler's workers), workers, CPUs wanted, granted, observed. */
export type Point = [number, number | null, number, number, number, number, number | null, number | null, number];

/** Since when, and the threshold that is in effect then; null: not known. */
export type Step = [number, number | null];

/** A decision as the chart marks it. */
export interface Mark {
  t: number;
  kind: DecisionKind | string;
  label: string;
  text: string;
}

/** Pending tasks ÷ CPUs of the workers, over time. */
export interface Backlog {
  /** Whether a query runs that has a backlog. */
  active: boolean;
  threshold: number;
  /** Every threshold that was in effect in the query's time, in order. */
  thresholds: Record<string, Step>;
  ratio: number | null;
  /** These three are null where what they were at the query's end is no longer kept. */
  pending: number | null;
  running: number | null;
  capacity: number | null;
  peak: number | null;
  /** CPUs now: asked of Ray, of the nodes that Ray lists, of the workers that run; then what the cluster can have. */
  wanted: number | null;
  granted: number | null;
  observed: number | null;
  least: number | null;
  most: number | null;
  /** GPUs now: that pending tasks ask for, asked of Ray, of the scheduler's workers, and what the cluster can have. */
  pending_gpus: number | null;
  wanted_gpus: number | null;
  gpus: number | null;
  most_gpus: number | null;
  points: Record<string, Point>;
  marks: Record<string, Mark>;
  /** Of a query's time: whether there was a backlog that is no longer kept. */
  lost?: boolean;
}

/** A line of the decision log; `count`: how often it was so in a row. */
export interface Decision {
  t: number;
  kind: DecisionKind | string;
  text: string;
  count: number;
}

/** One autoscaling setting: the texts of its default, of what is set, and of what is in effect; of a choice, all. */
export interface SettingRow {
  label: string;
  env: string;
  help: string;
  kind: SettingKind;
  choices: string[];
  default: string;
  set: string;
  in_effect: string | null;
  pending: boolean;
}

/** The settings, and the number of the query that ran with those in effect. */
export interface Settings {
  number: number | null;
  rows: Record<string, SettingRow>;
}

/** A query of the history. */
export interface Past {
  number: number;
  id: string;
  /** What the user calls it. */
  name: string | null;
  runner: QueryRunner;
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
  rows: number | null;
  bytes: number | null;
  duration_us: number | null;
  tasks: number | null;
  /** The longest task ÷ the median one (approximate). */
  skew: number | null;
}

/** Each measure of the second query ÷ that of the first. */
export interface Ratios {
  rows: number | null;
  bytes: number | null;
  duration_us: number | null;
  tasks: number | null;
  skew: number | null;
}

/** An operator in both queries; null where one of them has no such operator. */
export interface Compared {
  /** From the root. */
  depth: number;
  a: Did | null;
  b: Did | null;
  ratio: Ratios | null;
}

/** Two queries side by side; ratios are b ÷ a. */
export interface Comparison {
  numbers: [number, number];
  states: [QueryState, QueryState];
  totals: Record<string, [number | null, number | null, number | null]>;
  operators: Record<string, Compared>;
  settings: Record<string, [string | null, string | null]>;
}

/** The queries of a line's cell, and how many were too short to be listed. */
export interface CellQueries {
  numbers: number[];
  brief: number;
}

/**
 * A recording's position, the times of its decisions, and the only times that can be shown (null: all): seconds since
 * the epoch.
 */
export interface Replay {
  from: number;
  to: number;
  at: number;
  title: string;
  moments: number[];
  stops: number[] | null;
}

/** A view that stays with the queries of its cell. */
export interface Kept {
  /** The cell's query; null: of a line, which is its cell's by itself. */
  number: number | null;
  /** Whether all is as it was at that query's end: its time stands still. */
  still: boolean;
  /** Whether the latest query is shown instead. */
  follows: boolean;
}

/** What there is to see at a moment: all topics in the kernel, of which a view is sent those that it shows. */
export interface Snapshot {
  now: number;
  session: Session;
  query?: Query | null;
  queries?: Record<string, Past>;
  plan?: Plan | null;
  workers?: Workers;
  backlog?: Backlog;
  decisions?: Record<string, Decision>;
  settings?: Settings;
  /** The query of the history that is looked at, in place of the current one. */
  look?: number | null;
  compare?: Comparison | null;
  cell?: CellQueries | null;
  replay?: Replay | null;
  kept?: Kept;
}

/** A snapshot as it is sent; each patch after it counts on from `seq`. */
export interface Keyframe extends Snapshot {
  seq: number;
}

/** What has changed since the snapshot `base`, as a JSON Merge Patch; with it, the snapshot is number `seq`. */
export interface Patch {
  type: "patch";
  base: number;
  seq: number;
  patch: Record<string, unknown>;
}

/** The query is being ended, as the page asked. */
export interface Stopping {
  type: "stopping";
  query: string;
}

/** The answer to `set`: null, or why the value was refused. */
export interface SettingAnswer {
  type: "setting";
  name: string;
  error: string | null;
}

export type Message = Patch | Stopping | SettingAnswer;

/** A keyframe, please. */
export interface ResyncRequest {
  type: "resync";
}

/** The workers from this one on. */
export interface WindowRequest {
  type: "window";
  first: number;
}

/** End this query. */
export interface StopRequest {
  type: "stop";
  query: string;
}

/** Show this query of the history; null: the current one. */
export interface LookRequest {
  type: "look";
  query: number | null;
}

/** Show the latest query, or again those of the cell that displays the view. */
export interface FollowRequest {
  type: "follow";
  follow: boolean;
}

/** These two queries, side by side; null twice: no more. */
export interface CompareRequest {
  type: "compare";
  a: number | null;
  b: number | null;
}

/** A setting, as `%daft set` sets it; the answer is a `setting`. */
export interface SetRequest {
  type: "set";
  name: string;
  value: string;
}

/** A line is opened, or closed. */
export interface OpenRequest {
  type: "open";
  open: boolean;
}

/** A recording at this moment. */
export interface SeekRequest {
  type: "seek";
  t: number;
}

export type Request =
  | ResyncRequest
  | WindowRequest
  | StopRequest
  | LookRequest
  | FollowRequest
  | CompareRequest
  | SetRequest
  | OpenRequest
  | SeekRequest;

// -- written by hand from here on --

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A keyframe that can be drawn, or null: what comes over the comm is checked before use. */
export function asSnapshot(value: unknown): Keyframe | null {
  if (!isRecord(value) || typeof value.seq !== "number" || typeof value.now !== "number") return null;
  if (!isRecord(value.session) || !isRecord(value.session.problems)) return null;
  return value as unknown as Keyframe;
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
