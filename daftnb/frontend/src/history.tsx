// The queries of this session, newest first.
import { count, duration, ratio } from "./format.ts";
import { Panel } from "./panel.tsx";
import type { Store } from "./store.ts";

export function History({ store }: { store: Store }) {
  const queries = Object.values(store.frame.value?.queries ?? {}).reverse();
  return (
    <Panel title="History" sub={`${queries.length}`}>
      <div class="scroll" tabIndex={0} role="region" aria-label="History">
        <table>
          <thead>
            <tr>
              {["Query", "State", "Time", "Rows", "Tasks", "Peak ratio", "Node-seconds"].map((name) => (
                <th key={name}>{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {queries.map((query) => (
              <tr key={query.number}>
                <td>{query.number}</td>
                <td>{query.state}</td>
                <td>{duration(query.elapsed)}</td>
                <td>{count(query.rows)}</td>
                <td>{count(query.tasks)}</td>
                <td>{ratio(query.peak_ratio)}</td>
                <td>{count(query.node_seconds)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
