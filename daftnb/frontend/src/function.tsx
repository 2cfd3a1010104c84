// A function of the user's (a UDF) in the details of an operator that calls it: its figures, its counters, its source.
import { count, plural } from "./format.ts";
import { attributeWords, figures, kindWords, latestError, whereWords } from "./functions.ts";
import type { Function as UserFunction } from "./snapshot.ts";

const LONGEST_NAME = 120;
const LONGEST_SOURCE = 20_000; // characters; the kernel sends less
const MOST_COUNTERS = 20;

export function FunctionDetails({ called }: { called: UserFunction }) {
  const { source } = called;
  const name = called.name.slice(0, LONGEST_NAME);
  const error = called.errors > 0 ? latestError(called) : "";
  return (
    <section class="function" aria-label={`Function ${name}`}>
      <h4>
        Function <bdi title={called.name.slice(0, 600)}>{name}</bdi>
      </h4>
      <p>
        {kindWords(called)} · <bdi>{whereWords(called)}</bdi>
      </p>
      <dl>
        {figures(called).map(([what, value]) => (
          <div key={what}>
            <dt>{what}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {error && (
        <p class="st-failed">
          ✕ the latest: <bdi>{error}</bdi>
        </p>
      )}
      <Counters called={called} />
      {source ? (
        <details>
          <summary>Source, {plural(source.trimEnd().split("\n").length, "line")}</summary>
          <pre tabIndex={0} role="region" aria-label={`Source of ${name}`} dir="ltr">
            {source.slice(0, LONGEST_SOURCE)}
          </pre>
        </details>
      ) : (
        <p class="muted">Its source is not known.</p>
      )}
    </section>
  );
}

function Counters({ called: { counters, left_out } }: { called: UserFunction }) {
  if (counters.length === 0) return null;
  const others = Math.max(0, counters.length - MOST_COUNTERS) + left_out;
  return (
    <>
      <table class="counters">
        <thead>
          <tr>
            <th scope="col">counter</th>
            <th scope="col">of</th>
            <th scope="col" class="num">
              value
            </th>
          </tr>
        </thead>
        <tbody>
          {counters.slice(0, MOST_COUNTERS).map((counter) => (
            <tr key={JSON.stringify([counter.name, counter.attributes])}>
              <th scope="row">
                <bdi>{counter.name.slice(0, LONGEST_NAME)}</bdi>
              </th>
              <td>{attributeWords(counter.attributes)}</td>
              <td class="num">{count(counter.value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {others > 0 && <p class="muted">and {plural(others, "more counter")}</p>}
    </>
  );
}
