// A function of the user's (a UDF) in the details of an operator that calls it: its figures, its counters, its source.
import { count, plural } from "./format.ts";
import { countersBy, figures, kindWords, latestError, nameOf, whereWords } from "./functions.ts";
import type { Function as UserFunction } from "./snapshot.ts";

const LONGEST_COUNTER = 120; // characters of its name
const LONGEST_SOURCE = 20_000; // characters; the kernel sends less
const MOST_COUNTERS = 20;
const SHARED = "≈ Another query called functions at the same time: some of these calls may be its.";

export function FunctionDetails({ called, runs }: { called: UserFunction; runs: boolean }) {
  const { source } = called;
  const name = nameOf(called);
  const place = whereWords(called);
  const error = called.errors ? latestError(called) : "";
  return (
    <section class="function" aria-label={`Function ${name}`}>
      <h4>
        Function <bdi title={called.name.slice(0, 600)}>{name}</bdi>
      </h4>
      <p>
        {kindWords(called)}
        {place && (
          <>
            {" · "}
            <bdi>{place}</bdi>
          </>
        )}
      </p>
      <dl>
        {figures(called, runs).map(([what, value]) => (
          <div key={what}>
            <dt>{what}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {called.shared && <p class="muted">{SHARED}</p>}
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
        <p class="muted">{place ? "Its source is not known." : "Where it is, and its source, are not known."}</p>
      )}
    </section>
  );
}

function Counters({ called: { counters, left_out } }: { called: UserFunction }) {
  const others = Math.max(0, counters.length - MOST_COUNTERS) + left_out;
  return (
    <>
      {countersBy(counters, MOST_COUNTERS).map(([of, some]) => (
        <div key={of}>
          <p class="muted">counted{of && `: ${of}`}</p>
          <dl>
            {some.map((counter) => (
              <div key={JSON.stringify([counter.name, counter.attributes])}>
                <dt>
                  <bdi>{counter.name.slice(0, LONGEST_COUNTER)}</bdi>
                </dt>
                <dd>{count(counter.value)}</dd>
              </div>
            ))}
          </dl>
        </div>
      ))}
      {others > 0 && <p class="muted">and {plural(others, "more counter")}</p>}
    </>
  );
}
