// The queries of this session: sorted as one likes, one looked at again, or two of them side by side.
import { useState } from "preact/hooks";
import { Compare } from "./compare.tsx";
import { count, duration, ratio } from "./format.ts";
import { Panel } from "./panel.tsx";
import { shown } from "./panels.tsx";
import type { Past, Snapshot } from "./snapshot.ts";
import type { Store } from "./store.ts";
import { glyph } from "./words.ts";

const workers = (past: Past): string =>
  past.workers_from == null
    ? "—"
    : past.workers_from === past.workers_to
      ? `${past.workers_to}`
      : `${past.workers_from} → ${past.workers_to}`;

/** What it ran with that is not the default: "threshold 1.5, downscale off". */
export function differing(past: Past, settings: Snapshot["settings"]): string {
  const found = Object.entries(settings?.rows ?? {}).flatMap(([name, row]) => {
    const value = past.settings?.[row.env];
    return value !== undefined && value !== row.default ? [`${name.replace("_", " ")} ${shown(row.kind, value)}`] : [];
  });
  return found.join(", ");
}

interface Column {
  name: string;
  by: (past: Past) => number | string | null | undefined;
  text?: (past: Past) => string;
  num?: boolean;
}

const COLUMNS: Column[] = [
  {
    name: "Query",
    by: (past) => past.number,
    text: (past) => `${past.number}${past.name ? ` · ${past.name}` : ""}`,
    num: true,
  },
  { name: "State", by: (past) => past.state, text: (past) => `${glyph(past.state)} ${past.state}` },
  {
    name: "Started",
    by: (past) => past.started,
    text: (past) => new Date(past.started * 1000).toTimeString().slice(0, 8),
  },
  { name: "Time", by: (past) => past.elapsed, text: (past) => duration(past.elapsed), num: true },
  { name: "Rows", by: (past) => past.rows, text: (past) => count(past.rows), num: true },
  { name: "Tasks", by: (past) => past.tasks, text: (past) => count(past.tasks), num: true },
  { name: "Workers", by: (past) => past.workers_to, text: workers, num: true },
  { name: "Peak ratio", by: (past) => past.peak_ratio, text: (past) => ratio(past.peak_ratio), num: true },
  { name: "Node-seconds", by: (past) => past.node_seconds, text: (past) => count(past.node_seconds), num: true },
];

/** Rows by a column; what is not known is last either way. */
export function sorted(rows: Past[], by: Column["by"], down: boolean): Past[] {
  return [...rows].sort((a, b) => {
    const [x, y] = [by(a), by(b)];
    if (x == null || y == null) return Number(x == null) - Number(y == null);
    const order = x < y ? -1 : x > y ? 1 : a.number - b.number;
    return down ? -order : order;
  });
}

export function History({ store }: { store: Store }) {
  const snapshot = store.snapshot.value;
  const [order, setOrder] = useState({ column: 0, down: true });
  const queries = Object.values(snapshot?.queries ?? {});
  const marked = store.chosen.marked.value;
  const mark = (number: number) =>
    store.compare(marked.includes(number) ? marked.filter((other) => other !== number) : [...marked, number].slice(-2));
  const show = (number: number) => {
    store.look(number);
    store.chosen.tab.value = "Overview";
  };
  const comparing = snapshot?.compare && marked.length === 2 ? snapshot.compare : null;
  const replayed = snapshot?.replay != null;
  const sub = replayed || queries.length < 2 ? `${queries.length}` : `${queries.length} · mark two to compare them`;
  return (
    <Panel title="History" sub={sub} class="history">
      {queries.length === 0 ? (
        <p class="empty">No query has run yet.</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="queries of this session">
          <table>
            <thead>
              <tr>
                {!replayed && (
                  <th scope="col">
                    <span class="hidden">compare</span>
                  </th>
                )}
                <th scope="col">
                  <span class="hidden">look</span>
                </th>
                {COLUMNS.map(({ name, num }, index) => (
                  <th
                    key={name}
                    scope="col"
                    class={num ? "num" : ""}
                    aria-sort={order.column !== index ? undefined : order.down ? "descending" : "ascending"}
                  >
                    <button
                      type="button"
                      class="plain"
                      onClick={() => setOrder({ column: index, down: order.column === index ? !order.down : true })}
                    >
                      {name}
                      <span aria-hidden="true">{order.column !== index ? "" : order.down ? " ↓" : " ↑"}</span>
                    </button>
                  </th>
                ))}
                <th scope="col">Changed settings</th>
              </tr>
            </thead>
            <tbody>
              {sorted(queries, COLUMNS[order.column]!.by, order.down).map((past) => (
                <tr key={past.number} class={past.number === snapshot?.query?.number ? "current" : ""}>
                  {!replayed && (
                    <td>
                      <input
                        type="checkbox"
                        aria-label={`compare query ${past.number}`}
                        checked={marked.includes(past.number)}
                        onChange={() => mark(past.number)}
                      />
                    </td>
                  )}
                  <td>
                    <button type="button" class="plain link" onClick={() => show(past.number)}>
                      Look<span class="hidden"> at query {past.number}</span>
                    </button>
                  </td>
                  {COLUMNS.map(({ name, text, by, num }, index) => (
                    <td key={name} class={[num && "num", index === 1 && `st-${past.state}`].filter(Boolean).join(" ")}>
                      {text ? text(past) : by(past)}
                    </td>
                  ))}
                  <td class="muted">{differing(past, snapshot?.settings)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {comparing && (
        <Compare comparison={comparing} rows={snapshot?.settings?.rows} onClose={() => store.compare([])} />
      )}
    </Panel>
  );
}
