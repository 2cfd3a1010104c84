// The backlog ratio, its tasks, and the CPUs wanted, granted and observed, on the time axis that the lanes share.
import { useMemo } from "preact/hooks";
import { Chart } from "./chart.tsx";
import { Readout } from "./cursor.tsx";
import { plural, ratio, UNKNOWN } from "./format.ts";
import { stepsWithin } from "./moment.ts";
import { Panel } from "./panel.tsx";
import type { Backlog, Point, Snapshot } from "./snapshot.ts";
import type { Store } from "./store.ts";
import type { Theme } from "./theme.ts";
import { useSnapshot } from "./turns.ts";
import { type Range, rangeOf } from "./window.ts";
import { NATIVE, NOT_KEPT, NOTHING_RUNS, nothingRuns, overMax, SIGNS } from "./words.ts";

export const onNative = (snapshot: Snapshot | null): boolean => snapshot?.query?.runner === "native";

export function BacklogRows({ store, theme }: { store: Store; theme: Theme }) {
  const snapshot = useSnapshot(store);
  const backlog = snapshot?.backlog;
  if (!snapshot || !backlog) return null;
  if (Object.keys(backlog.points).length === 0) {
    const none = backlog.lost ? NOT_KEPT : "No backlog yet: it is measured while a query runs on Ray.";
    return <p class="empty rule">{onNative(snapshot) ? NATIVE : none}</p>;
  }
  const range = rangeOf(snapshot);
  const idle = nothingRuns(snapshot);
  return (
    <>
      <Ratio store={store} backlog={backlog} range={range} theme={theme} idle={idle} />
      <Tasks store={store} backlog={backlog} range={range} theme={theme} idle={idle} />
      <Cpus store={store} backlog={backlog} range={range} theme={theme} />
      <Legend backlog={backlog} range={range} />
      <Readout store={store} />
    </>
  );
}

/** The points in the range, the last one drawn on to now: the backlog is what it was until it changes. */
function pointsWithin(points: Record<string, Point>, range: Range): Point[] {
  const found = within(points, (point) => point[0], range);
  const last = found.at(-1);
  const end = Math.min(range.now, range.to);
  return last && last[0] < end ? [...found, [end, ...last.slice(1)] as Point] : found;
}

function within<T>(rows: Record<string, T>, time: (row: T) => number, range: Range): T[] {
  const found: T[] = [];
  let before: T | null = null;
  for (const row of Object.values(rows)) {
    const t = time(row);
    if (t < range.from) before = row;
    else if (t <= range.to) found.push(row);
  }
  return before === null ? found : [before, ...found];
}

interface Part {
  store: Store;
  backlog: Backlog;
  range: Range;
  theme: Theme;
}

/** `idle`: no query runs, so that the numbers of now say nothing. */
type LivePart = Part & { idle: boolean };

function Ratio({ store, backlog, range, theme, idle }: LivePart) {
  const points = useMemo(() => pointsWithin(backlog.points, range), [backlog.points, range.from, range.now]);
  const times = useMemo(() => points.map((point) => point[0]), [points]);
  const marks = useMemo(
    () => Object.values(backlog.marks).flatMap(({ t, kind }) => (SIGNS[kind] ? [{ t, ...SIGNS[kind] }] : [])),
    [backlog.marks],
  );
  const steps = useMemo(
    () => stepsWithin(backlog, range),
    [backlog.thresholds, backlog.threshold, range.from, range.to, range.now],
  );
  const most =
    Math.max(...points.map((point) => point[1] ?? 0), ...steps.points.map(([, value]) => value ?? 0), 1) * 1.15;
  const over = !idle && backlog.ratio != null && backlog.ratio > backlog.threshold;
  const none = backlog.ratio == null && (backlog.pending ?? 0) > 0;
  const now = idle ? NOTHING_RUNS : none ? "no workers" : ratio(backlog.ratio);
  const bounds = `peak ${ratio(backlog.peak)}, threshold ${ratio(backlog.threshold)}`;
  return (
    <>
      <div class="gutter">
        <h3>Backlog ratio</h3>
        <div class={over ? "big over" : idle ? "big calm" : "big"}>
          {now}
          {over ? " ↑" : ""}
        </div>
        {!idle && (
          <div>
            {backlog.pending ?? UNKNOWN} pending ÷ {cpus(backlog.capacity)}
          </div>
        )}
        <div>
          <i class="line threshold" /> threshold {ratio(backlog.threshold)}
        </div>
        <div>
          <i class="line peak" /> peak {ratio(backlog.peak)}
        </div>
      </div>
      <Chart
        store={store}
        className="chart"
        label={`Backlog ratio over time, ${idle ? "" : "now "}${now}, ${bounds}`}
        height={122}
        times={times}
        series={[{ values: points.map((point) => point[1]), colour: "--blue", fill: "--fill", width: 2 }]}
        steps={[{ ...steps, colour: "--orange", dash: [5, 4] }]}
        marks={marks}
        range={range}
        most={most}
        theme={theme}
      />
    </>
  );
}

