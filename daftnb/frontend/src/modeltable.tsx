// What functions have asked of models, as a table: requests, tokens, refusals and waits, by model and provider.
import { useComputed } from "@preact/signals";
import { count, duration, plural, rate, UNKNOWN } from "./format.ts";
import { nameOf } from "./functions.ts";
import { Panel } from "./panel.tsx";
import type { ModelUse } from "./snapshot.ts";
import type { Store } from "./store.ts";

const SHARED = "≈ what your functions have asked of them; another query may have a part in it";
const LONGEST_NAME = 120;
const NUMBERS: [string, (use: ModelUse) => string][] = [
  ["requests", (use) => count(use.requests)],
  ["tokens in", (use) => count(use.input_tokens)],
  ["tokens out", (use) => count(use.output_tokens)],
  ["total tokens", (use) => count(use.total_tokens)],
  ["tokens/s, derived", (use) => rate(use.rate)],
  ["refused (429)", (use) => count(use.refused)],
  ["made again", (use) => count(use.again)],
  ["waited", (use) => duration(use.waited)],
  ["errors", (use) => count(use.errors)],
];

/** Nothing where no model was asked. */
export function Models({ store }: { store: Store }) {
  const plan = useComputed(() => store.snapshot.value?.plan).value;
  const uses = Object.values(plan?.models ?? {});
  if (plan == null || uses.length === 0) return null;
  const functions = plan.functions ?? {};
  const several = new Set(uses.map((use) => use.function)).size > 1;
  const shared = Object.values(functions).some((one) => one.shared);
  const nameOfKey = (key: string): string => (functions[key] ? nameOf(functions[key]) : UNKNOWN);
  return (
    <Panel title="Models" sub={shared ? SHARED : "what your functions have asked of them"} wide>
      <div class="scroll wide-table" tabIndex={0} role="group" aria-label="models as a table">
        <table>
          <thead>
            <tr>
              <th scope="col">model</th>
              <th scope="col">provider</th>
              {several && <th scope="col">function</th>}
              {NUMBERS.map(([name]) => (
                <th scope="col" class="num" key={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {uses.map((use) => (
              <tr key={JSON.stringify([use.function, use.model, use.provider ?? null])}>
                <th scope="row">
                  <bdi>{use.model.slice(0, LONGEST_NAME)}</bdi>
                </th>
                <td>
                  <bdi>{use.provider?.slice(0, LONGEST_NAME) || UNKNOWN}</bdi>
                </td>
                {several && (
                  <td>
                    <bdi>{nameOfKey(use.function)}</bdi>
                  </td>
                )}
                {NUMBERS.map(([name, words]) => (
                  <td class="num" key={name}>
                    {words(use)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {plan.models_left_out > 0 && <p class="muted">and {plural(plan.models_left_out, "more model")}</p>}
    </Panel>
  );
}
