// The scheduler's decisions with their reasons, and the settings: set beside in effect.
import { duration } from "./format.ts";
import type { Store } from "./store.ts";

const WORDS: Record<string, string> = {
  request: "asked", arrival: "came", clear: "cleared", retire: "retired", died: "died", "over max": "over max",
};

export function Decisions({ store }: { store: Store }) {
  const decisions = Object.entries(store.frame.value?.decisions ?? {}).reverse();
  const zero = store.query.value?.started ?? 0;
  return (
    <section class="panel" aria-label="Decisions">
      <h3>Decisions</h3>
      <span class="sub">the scheduler's and Ray's, the latest first</span>
      {decisions.length === 0 ? (
        <p class="empty">None yet.</p>
      ) : (
        <div class="scroll" tabIndex={0}>
          {decisions.map(([key, decision]) => (
            <div class="decision" key={key}>
              <span class="t">{signed(decision.t - zero)}</span>
              <span class={`tag ${decision.kind.replace(" ", "-")}`}>
                {WORDS[decision.kind] ?? decision.kind}
                {decision.count > 1 ? ` ×${decision.count}` : ""}
              </span>
              <span class="why">{decision.text}</span>
            </div>
          ))}
        </div>
      )}
    </section>
  );
}

/** Before or after the query's start. */
const signed = (seconds: number): string => (seconds < 0 ? `−${duration(-seconds)}` : duration(seconds));

const SWITCHES = new Set(["downscale", "linear"]);
const shown = (name: string, text: string | null | undefined): string =>
  text == null ? "—" : SWITCHES.has(name) ? (text === "1" ? "on" : "off") : text;

export function Settings({ store }: { store: Store }) {
  const settings = store.frame.value?.settings;
  if (!settings) return null;
  return (
    <section class="panel" aria-label="Settings">
      <h3>Settings</h3>
      <span class="sub">
        {settings.number == null ? "read back once a query has run on Ray" : `in effect: read back at query ${settings.number}`}
      </span>
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
    </section>
  );
}
