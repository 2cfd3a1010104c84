// The scheduler's decisions with their reasons, and the settings: set beside in effect.
import { useRef } from "preact/hooks";
import { duration } from "./format.ts";
import { Fold } from "./fold.tsx";
import { Panel } from "./panel.tsx";
import type { Store } from "./store.ts";
import { decisionWord } from "./words.ts";

export function Decisions({ store }: { store: Store }) {
  const decisions = Object.entries(store.frame.value?.decisions ?? {}).reverse();
  const box = useRef<HTMLDivElement>(null);
  const zero = store.query.value?.started ?? 0;
  return (
    <Panel title="Decisions" sub="the scheduler's and Ray's, the latest first" bounded>
      {decisions.length === 0 ? (
        <p class="empty">None yet.</p>
      ) : (
        <Fold box={box} words={() => "earlier decisions"}>
          <div class="scroll" ref={box} tabIndex={0} role="group" aria-label="decisions, the latest first">
            <div>
              {decisions.map(([key, decision]) => (
                <div class="decision" key={key}>
                  <span class="t">{signed(decision.t - zero)}</span>
                  <span class={`tag ${decision.kind.replace(" ", "-")}`}>{decisionWord(decision.kind)}</span>
                  <span class="why">
                    {decision.text}
                    {decision.count > 1 && <span class="times"> ×{decision.count}</span>}
                  </span>
                </div>
              ))}
            </div>
          </div>
        </Fold>
      )}
    </Panel>
  );
}

/** Before or after the query's start, to a tenth of a second: the column then lines up. */
function signed(seconds: number): string {
  const size = Math.abs(seconds);
  return (seconds < 0 ? "−" : "") + (size < 59.95 ? `${size.toFixed(1)} s` : duration(size));
}

export const SWITCHES = new Set(["downscale", "linear"]);
export const shown = (name: string, text: string | null | undefined): string =>
  text == null ? "—" : SWITCHES.has(name) ? (text === "1" ? "on" : "off") : text;

export const settingsSub = (number: number | null | undefined): string =>
  number == null ? "read back once a query has run on Ray" : `in effect: read back at query ${number}`;

export function Settings({ store }: { store: Store }) {
  const settings = store.frame.value?.settings;
  if (!settings) return null;
  return (
    <Panel title="Settings" sub={settingsSub(settings.number)}>
      <table>
        <thead>
          <tr>
            <th scope="col">setting</th>
            <th scope="col">set</th>
            <th scope="col">in effect</th>
            <th scope="col">
              <span class="hidden">change</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(settings.rows).map(([name, row]) => (
            <tr key={name} title={row.env}>
              <td>{row.label}</td>
              <td>{shown(name, row.set)}</td>
              <td>{shown(name, row.in_effect)}</td>
              <td>{row.in_effect != null && row.pending ? <span class="tag">next query</span> : ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