const cpus = (count: number | null): string => (count == null ? UNKNOWN : plural(count, "CPU"));

/** A demand may be many times what there can be; the chart goes to twice the maximum, the words say the rest. */
const OVER_MAX_SHOWN = 2;

function Tasks({ store, backlog, range, theme, idle }: LivePart) {
  const points = useMemo(() => pointsWithin(backlog.points, range), [backlog.points, range.from, range.now]);
  const times = useMemo(() => points.map((p) => p[0]), [points]);
  const { pending, running, capacity } = backlog;
  const now = (value: number | string | null) => (idle ? "" : (value ?? UNKNOWN));
  const counts = `${pending ?? UNKNOWN} pending, ${running ?? UNKNOWN} running, capacity ${cpus(capacity)}`;
  return (
    <>
      <div class="gutter">
        <h3>Tasks</h3>
        <div>
          <i class="line pending" /> pending {now(pending)}
        </div>
        <div>
          <i class="line observed" /> running {now(running)}
        </div>
        <div>
          <i class="line capacity" /> capacity {now(cpus(capacity))}
        </div>
      </div>
      <Chart
        store={store}
        className="chart tasks"
        label={`Tasks over time, ${idle ? NOTHING_RUNS : `now: ${counts}`}`}
        height={74}
        times={times}
        series={[
          { values: points.map((p) => p[2]), colour: "--muted", fill: "--soft", stepped: true },
          { values: points.map((p) => p[3]), colour: "--blue", width: 2.5, stepped: true },
          { values: points.map((p) => p[4]), colour: "--green", dash: [6, 3], stepped: true },
        ]}
        range={range}
        most={Math.max(1, ...points.map((p) => Math.max(p[2], p[3], p[4]))) * 1.15}
        theme={theme}
      />
    </>
  );
}

function Cpus({ store, backlog, range, theme }: Part) {
  const most = backlog.most ?? null;
  const least = backlog.least || null;
  const points = useMemo(() => pointsWithin(backlog.points, range), [backlog.points, range.from, range.now]);
  const times = useMemo(() => points.map((p) => p[0]), [points]);
  const highest = Math.max(1, most ?? 0, ...points.map((p) => Math.max(p[6] ?? 0, p[7] ?? 0, p[8])));
  const top = (most ? Math.min(highest, most * OVER_MAX_SHOWN) : highest) * 1.2;
  const shown = (value: number | null | undefined) => `${value ?? "—"}${value != null && value > top ? " ↑" : ""}`;
  const [wanted, granted, observed] = [shown(backlog.wanted), shown(backlog.granted), shown(backlog.observed)];
  const maximum = shown(most) + (backlog.least ? `, least ${backlog.least}` : "");
  const counts = `wanted ${wanted}, granted ${granted}, observed ${observed}, maximum ${maximum}`;
  return (
    <>
      <div class="gutter">
        <h3>Worker CPUs</h3>
        <div>
          <i class="line wanted" /> wanted {wanted}
        </div>
        <div>
          <i class="line granted" /> granted {granted}
        </div>
        <div>
          <i class="line observed" /> observed {observed}
        </div>
        <div>
          <i class="line maximum" /> maximum {maximum}
        </div>
      </div>
      <Chart
        store={store}
        timed
        className="chart small"
        label={`Worker CPUs over time, now: ${counts}`}
        height={94}
        times={times}
        series={[
          { values: points.map((p) => p[6]), colour: "--orange", dash: [4, 3], stepped: true },
          { values: points.map((p) => p[7]), colour: "--green", stepped: true },
          { values: points.map((p) => p[8]), colour: "--blue", width: 2.5, stepped: true },
        ]}
        levels={[most, least]
          .filter((level) => level != null)
          .map((value) => ({ value, colour: "--muted", dash: [1, 3] }))}
        range={range}
        most={top}
        theme={theme}
      />
    </>
  );
}

function Legend({ backlog, range }: { backlog: Backlog; range: Range }) {
  const { marks } = backlog;
  const kinds = new Set(
    within(marks, (mark) => mark.t, range)
      .filter((m) => m.t >= range.from)
      .map((mark) => mark.kind),
  );
  const shown = Object.entries(SIGNS).filter(([kind]) => kinds.has(kind));
  const over = overMax(backlog);
  return (
    <div class="legend">
      {over && <span class="over">{over}</span>}
      {shown.map(([kind, { sign, word, colour }]) => (
        <span key={kind}>
          <span style={{ color: `var(${colour})` }}>{sign}</span> {word}
        </span>
      ))}
      <span>0 s: the query began</span>
    </div>
  );
}

export function BacklogPanel({ store, theme }: { store: Store; theme: Theme }) {
  return (
    <Panel title="Backlog" sub="pending tasks ÷ worker CPUs, against the threshold">
      <div class="timeline">
        <BacklogRows store={store} theme={theme} />
      </div>
    </Panel>
  );
}
