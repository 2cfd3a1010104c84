// One moment through all charts and lanes: the line in each of them, and the words for all that was so then.
import { fits, widths } from "./fit.ts";
import { signed } from "./format.ts";
import { type Moment, markAt, momentOf, momentWords, nextMark } from "./moment.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Store } from "./store.ts";
import { useSnapshot } from "./turns.ts";
import { AXIS, clamp, END, type Range, rangeOf, shareOf, zeroOf } from "./window.ts";
import { decisionWord, NOTHING_RUNS, SIGNS } from "./words.ts";

const SNAP = 5; // pixels to a decision's mark
const STEPS = 100; // of an arrow key, from end to end
const FACT = 100; // px that a fact has at least
const SPACE = 4;
const TEXT = widths("12px");
const BOLD = widths("600 12px");

/** The line of the moment, in a box that has the axis on its left (`--axis`: more than that). */
export function Cursor({ store, range }: { store: Store; range: Range }) {
  const t = store.cursor.value;
  if (t === null || t < range.from || t > range.to) return null;
  const left = `calc(var(--axis) + (100% - var(--axis) - ${END}px) * ${shareOf(t, range).toFixed(5)})`;
  return <i class={store.pointed.value === null ? "cursor" : "cursor pointed"} style={{ left }} />;
}

/** The time under the pointer in such a box. */
export function timeAt(event: PointerEvent, range: Range, axis = AXIS): { t: number; perPixel: number } | null {
  const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
  const width = box.width - axis - END;
  const x = event.clientX - box.left - axis;
  if (x < -END || x > width + END) return null;
  const perPixel = (range.to - range.from) / width;
  return { t: range.from + clamp(x, 0, width) * perPixel, perPixel };
}

/** The pointer over a chart or a lane moves the moment, and is drawn to decisions. */
export function follow(store: Store, range: Range, axis = AXIS) {
  return {
    onPointerMove: (event: PointerEvent) => {
      const at = timeAt(event, range, axis);
      const marks = store.snapshot.peek()?.backlog?.marks;
      const key = at && marks ? markAt(marks, at.t, SNAP * at.perPixel) : null;
      store.pointed.value = key;
      store.cursor.value = key === null ? (at?.t ?? null) : marks![key]!.t;
    },
    onPointerLeave: () => rest(store),
  };
}

export function rest(store: Store): void {
  store.pointed.value = null;
  store.cursor.value = null;
}

/** The moment in words: now, until one is pointed at. With the keyboard it is a slider along the time axis. */
export function Readout({ store }: { store: Store }) {
  const snapshot = useSnapshot(store);
  if (snapshot === null) return null;
  const cursor = store.cursor.value;
  const range = rangeOf(snapshot);
  const moment = momentOf(snapshot, cursor, store.pointed.value);
  const since = (t: number) => Number((t - zeroOf(range)).toFixed(1));
  return (
    <div
      class={cursor === null ? "moment" : "moment set"}
      role="slider"
      tabIndex={0}
      aria-label="moment: arrow keys move it, page keys go to decisions"
      aria-valuemin={since(range.from)}
      aria-valuemax={since(range.to)}
      aria-valuenow={since(moment.t)}
      aria-valuetext={momentWords(moment, range)}
      onKeyDown={(event) => move(event, store, snapshot, range)}
      onBlur={() => rest(store)}
    >
      <div class="facts">
        <b>{cursor !== null ? signed(moment.t - zeroOf(range)) : moment.idle ? NOTHING_RUNS : "now"}</b>
        {moment.facts.map(([name, value]) => (
          <span key={name} class={fits(FACT, SPACE, [name, TEXT], [value, BOLD]) ? "" : "cut"}>
            {name} <b class={name === "ratio" && moment.over ? "over" : ""}>{value}</b>
          </span>
        ))}
      </div>
      <Told decisions={moment.decisions} hint={cursor === null} />
    </div>
  );
}

/** In as much room as ever, whatever there is to tell: what is below stays where it is. */
function Told({ decisions, hint }: { decisions: Moment["decisions"]; hint: boolean }) {
  const [first] = decisions;
  if (!first)
    return (
      <div class="told">
        {hint && <div>point at a chart or a lane, or press ← →, to see everything at one moment</div>}
      </div>
    );
  const [, kind, text] = first;
  const { sign, colour } = SIGNS[kind] ?? { sign: "·", colour: "--muted" };
  return (
    <div class="told">
      <div>
        <span style={{ color: `var(${colour})` }}>{sign}</span> <b>{decisionWord(kind)}</b> {text}
      </div>
      {decisions.length > 1 && <span>+{decisions.length - 1} more</span>}
    </div>
  );
}

function move(event: KeyboardEvent, store: Store, snapshot: Snapshot, range: Range): void {
  const last = Math.min(range.to, range.now);
  const at = store.cursor.peek() ?? last;
  const step = ((range.to - range.from) / STEPS) * (event.shiftKey ? 10 : 1);
  const marks = snapshot.backlog?.marks ?? {};
  const shown = Object.fromEntries(Object.entries(marks).filter(([, mark]) => mark.t >= range.from && mark.t <= last));
  let key: string | null = null;
  let to: number;
  if (event.key === "ArrowLeft" || event.key === "ArrowDown") to = at - step;
  else if (event.key === "ArrowRight" || event.key === "ArrowUp") to = at + step;
  else if (event.key === "Home") to = range.from;
  else if (event.key === "End") to = last;
  else if (event.key === "PageUp" || event.key === "PageDown") {
    key = nextMark(shown, at, event.key === "PageUp" ? -1 : 1);
    if (key === null) return;
    to = marks[key]!.t;
  } else if (event.key === "Escape") {
    rest(store);
    return;
  } else return;
  event.preventDefault();
  store.pointed.value = key;
  store.cursor.value = clamp(to, range.from, last);
}
