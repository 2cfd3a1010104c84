// A worker, as a snapshot has it.
import type { Worker } from "../src/snapshot.ts";

export const workerOf = (facts: Partial<Worker>): Worker => ({
  place: 0,
  id: "a",
  label: "worker 1",
  head: false,
  state: "busy",
  slots: 2,
  running: 0,
  finished: 0,
  memory: null,
  since: 0,
  idle_since: null,
  retires_at: null,
  rule: "",
  note: "",
  busy_spans: [],
  started: 0,
  now: [],
  tasks: {},
  usage: null,
  gpus: null,
  gpu_use: null,
  ...facts,
});
