// The scheduler's decisions with their reasons, and the settings: set beside in effect.
import { useComputed } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Fold } from "./fold.tsx";
import { signed } from "./format.ts";
import { Panel } from "./panel.tsx";
import type { SettingRow } from "./snapshot.ts";
import type { Store } from "./store.ts";
import { clamp } from "./window.ts";
import { decisionWord } from "./words.ts";

export function Decisions({ store }: { store: Store }) {
  const decisions = Object.entries(useComputed(() => store.snapshot.value?.decisions).value ?? {}).reverse();
  const box = useRef<HTMLDivElement>(null);
  const zero = useComputed(() => store.query.value?.started ?? 0).value;
  const pointed = store.pointed.value;
  const point = (key: string | null) => {
    store.pointed.value = key;
    store.cursor.value = decisions.find(([other]) => other === key)?.[1].t ?? null;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") point(null);
    if (step === undefined) return;
    event.preventDefault();
    const place = decisions.findIndex(([key]) => key === pointed);
    point(decisions[clamp(place + step, 0, decisions.length - 1)]![0]);
  };
  useEffect(() => {
    // What is pointed at on a chart comes into the box; the page itself stays where it is.
    const row = box.current?.querySelector(".decision.pointed") as HTMLElement | null | undefined;
    if (!row || !box.current) return;
    const [at, top] = [row.getBoundingClientRect(), box.current.getBoundingClientRect()];
    box.current.scrollTop += Math.min(0, at.top - top.top) + Math.max(0, at.bottom - top.bottom);
  }, [pointed]);
  return (
    <Panel title="Decisions" sub="the scheduler's and Ray's, the latest first" bounded>
      {decisions.length === 0 ? (
        <p class="empty">None yet.</p>
      ) : (
        <Fold box={box} words={() => "earlier decisions"}>
          <div
            class="scroll"
            ref={box}
            tabIndex={0}
            role="listbox"
            aria-label="decisions, the latest first; each shows its moment"
            aria-activedescendant={pointed === null ? undefined : `decision-${pointed}`}
            onKeyDown={onKeyDown}
            onBlur={() => point(null)}
            onPointerLeave={() => point(null)}
          >
            <div role="presentation">
              {decisions.map(([key, decision]) => (
                // biome-ignore lint/a11y/useFocusableInteractive: aria-activedescendant of the list names the option
                <div
                  class={key === pointed ? "decision pointed" : "decision"}
                  key={key}
                  id={`decision-${key}`}
                  role="option"
                  aria-selected={key === pointed}
                  onPointerEnter={() => point(key)}
                >
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

/** A setting's value in words: switches as on and off; — where it is not known. */
export const shown = (kind: SettingRow["kind"] | undefined, text: string | null | undefined): string =>
  text == null ? "—" : kind === "switch" ? (text === "1" ? "on" : "off") : text;

export const settingsSub = (number: number | null | undefined): string =>
  number == null ? "read back once a query has run on Ray" : `in effect: read back at query ${number}`;

export function Settings({ store }: { store: Store }) {
  const settings = useComputed(() => store.snapshot.value?.settings).value;
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
              <td>{shown(row.kind, row.set)}</td>
              <td>{shown(row.kind, row.in_effect)}</td>
              <td>{row.in_effect != null && row.pending ? <span class="tag">next query</span> : ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
