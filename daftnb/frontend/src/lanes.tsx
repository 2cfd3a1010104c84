// Workers as lanes: only those in sight are in the page, and a lane is painted when its worker or the time has changed.
import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Cursor, rest, timeAt } from "./cursor.tsx";
import { Fold } from "./fold.tsx";
import type { Frame, Worker } from "./frame.ts";
import { duration, plural, signed } from "./format.ts";
import { barAt, barsOf, gapsOf, tracksOf, type Bar } from "./bars.ts";
import { paint, styleOf, type Lane } from "./paint.ts";
import type { Store } from "./store.ts";
import { coloursOf, type Theme } from "./theme.ts";
import { AXIS, clamp, END, shareOf, zeroOf, type Range } from "./window.ts";
import { glyph, OUTCOMES, workerFacts, workerWords } from "./words.ts";

const WORDS = 26; // of a row's height, in pixels: what is not the lane
const TRACK = 7;
const LEAST = 16; // of a lane's height
const NEAR = 3; // pixels to a bar
const MOST_NAMES = 8;

interface LanesProps {
  store: Store;
  frame: Frame;
  workers: Worker[];
  range: Range;
  theme: Theme;
}

interface Picked {
  worker: string;
  key: string;
}

export function Lanes({ store, frame, workers, range, theme }: LanesProps) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 340, width: 0, gutter: 0 });
  const picked = useSignal<Picked | null>(null);
  const active = useSignal<string | null>(null);
  const memory = useRef(new Memory());
  const lane = Math.max(LEAST, TRACK * Math.max(...workers.map(tracksOf)));
  const height = lane + WORDS;

  useEffect(() => {
    const element = box.current!;
    const look = () => {
      const style = getComputedStyle(element);
      const gutter = parseFloat(style.getPropertyValue("--gut")) + 6;
      setView({ top: element.scrollTop, height: element.clientHeight, width: element.firstElementChild!.clientWidth, gutter });
    };
    const observer = new ResizeObserver(look);
    observer.observe(element);
    observer.observe(element.firstElementChild!);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, []);

  const first = clamp(Math.floor(view.top / height), 0, Math.max(0, workers.length - 1));
  const shown = workers.slice(first, Math.ceil((view.top + view.height) / height) + 1);
  const query = frame.query?.number ?? null;
  const width = view.width - view.gutter - AXIS - END;
  const least = (3 * (range.to - range.from)) / Math.max(width, 1);
  const lanes = shown.map((worker): Lane => {
    const bars = memory.current.bars(worker);
    const gaps = gapsOf(worker, bars, Math.min(range.now, range.to), least);
    return { worker, bars, gaps, range, query, picked: picked.value?.worker === worker.id ? picked.value.key : null };
  });
  useLayoutEffect(() => {
    if (width > 0) memory.current.paint(box.current!, lanes, width, lane, theme);
  });

  const names = frame.workers?.stages ?? {};
  const tell = (bar: Bar, worker: Worker) => {
    const name = names[bar.stage] ?? `operator ${bar.stage}`;
    const number = bar.query === 0 ? query : bar.query;
    const took = duration((bar.to ?? range.now) - bar.from);
    return `${name} · task ${bar.task} · query ${number} · ${bar.outcome} ${bar.to === null ? "for" : "in"} ${took}, from ${signed(bar.from - zeroOf(range))} on ${worker.label}`;
  };
  const found = picked.value && lanes.find((one) => one.worker.id === picked.value!.worker);
  const bar = found ? found.bars.find((one) => one.key === picked.value!.key) : undefined;
  const current = shown.some((worker) => worker.id === active.value) ? active.value : shown[0]!.id;

  const onPointerMove = (event: PointerEvent) => {
    const at = timeAt(event, range, view.gutter + AXIS);
    store.pointed.value = null;
    store.cursor.value = at?.t ?? null;
    const row = (event.target as HTMLElement).closest<HTMLElement>(".lane");
    const hit = at && row && lanes.find((one) => one.worker.id === row.dataset.id);
    const track = row ? Math.floor(((event.clientY - row.getBoundingClientRect().top) / lane) * (hit ? tracksOf(hit.worker) : 1)) : 0;
    const under = hit ? barAt(hit.bars, at.t, track, NEAR * at.perPixel, range.now) : null;
    const same = under?.key === picked.peek()?.key && hit?.worker.id === picked.peek()?.worker;
    if (!same) picked.value = under && hit ? { worker: hit.worker.id, key: under.key } : null;
  };
  const leave = () => {
    rest(store);
    picked.value = null;
  };

  const onFocusOut = (event: FocusEvent) => {
    if (!(event.currentTarget as HTMLElement).contains(event.relatedTarget as Node | null)) leave();
  };

  /** Along a lane from task to task, and up and down to the lane beside it at the same time. */
  const onKeyDown = (event: KeyboardEvent) => {
    const target = event.target as HTMLElement;
    const place = workers.findIndex((worker) => worker.id === target.dataset.id);
    const go = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -Infinity], End: [0, Infinity] }[event.key];
    if (event.key === "Escape") leave();
    if (!go || place < 0) return;
    event.preventDefault();
    const [rows, steps] = go as [number, number];
    const to = clamp(place + rows, 0, workers.length - 1);
    const bars = memory.current.bars(workers[to]!);
    const t = bar?.from ?? store.cursor.peek() ?? range.now;
    const at = to === place ? bars.findIndex((one) => one.key === picked.peek()?.key) : -1;
    let next = at + steps;
    if (at < 0 && Number.isFinite(steps)) next = bars.filter((one) => one.from <= t).length - 1;
    choose(to, bars[clamp(next, 0, bars.length - 1)]);
  };
  const choose = (place: number, to: Bar | undefined) => {
    const id = workers[place]!.id;
    active.value = id;
    picked.value = to ? { worker: id, key: to.key } : null;
    if (to) store.cursor.value = clamp(to.from, range.from, range.to);
    const element = box.current!;
    element.scrollTop = clamp(element.scrollTop, (place + 1) * height - element.clientHeight, place * height);
    requestAnimationFrame(() => element.querySelector<HTMLElement>(`.lane[data-id="${CSS.escape(id)}"]`)?.focus({ preventScroll: true }));
  };

  return (
    <>
      <Legend lanes={lanes} names={names} query={query} />
      <div class="lanes" onPointerMove={onPointerMove} onPointerLeave={leave} onKeyDown={onKeyDown} onFocusOut={onFocusOut}>
        <Fold box={box} words={() => `more of ${plural(workers.length, "node")}`}>
          <div class="pool" ref={box} tabIndex={0} role="group" aria-label="workers">
            <div role="list" style={{ height: `${workers.length * height}px`, paddingTop: `${first * height}px` }}>
              {shown.map((worker, index) => memory.current.row(worker, worker.id === current, bar && found?.worker === worker ? tell(bar, worker) : null,
                lanes[index]!.bars, lane, first + index + (frame.workers?.first ?? 0), frame.workers?.listed ?? workers.length, store))}
            </div>
          </div>
        </Fold>
        <Cursor store={store} range={range} />
        {bar && found && (
          <Tip text={tell(bar, found.worker)} left={view.gutter + AXIS + clamp(shareOf((bar.from + (bar.to ?? range.now)) / 2, range), 0, 1) * width}
            whole={view.width} top={(workers.indexOf(found.worker) + 1) * height - view.top - WORDS + 6} />
        )}
      </div>
    </>
  );
}

