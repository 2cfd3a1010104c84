// What the colours and signs of the lanes in sight mean.
import { type Lane, styleOf } from "../paint.ts";
import { OUTCOMES } from "../words.ts";

const MOST_NAMES = 8;

export function Legend({
  lanes,
  names,
  query,
}: {
  lanes: Lane[];
  names: Record<string, string>;
  query: number | null;
}) {
  const stages = new Set<number>();
  const outcomes = new Set<string>();
  const has = { running: false, earlier: false, coarse: false };
  for (const { bars, gaps, range } of lanes) {
    has.coarse ||= gaps.some(([, to]) => to > range.from);
    for (const bar of bars) {
      if (bar.query !== 0 && bar.query !== query) has.earlier = true;
      else if (OUTCOMES[bar.outcome] === undefined) stages.add(bar.stage);
      if (bar.outcome === "running") has.running = true;
      else if (bar.outcome !== "finished") outcomes.add(bar.outcome);
    }
  }
  const sorted = [...stages].sort((a, b) => a - b);
  return (
    <div class="legend">
      {sorted.slice(0, MOST_NAMES).map((stage) => {
        const { hue, pattern } = styleOf(stage);
        return (
          <span key={stage}>
            <i class={`chip p${pattern}`} style={{ background: `var(--op${hue})` }} />{" "}
            {names[stage] ?? `operator ${stage}`}
          </span>
        );
      })}
      {sorted.length > MOST_NAMES && <span>and {sorted.length - MOST_NAMES} more</span>}
      {has.running && (
        <span>
          <i class="chip open" /> runs
        </span>
      )}
      {[...outcomes].map((outcome) => (
        <span key={outcome}>
          <b>{OUTCOMES[outcome]}</b> {outcome}
        </span>
      ))}
      {has.earlier && (
        <span>
          <i class="chip earlier" /> of another query
        </span>
      )}
      {has.coarse && (
        <span>
          <i class="chip coarse" /> busy, tasks not known
        </span>
      )}
      {lanes.some(({ worker }) => worker.state === "warm") && (
        <span>
          <i class="chip warm" /> warm
        </span>
      )}
      {lanes.some(({ worker }) => worker.state === "idle") && (
        <span>
          <i class="chip idle" /> idle
        </span>
      )}
    </div>
  );
}
