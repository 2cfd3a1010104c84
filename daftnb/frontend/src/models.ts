// The models that functions ask, by the counters that Daft keeps for each: requests and tokens, by model and provider.
import { counted, nameOf, tokensOf } from "./functions.ts";
import type { Counter, Plan, Function as UserFunction } from "./snapshot.ts";

const NAMES = new Set(["requests", "input tokens", "output tokens", "total tokens"]);
const NAMED = JSON.stringify;

/** What a function has asked of a model; null: not known. */
export interface Asked {
  /** The function's key. */
  key: string;
  called: string;
  model: string;
  provider: string;
  requests: number | null;
  read: number | null;
  wrote: number | null;
  /** Tokens a second, over all the time in which the function ran; derived. */
  rate: number | null;
  retries: number | null;
  errors: number | null;
}

/** The seconds that have passed while a function ran; null: not known. Its rows a second are those it was given. */
export const secondsOf = ({ rows_in, rate_overall }: UserFunction): number | null =>
  rate_overall && rows_in ? rows_in / rate_overall : null;

/** Each model that was asked, of the functions' counters that name one. */
export function modelsOf(functions: Plan["functions"]): Asked[] {
  return Object.entries(functions).flatMap(([key, called]) => {
    const models = new Map<string, Counter[]>();
    for (const counter of called.counters) {
      const { model, provider } = counter.attributes;
      if (model === undefined) continue;
      const name = NAMED([model, provider ?? ""]);
      models.set(name, [...(models.get(name) ?? []), counter]);
    }
    const asked = [...models.values()].filter((counters) => counters.some(({ name }) => NAMES.has(name)));
    return asked.map((counters) => askedOf(key, called, counters, asked.length === 1));
  });
}

/** `only`: whether it is the function's one model, so that the function's errors and retries are of it. */
function askedOf(key: string, called: UserFunction, counters: Counter[], only: boolean): Asked {
  const { model, provider } = counters[0]!.attributes;
  const [tokens, seconds] = [tokensOf({ counters }), secondsOf(called)];
  return {
    key,
    called: nameOf(called),
    model: model!,
    provider: provider ?? "",
    requests: counted(counters, "requests"),
    read: counted(counters, "input tokens"),
    wrote: counted(counters, "output tokens"),
    rate: tokens === null || seconds === null ? null : tokens / seconds,
    retries: counted(counters, "retries") ?? (only ? (called.retries ?? null) : null),
    errors: counted(counters, "errors") ?? (only ? (called.errors ?? null) : null),
  };
}
