// The words for the task that is picked, and where they stand.
import type { Bar } from "../bars.ts";
import { duration, signed } from "../format.ts";
import type { Worker } from "../snapshot.ts";
import { type Range, zeroOf } from "../window.ts";

/** Say what is known of a task. `names`: those of the operators; `query`: the number of the query that is shown. */
export function taskWords(
  bar: Bar,
  worker: Worker,
  names: Record<string, string>,
  query: number | null,
  range: Range,
): string {
  const name = names[bar.stage] ?? `operator ${bar.stage}`;
  const number = bar.query === 0 ? query : bar.query;
  const took = duration((bar.to ?? range.now) - bar.from);
  const how = `${bar.outcome} ${bar.to === null ? "for" : "in"} ${took}`;
  const from = signed(bar.from - zeroOf(range));
  return `${name} · task ${bar.task} · query ${number} · ${how}, from ${from} on ${worker.label}`;
}

/** Never wider than the lanes, which are `whole` px wide: of the text, the same share is to the left of `left` as of
 * the lanes. */
export function Tip({ text, left, whole, top }: { text: string; left: number; whole: number; top: number }) {
  const part = (100 * left) / whole;
  return (
    <div
      class="tip"
      aria-hidden="true"
      style={{ top: `${top}px`, left: `${left}px`, transform: `translateX(-${part.toFixed(1)}%)` }}
    >
      {text}
    </div>
  );
}
