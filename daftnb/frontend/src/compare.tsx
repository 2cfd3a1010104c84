// Two queries side by side: what they took in all, and operator by operator. Twice the first is ×2.00.
import { count, duration, ratio, size, UNKNOWN } from "./format.ts";
import { shown } from "./panels.tsx";
import type { Comparison, Did, SettingRow } from "./snapshot.ts";
import { glyph } from "./words.ts";

/** What they are called, how they are written, and whether less is better. */
const TOTALS: Record<string, [string, (value: number | null) => string, boolean?]> = {
  elapsed: ["time", duration, true],
  rows: ["rows", count],
  tasks: ["tasks", count],
  peak_ratio: ["peak backlog ratio", ratio, true],
  workers: ["workers", count],
  node_seconds: ["node-seconds", count, true],
};

/** "×1.25"; where less is better, above 1.1 and below 0.9 are marked, by a sign and a colour. */
function Times({ value, judged }: { value: number | null | undefined; judged?: boolean }) {
  if (value == null) return <>{UNKNOWN}</>;
  const kind = !judged ? "" : value > 1.1 ? "over" : value < 0.9 ? "st-finished" : "";
  const text = value > 0 && value < 0.01 ? "<×0.01" : `×${value.toFixed(value < 100 ? 2 : 0)}`;
  return (
    <span class={kind}>
      {kind === "over" ? "↑ " : kind ? "↓ " : ""}
      {text}
    </span>
  );
}

const work = (did: Did): string => (did.duration_us == null ? UNKNOWN : duration(did.duration_us / 1e6));
const named = (did: Did | null | undefined): string => (did ? `${did.name} ${did.detail}`.trim() : UNKNOWN);

interface Compared {
  comparison: Comparison;
  rows: Record<string, SettingRow> | undefined; // of the settings
  onClose: () => void;
}

export function Compare({ comparison, rows, onClose }: Compared) {
  const [a, b] = comparison.numbers;
  const settings = Object.entries(comparison.settings);
  const totals = Object.entries(TOTALS).filter(([name]) => comparison.totals[name]?.some((value) => value != null));
  return (
    <section class="compare" aria-label={`queries ${a} and ${b} compared`}>
      <div class="bar">
        <h3>
          Query {a} and query {b}
        </h3>
        <span class="muted">
          ratios: {b} ÷ {a}
        </span>
        <button type="button" class="plain link" onClick={onClose}>
          Close the comparison
        </button>
      </div>
      <div class="scroll" tabIndex={0} role="region" aria-label="totals and operators">
        <table>
          <thead>
            <tr>
              <th scope="col">in all</th>
              {[...totals.map(([, [word]]) => word), ...settings.map(([name]) => name.replace("_", " "))].map(
                (word) => (
                  <th scope="col" class="num" key={word}>
                    {word}
                  </th>
                ),
              )}
            </tr>
          </thead>
          <tbody>
            {[0, 1].map((side) => (
              <tr key={side}>
                <th scope="row">
                  {glyph(comparison.states[side]!)} query {comparison.numbers[side]}
                </th>
                {totals.map(([name, [, text]]) => (
                  <td class="num" key={name}>
                    {text(comparison.totals[name]?.[side] ?? null)}
                  </td>
                ))}
                {settings.map(([name, values]) => (
                  <td class="num" key={name}>
                    {shown(rows?.[name]?.kind, values[side])}
                  </td>
                ))}
              </tr>
            ))}
            <tr>
              <th scope="row">ratio</th>
              {totals.map(([name, [, , judged]]) => (
                <td class="num" key={name}>
                  <Times value={comparison.totals[name]?.[2]} judged={judged} />
                </td>
              ))}
              {settings.map(([name]) => (
                <td class="num" key={name}>
                  differs
                </td>
              ))}
            </tr>
          </tbody>
        </table>
        <table>
          <thead>
            <tr>
              <th scope="col">operator</th>
              {["time", "rows", "bytes", "tasks"].map((name) => [
                <th scope="col" class="num" key={name}>
                  {name} {a} | {b}
                </th>,
                name === "time" && (
                  <th scope="col" class="num" key="ratio">
                    ratio
                  </th>
                ),
              ])}
            </tr>
          </thead>
          <tbody>
            {Object.entries(comparison.operators).map(([key, { a: one, b: two, ratio: times }]) => {
              const both = (text: (did: Did) => string) => (
                <td class="num">
                  {one ? text(one) : UNKNOWN} <span class="muted">|</span> {two ? text(two) : UNKNOWN}
                </td>
              );
              return (
                <tr key={key}>
                  <td class="name" title={`${named(one)} | ${named(two)}`}>
                    {named(one ?? two)}
                    {one && two && one.name !== two.name && <span class="muted"> | {named(two)}</span>}
                    {!(one && two) && <span class="muted"> (only {one ? a : b})</span>}
                  </td>
                  {both(work)}
                  <td class="num">
                    <Times value={times?.duration_us} judged />
                  </td>
                  {both((did) => count(did.rows))}
                  {both((did) => size(did.bytes))}
                  {both((did) => count(did.tasks))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}
