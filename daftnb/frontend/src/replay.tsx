// A recording's controls: where it is on a slider, playing at three speeds, and from decision to decision.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { placeOf } from "./filemodel.ts";
import { duration } from "./format.ts";
import type { Replay } from "./snapshot.ts";
import type { Store } from "./store.ts";

const SPEEDS = [1, 4, 16];
const BEAT_MS = 100;
const PATIENCE_MS = 1_000;

/** The next decision after `at`, or the one before it: null where there is none. */
export function moment(replay: Replay, at: number, forward: boolean): number | null {
  const found = forward
    ? replay.moments.find((t) => t > at + 0.001)
    : replay.moments.filter((t) => t < at - 0.001).at(-1);
  return found ?? null;
}

/** The moment that is shown for a wanted one: of a file, the last stop at or before it. */
export const shownAt = (replay: Replay, t: number): number =>
  replay.stops?.length ? replay.stops[placeOf(replay.stops, t)]! : t;

export function ReplayBar({ store }: { store: Store }) {
  const replay = store.snapshot.value!.replay!;
  const [wanted, setWanted] = useState<number | null>(null); // asked for, and not yet answered
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(1);
  const asked = useRef({ t: NaN, when: 0 });
  const at = wanted ?? replay.at;
  const span = replay.to - replay.from;

  // One request at a time: the next one goes when the kernel has answered the last.
  const pump = (goal: number | null) => {
    if (goal === null) return;
    const t = shownAt(replay, goal);
    const answered = Math.abs(replay.at - asked.current.t) < 0.001;
    const waits = !Number.isNaN(asked.current.t) && !answered && performance.now() - asked.current.when < PATIENCE_MS;
    if (waits) return;
    if (Math.abs(replay.at - t) < 0.001) {
      if (!playing) setWanted(null); // playing goes on from where it is, also between two stops
    } else {
      asked.current = { t, when: performance.now() };
      store.seek(t);
    }
  };
  useLayoutEffect(() => pump(wanted), [wanted, replay.at, playing]);

  useEffect(() => {
    if (!playing) return;
    let last = performance.now();
    const timer = setInterval(() => {
      const passed = (performance.now() - last) / 1000;
      last = performance.now();
      setWanted((before) => Math.min(replay.to, (before ?? replay.at) + passed * speed));
    }, BEAT_MS);
    return () => clearInterval(timer);
  }, [playing, speed, replay.to, replay.at]);
  useEffect(() => {
    if (at >= replay.to) setPlaying(false);
  }, [at, replay.to]);

  const go = (t: number | null) => {
    if (t === null) return;
    setPlaying(false);
    setWanted(t);
  };
  const play = () => {
    if (!playing && at >= replay.to) setWanted(replay.from);
    setPlaying(!playing);
  };
  const said = `${duration(at - replay.from)} of ${duration(span)}`;
  const before = moment(replay, at, false);
  const after = moment(replay, at, true);
  return (
    <section class="panel replay" aria-label="Replay">
      <h3>{replay.title}</h3>
      <div class="buttons">
        <button type="button" aria-disabled={before === null} onClick={() => go(before)} title="the decision before">
          <span aria-hidden="true">|◀</span>
          <span class="hidden">the decision before</span>
        </button>
        <button type="button" onClick={play} class="play">
          {playing ? "Pause" : "▶ Play"}
        </button>
        <button type="button" aria-disabled={after === null} onClick={() => go(after)} title="the next decision">
          <span aria-hidden="true">▶|</span>
          <span class="hidden">the next decision</span>
        </button>
        <select
          aria-label="speed"
          value={String(speed)}
          onChange={(event) => setSpeed(Number(event.currentTarget.value))}
        >
          {SPEEDS.map((times) => (
            <option key={times} value={String(times)}>
              {times}×
            </option>
          ))}
        </select>
      </div>
      <div class="slide">
        <input
          type="range"
          aria-label="time"
          aria-valuetext={said}
          min={replay.from}
          max={replay.to}
          step={Math.max(0.01, span / 200)}
          value={at}
          onInput={(event) => go(Number(event.currentTarget.value))}
        />
        <div class="moments" aria-hidden="true">
          {replay.moments.map((t, index) => (
            <i key={index} style={{ left: `${span > 0 ? (100 * (t - replay.from)) / span : 0}%` }} />
          ))}
        </div>
      </div>
      <span class="said">{said}</span>
    </section>
  );
}
