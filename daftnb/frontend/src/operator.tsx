// The details of the operator that is selected: every number, its expressions, its longest tasks and who ran them.

import type { Wait } from "./actors.ts";
import { foldWords } from "./card.tsx";
import { duration, plural } from "./format.ts";
import { FunctionDetails } from "./function.tsx";
import { type Drawn, facts, skewWords, stragglers } from "./planwords.ts";
import type { Plan, Function as UserFunction, Workers } from "./snapshot.ts";
import { glyph } from "./words.ts";

const MOST_FUNCTIONS = 8;
/** As long as what may stand in its place, so that nothing below moves when it comes. */
const NOBODY_WAITS = "Its actors neither wait for rows nor keep others waiting.";

interface DetailsProps {
  operator: Drawn;
  plan: Plan;
  udf: Plan["udfs"][string] | undefined;
  /** Those that it calls, each with its key. */
  functions: [string, UserFunction][];
  wait: Wait | undefined;
  workers: Workers | undefined;
  slowest: boolean;
  hidden: number | undefined;
  onFold: () => void;
  onClose: () => void;
}

export function Details(all: DetailsProps) {
  const { operator, plan, udf, functions, wait, workers, slowest, hidden, onFold, onClose } = all;
  const { name, state, detail, skew, inputs } = operator;
  const pool = state === "running" && functions.some(([, { actors }]) => Object.keys(actors).length > 0);
  return (
    <section class="opinfo" aria-label={`Details of ${name.slice(0, 120)}`} tabIndex={0}>
      <div class="row">
        <b class="name">
          <bdi>{name}</bdi>
        </b>
        <button class="quiet" type="button" aria-label="Close the details" title="Close (Esc)" onClick={onClose}>
          ✕
        </button>
      </div>
      {state && (
        <p>
          <span class={`st-${state}`}>
            {glyph(state)} {state}
          </span>
          {slowest && <span class="flag"> · ⚑ on the slowest path</span>}
        </p>
      )}
      {pool && <p class={wait ? "over" : "muted"}>{wait ? `⧖ ${wait.long}` : NOBODY_WAITS}</p>}
      {skew && stragglers(skew).length > 0 && <p class="over">⚠ Uneven tasks: {skewWords(skew)}</p>}
      <dl>
        {facts(operator, plan, udf).map(([what, value]) => (
          <div key={what}>
            <dt>{what}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {functions.slice(0, MOST_FUNCTIONS).map(([key, called]) => (
        <FunctionDetails key={key} called={called} runs={state === "running"} />
      ))}
      {functions.length > MOST_FUNCTIONS && (
        <p class="sub">and {plural(functions.length - MOST_FUNCTIONS, "more function")}</p>
      )}
      {skew && skew.longest.length > 0 && <Longest skew={skew} workers={workers} />}
      {detail && (
        <>
          <h4>Expressions</h4>
          <div class="exprs" dir="auto">
            {detail.split("\n").map((line) => {
              const named = /^([A-Za-z][\w ]{0,30}): (.*)/s.exec(line);
              return named ? (
                <p>
                  <i>{named[1]}</i> <code>{named[2]}</code>
                </p>
              ) : (
                <p>
                  <code>{line}</code>
                </p>
              );
            })}
          </div>
        </>
      )}
      {inputs.length > 0 && (
        <button class="quiet" type="button" onClick={onFold}>
          {foldWords(hidden)}
        </button>
      )}
    </section>
  );
}

/** Each as a bar against the longest, with the median marked. */
function Longest({ skew, workers }: { skew: NonNullable<Drawn["skew"]>; workers: Workers | undefined }) {
  const most = skew.longest[0]!.seconds || 1;
  return (
    <>
      <h4>Longest tasks</h4>
      <table class="longest">
        <thead class="hidden">
          <tr>
            <th scope="col">task</th>
            <th scope="col">time</th>
            <th scope="col">bar</th>
            <th scope="col">worker</th>
          </tr>
        </thead>
        <tbody>
          {skew.longest.map(({ seconds, task, worker }) => (
            <tr key={task}>
              <td>task {task}</td>
              <td class="num">{duration(seconds)}</td>
              <td class="bar" aria-hidden="true">
                <i style={{ width: `${(100 * seconds) / most}%` }} />
                {skew.median != null && <em style={{ left: `${Math.min(100, (100 * skew.median) / most)}%` }} />}
              </td>
              <td title={`node ${worker}`}>{workers?.rows[worker]?.label ?? `node ${worker.slice(0, 8)}`}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="sub">line: the median, ≈ {duration(skew.median)}</p>
    </>
  );
}
