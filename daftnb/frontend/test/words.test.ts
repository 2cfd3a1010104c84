import assert from "node:assert/strict";
import { test } from "node:test";
import type { Backlog, Worker, Workers } from "../src/snapshot.ts";
import {
  decisionWord,
  deviceWords,
  gpuHolders,
  gpuWords,
  overMax,
  poolWords,
  workerFacts,
  workerWords,
} from "../src/words.ts";
import { workerOf } from "./worker.ts";

const NOW = 1000;
const worker = (facts: Partial<Worker>): Worker =>
  workerOf({ state: "idle", finished: 12, memory: 2e9, since: 900, started: 900, ...facts });

test("a worker's state, how long, when it ends and why", () => {
  const said = (facts: Partial<Worker>) => workerWords(worker(facts), NOW);
  assert.equal(said({ state: "busy", running: 1 }), "busy 1/2");
  assert.equal(
    said({ idle_since: 988, retires_at: 1048, rule: "after 60 s idle" }),
    "idle 12 s, ends in 48 s · after 60 s idle",
  );
  assert.equal(said({ state: "warm", idle_since: 997, rule: "survivor" }), "warm 3 s · survivor");
  assert.equal(said({ idle_since: 875, rule: "downscale is off" }), "idle 2 min 05 s · downscale is off");
  assert.equal(said({ state: "warm", idle_since: 940, retires_at: 999 }), "warm 1 min 00 s, ends in 0 s");
  assert.equal(said({ state: "no worker" }), "no CPU");
  assert.equal(said({ state: "draining" }), "draining");
  // What is null in the snapshot may be gone from it after a patch.
  assert.equal(
    workerWords({ ...worker({}), idle_since: undefined!, retires_at: undefined!, rule: undefined! }, NOW),
    "idle",
  );
});

test("GPUs, who has them, and what their devices do", () => {
  assert.equal(gpuWords(0.1 + 0.2, 1), "0.3 of 1 GPU");
  assert.equal(gpuWords(null, 4, true), "— of 4 logical GPUs");
  assert.equal(gpuWords(undefined, 2), "— of 2 GPUs");
  assert.equal(gpuWords(0, 0) + gpuWords(1, null), "");
  assert.equal(gpuHolders({ used: null, tasks: 1, held: null, devices: null }), "GPUs: 1 by tasks, — by actors");
  assert.equal(gpuHolders(null), "");
  const device = { index: 0, name: "A1", busy: 37, memory_used: 6e9, memory_total: 24e9 };
  assert.equal(deviceWords(device), "0 A1: 37 % busy, 6.00 GB of 24.0 GB");
  assert.equal(deviceWords({ ...device, name: "", busy: null, memory_used: null }), "0: busy —, — of 24.0 GB");
});

test("what a worker did and has", () => {
  assert.equal(workerFacts(worker({})), "12 tasks done · 2.00 GB node");
  const usage = { memory_used: 654e6, memory_total: 2e9, store_used: null, store_total: null };
  assert.equal(workerFacts(worker({ usage })), "12 tasks done · 654 MB used");
  assert.equal(workerFacts(worker({ finished: 1, memory: null })), "1 task done");
  assert.equal(workerFacts(worker({ slots: 0, memory: null })), "");
  const gpu_use = { used: 1.5, tasks: 1, held: 0.5, devices: null };
  assert.equal(workerFacts(worker({ memory: null, gpus: 2, gpu_use })), "12 tasks done · 1.5 of 2 GPUs");
  assert.equal(workerFacts(worker({ memory: null, gpus: 0, gpu_use: null })), "12 tasks done");
});

test("the pool in one line", () => {
  const counts = { total: 4, busy: 1, idle: 3, warm: 2, slots: 4, listed: 4, first: 0 };
  const gpus = { gpus: null, gpus_used: null, logical: false };
  const pool: Workers = { ...counts, ...gpus, coming: null, stages: {}, rows: {} };
  assert.equal(poolWords(pool), "4 workers · 1 busy · 3 idle (2 warm) · 4 CPU slots");
  const logical = { ...pool, gpus: 2, gpus_used: 1, logical: true };
  assert.equal(poolWords(logical), "4 workers · 1 busy · 3 idle (2 warm) · 4 CPU slots · 1 of 2 logical GPUs");
  const coming = (coming: number) =>
    poolWords({ ...pool, coming })
      .split(" · ")
      .slice(4);
  assert.deepEqual([0, 1, 2].map(coming), [[], ["1 node on the way"], ["2 nodes on the way"]]);
  assert.equal(
    poolWords({ ...pool, total: 1, busy: 1, idle: 0, warm: 0, slots: 1 }),
    "1 worker · 1 busy · 0 idle · 1 CPU slot",
  );
});

test("a demand above the maximum", () => {
  const said = (wanted: number | null, most: number | null) => overMax({ wanted, most } as Backlog);
  assert.equal(said(12, 4), "asked 12 CPUs: the most that this cluster may have is 4");
  for (const [wanted, most] of [
    [4, 4],
    [null, 4],
    [12, null],
  ] as const)
    assert.equal(said(wanted, most), "");
});

test("a kind of decision that is not known is its own word", () => {
  assert.equal(decisionWord("hold"), "not asked");
  assert.equal(decisionWord("rebalance"), "rebalance");
});
