// A table that has no rows to show: not run, running, failed, or its data gone.
import { duration } from "../format.ts";
import { RUN_ROWS } from "../limits.ts";
import { useElapsed } from "./bar.tsx";
import { grouped, nameWords } from "./cell.ts";
import type { PreviewStore } from "./store.ts";
import type { Table } from "./wire.ts";

const LISTED = 200; // columns

function Schema({ table }: { table: Table }) {
  return (
    <div class="schema" tabIndex={0} role="region" aria-label="Columns">
      <table>
        <thead>
          <tr>
            <th scope="col">Column</th>
            <th scope="col">Type</th>
          </tr>
        </thead>
        <tbody>
          {table.columns.slice(0, LISTED).map(({ name, type }, index) => (
            <tr key={index}>
              <td class="name">
                <bdi>{nameWords(name)}</bdi>
              </td>
              <td class="type">{type}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {table.columns.length > LISTED && (
        <p class="muted">… and {grouped(table.columns.length - LISTED)} more columns</p>
      )}
      {table.columns.length === 0 && <p class="muted">It has no columns.</p>}
    </div>
  );
}

export function Waiting({ store }: { store: PreviewStore }) {
  const table = store.table.value!;
  const running = store.running.value;
  const runs = table.state === "running" || running !== null;
  const elapsed = useElapsed(runs ? store.runSince : null);
  const words = {
    lazy: "It has not run, and showing it runs nothing.",
    running: "",
    ready: "",
    failed: "It failed.",
    lost: "A part of the data is gone from the cluster.",
  }[table.state];
  const action = {
    lazy: `Preview first ${grouped(RUN_ROWS)} rows`,
    running: "",
    ready: "",
    failed: "Run again",
    lost: "Recompute",
  }[table.state];
  return (
    <div class="waiting">
      <div class="bar">
        <span class="title">
          {table.name && (
            <b>
              <bdi>{nameWords(table.name)}</bdi>
            </b>
          )}
          <span class="count">
            {grouped(table.columns.length)} {table.columns.length === 1 ? "column" : "columns"}
            {table.rows !== null && `, ${grouped(table.rows)} rows`}
          </span>
        </span>
        {runs ? (
          <span class="working" role="status">
            <span class="dot" aria-hidden="true">
              ●
            </span>{" "}
            Running{" "}
            <span class="muted">
              {duration(Math.max(0.1, Math.round(Math.max(elapsed, running?.elapsed ?? 0) * 10) / 10))}
            </span>
            {running?.text && <span class="muted"> · {running.text}</span>}
            <button type="button" onClick={() => store.stopRun()}>
              Stop
            </button>
          </span>
        ) : (
          <>
            <span class="muted">{words}</span>
            <span class="tools">
              <button type="button" class="primary" onClick={() => store.run()}>
                {action}
              </button>
            </span>
          </>
        )}
      </div>
      {(table.state === "failed" || table.state === "lost") && table.note && <p class="problem">{table.note}</p>}
      <div class={table.plan === null ? "sides one" : "sides"}>
        <Schema table={table} />
        {table.plan !== null && (
          <pre class="plan-text" tabIndex={0} role="region" aria-label="Plan">
            {table.plan}
          </pre>
        )}
      </div>
    </div>
  );
}