/** What has been made of workers, kept as long as they do not change. */
class Memory {
  #bars = new WeakMap<Worker, Bar[]>();
  #tracks = new Map<string, Map<string, number>>();
  #rows = new WeakMap<Worker, { of: string; row: VNode }>();
  #painted = new WeakMap<Element, { lane: Lane; size: string }>();

  bars(worker: Worker): Bar[] {
    let made = this.#bars.get(worker);
    if (!made) {
      if (!this.#tracks.has(worker.id)) this.#tracks.set(worker.id, new Map());
      this.#bars.set(worker, (made = barsOf(worker, this.#tracks.get(worker.id)!)));
    }
    return made;
  }

  row(worker: Worker, active: boolean, told: string | null, bars: Bar[], lane: number, place: number, listed: number, store: Store): VNode {
    const of = `${active}:${told}:${lane}:${place}:${listed}`;
    let made = this.#rows.get(worker);
    if (made?.of !== of) {
      const row = <Row key={worker.id} {...{ worker, active, told, bars, lane, place, listed, store }} />;
      this.#rows.set(worker, (made = { of, row }));
    }
    return made!.row;
  }

  paint(box: HTMLElement, lanes: Lane[], width: number, height: number, theme: Theme): void {
    const colour = coloursOf(box, theme);
    const size = `${width}:${height}:${theme}`;
    const canvases = box.querySelectorAll("canvas");
    lanes.forEach((lane, index) => {
      const canvas = canvases[index];
      const last = canvas && this.#painted.get(canvas);
      if (!canvas || (last && last.size === size && same(last.lane, lane))) return;
      paint(canvas, lane, width, height, colour);
      this.#painted.set(canvas, { lane, size });
    });
  }
}

const same = (a: Lane, b: Lane): boolean =>
  a.worker === b.worker && a.picked === b.picked && a.query === b.query &&
  a.range.from === b.range.from && a.range.to === b.range.to && a.range.now === b.range.now;

interface RowProps {
  worker: Worker;
  active: boolean;
  told: string | null;
  bars: Bar[];
  lane: number;
  place: number;
  listed: number;
  store: Store;
}

function Row({ worker, active, told, bars, lane, place, listed, store }: RowProps) {
  const facts = workerFacts(worker);
  const detail = [worker.label, worker.note, `${worker.running} of ${worker.slots} slots`, facts, `node ${worker.id}`];
  const at = told === null ? bars.length : Math.max(1, bars.findIndex((bar) => told.includes(` task ${bar.task} `)) + 1);
  return (
    <div class="worker" role="listitem" data-state={worker.state} aria-setsize={listed} aria-posinset={place + 1}>
      <span class="who" title={detail.filter(Boolean).join(", ")}>
        {worker.label}
      </span>
      <div class="lane" style={{ height: `${lane}px` }} data-id={worker.id} role="slider" tabIndex={active ? 0 : -1} aria-label={`tasks of ${worker.label}`}
        aria-valuemin={0} aria-valuemax={bars.length} aria-valuenow={at} aria-valuetext={told ?? `${plural(bars.length, "task")} here: arrow keys go to each`}>
        <canvas aria-hidden="true" />
      </div>
      <div class="words">
        <span class={`st-${worker.state.replace(" ", "-")}`}>
          {glyph(worker.state)} <Words worker={worker} store={store} />
        </span>
        <span class="facts">{facts}</span>
      </div>
    </div>
  );
}

/** By itself, because it alone ticks. */
function Words({ worker, store }: { worker: Worker; store: Store }) {
  return <>{workerWords(worker, store.now.value)}</>;
}

/** Never wider than the lanes: as much of it is left of `left` as there is room, of `whole`. */
function Tip({ text, left, whole, top }: { text: string; left: number; whole: number; top: number }) {
  const part = (100 * left) / whole;
  return (
    <div class="tip" aria-hidden="true" style={{ top: `${top}px`, left: `${left}px`, transform: `translateX(-${part.toFixed(1)}%)` }}>
      {text}
    </div>
  );
}

/** What the colours and signs in sight mean. */
function Legend({ lanes, names, query }: { lanes: Lane[]; names: Record<string, string>; query: number | null }) {
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
            <i class={`chip p${pattern}`} style={{ background: `var(--op${hue})` }} /> {names[stage] ?? `operator ${stage}`}
          </span>
        );
      })}
      {sorted.length > MOST_NAMES && <span>and {sorted.length - MOST_NAMES} more</span>}
      {has.running && <span><i class="chip open" /> runs</span>}
      {[...outcomes].map((outcome) => <span key={outcome}><b>{OUTCOMES[outcome]}</b> {outcome}</span>)}
      {has.earlier && <span><i class="chip earlier" /> of another query</span>}
      {has.coarse && <span><i class="chip coarse" /> busy, tasks not known</span>}
      {lanes.some(({ worker }) => worker.state === "warm") && <span><i class="chip warm" /> warm</span>}
      {lanes.some(({ worker }) => worker.state === "idle") && <span><i class="chip idle" /> idle</span>}
    </div>
  );
}
