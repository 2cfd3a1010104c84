// What functions have asked of models, as a table: requests and tokens by model and provider.
import { useComputed } from "@preact/signals";
import { count, plural, rate, UNKNOWN } from "./format.ts";
import { type Asked, modelsOf } from "./models.ts";
import { Panel } from "./panel.tsx";
import type { Store } from "./store.ts";

const MOST_ROWS = 50;
const SHARED = "≈ what your functions have asked of them; another query may have a part in it";
const LONGEST_NAME = 120;
const NUMBERS: [string, (asked: Asked) => string][] = [
  ["requests", (asked) => count(asked.requests)],
  ["tokens in", (asked) => count(asked.read)],
  ["tokens out", (asked) => count(asked.wrote)],
  ["tokens/s, derived", (asked) => rate(asked.rate)],
  ["retries", (asked) => count(asked.retries)],
  ["errors", (asked) => count(asked.errors)],
];

/** Nothing where no model was asked. */
export function Models({ store }: { store: Store }) {
  const functions = useComputed(() => store.snapshot.value?.plan?.functions).value;
  const asked = modelsOf(functions ?? {});
  if (asked.length === 0) return null;
  const several = new Set(asked.map(({ key }) => key)).size > 1;
  const shared = Object.values(functions ?? {}).some((one) => one.shared);
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
            {asked.slice(0, MOST_ROWS).map((one) => (
              <tr key={JSON.stringify([one.key, one.model, one.provider])}>
                <th scope="row">
                  <bdi>{one.model.slice(0, LONGEST_NAME)}</bdi>
                </th>
                <td>
                  <bdi>{one.provider.slice(0, LONGEST_NAME) || UNKNOWN}</bdi>
                </td>
                {several && (
                  <td>
                    <bdi>{one.called}</bdi>
                  </td>
                )}
                {NUMBERS.map(([name, words]) => (
                  <td class="num" key={name}>
                    {words(one)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {asked.length > MOST_ROWS && <p class="muted">and {plural(asked.length - MOST_ROWS, "more model")}</p>}
    </Panel>
  );
}
