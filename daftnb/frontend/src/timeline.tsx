// Backlog, workers wanted and observed, and each worker's busy time, all on one time axis.
import { useMemo } from "preact/hooks";
import type uPlot from "uplot";
import { Chart, type Draw } from "./chart.tsx";
import type { Backlog, Frame, Mark, Point } from "./frame.ts";
import { plural, ratio } from "./format.ts";
import type { Store } from "./store.ts";
import type { Theme } from "./theme.ts";
import { rangeOf, type Range } from "./window.ts";
import { NATIVE } from "./words.ts";

const SIGNS: Record<string, { sign: string; colour: string; word: string }> = {
  request: { sign: "▼", colour: "--orange", word: "asked Ray for workers" },
  arrival: { sign: "▲", colour: "--green", word: "a worker came" },
  retire: { sign: "▽", colour: "--muted", word: "a worker was retired" },
  died: { sign: "✕", colour: "--red", word: "a worker died" },
};

export const onNative = (frame: Frame | null): boolean => frame?.query?.runner === "native";

export function BacklogRows({ store, theme }: { store: Store; theme: Theme }) {
  const frame = store.frame.value;
  const backlog = frame?.backlog;
  if (!frame || !backlog) return null;
  if (Object.keys(backlog.points).length === 0) {
    return <p class="empty rule">{onNative(frame) ? NATIVE : "No backlog yet: it is measured while a query runs on Ray."}</p>;
  }
  const range = rangeOf(frame);
  return (
    <>
      <Ratio backlog={backlog} range={range} theme={theme} />
      <Wanted backlog={backlog} range={range} theme={theme} most={mostCpus(frame)} />
      <Legend marks={backlog.marks} range={range} />
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

function Ratio({ backlog, range, theme }: { backlog: Backlog; range: Range; theme: Theme }) {
  const points = useMemo(() => pointsWithin(backlog.points, range), [backlog.points, range.from, range.now]);
  const data = useMemo<uPlot.AlignedData>(
    () => [points.map((point) => point[0]), points.map((point) => point[1] ?? null)],
    [points],
  );
  const peak = Math.max(0, ...points.map((point) => point[1] ?? 0));
  const most = Math.max(peak, backlog.threshold) * 1.15;
  const draw: Draw = (chart, colour) => {
    threshold(chart, backlog.threshold, colour);
    for (const mark of Object.values(backlog.marks)) {
      if (mark.t >= range.from && mark.t <= range.to) drawMark(chart, mark, colour);
    }
  };
  const over = backlog.ratio != null && backlog.ratio > backlog.threshold;
  const none = backlog.ratio == null && backlog.pending > 0;
  return (
    <>
      <div class="gutter">
        <h3>Backlog ratio</h3>
        <div class={over ? "big over" : "big"}>
          {none ? "no workers" : ratio(backlog.ratio)}
          {over ? " ↑" : ""}
        </div>
        <div>
          {backlog.pending} pending ÷ {plural(backlog.capacity, "CPU")}
        </div>
        <div>
          threshold {ratio(backlog.threshold)}, peak {ratio(peak)}
        </div>
      </div>
      <Chart
        className="chart"
        label={`Backlog ratio over time, now ${ratio(backlog.ratio)}, peak ${ratio(peak)}, threshold ${ratio(backlog.threshold)}`}
        height={150}
        data={data}
        series={[{ colour: "--blue", fill: "--fill", width: 2 }]}
        range={range}
        most={most}
        theme={theme}
        draw={draw}
      />
    </>
  );
}

function threshold(chart: uPlot, value: number, colour: (name: string) => string): void {
  const { ctx, bbox } = chart;
  const y = chart.valToPos(value, "y", true);
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour("--orange");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = "right";
  ctx.textBaseline = "bottom";
  ctx.fillText(`threshold ${ratio(value)}`, bbox.left + bbox.width, y - 2 * devicePixelRatio);
  ctx.restore();
}

function drawMark(chart: uPlot, mark: Mark, colour: (name: string) => string): void {
  const known = SIGNS[mark.kind];
  if (!known) return;
  const { ctx, bbox } = chart;
  const x = chart.valToPos(mark.t, "x", true);
  ctx.save();
  ctx.fillStyle = colour(known.colour);
  ctx.strokeStyle = colour("--line");
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "bottom";
  ctx.fillText(known.sign, x, bbox.top);
  ctx.restore();
}

const mostCpus = (frame: Frame): number | null => {
  const cluster = frame.session.cluster;
  return cluster?.max_workers == null || cluster.cpus == null ? null : cluster.max_workers * cluster.cpus;
};

function Wanted({ backlog, range, theme, most }: { backlog: Backlog; range: Range; theme: Theme; most: number | null }) {
  const points = useMemo(() => pointsWithin(backlog.points, range), [backlog.points, range.from, range.now]);
  const data = useMemo<uPlot.AlignedData>(() => {
    const t = points.map((point) => point[0]);
    const columns = [points.map((p) => p[6] ?? null), points.map((p) => p[4]), points.map(() => most)];
    return [t, ...columns] as uPlot.AlignedData;
  }, [points, most]);
  const last = points.at(-1);
  const top = Math.max(1, most ?? 0, ...points.map((p) => Math.max(p[6] ?? 0, p[4]))) * 1.2;
  return (
    <>
      <div class="gutter">
        <h3>Worker CPUs</h3>
        <div>– – wanted {last?.[6] ?? "—"}</div>
        <div>── observed {last?.[4] ?? "—"}</div>
        <div>· · maximum {most ?? "—"}</div>
      </div>
      <Chart
        className="chart small"
        label={`Worker CPUs over time: wanted ${last?.[6] ?? "none"}, observed ${last?.[4] ?? 0}, maximum ${most ?? "not known"}`}
        height={76}
        data={data}
        series={[
          { colour: "--orange", dash: [4, 3], stepped: true },
          { colour: "--blue", width: 2, stepped: true },
          { colour: "--muted", dash: [1, 3] },
        ]}
        range={range}
        most={top}
        theme={theme}
      />
    </>
  );
}

function Legend({ marks, range }: { marks: Record<string, Mark>; range: Range }) {
  const kinds = new Set(within(marks, (mark) => mark.t, range).filter((m) => m.t >= range.from).map((mark) => mark.kind));
  const shown = Object.entries(SIGNS).filter(([kind]) => kinds.has(kind));
  return (
    <div class="legend">
      <span>seconds since the query began</span>
      {shown.map(([kind, { sign, word, colour }]) => (
        <span key={kind}>
          <span style={{ color: `var(${colour})` }}>{sign}</span> {word}
        </span>
      ))}
    </div>
  );
}

export function BacklogPanel({ store, theme }: { store: Store; theme: Theme }) {
  return (
    <section class="panel" aria-label="Backlog">
      <h3>Backlog</h3>
      <span class="sub">pending tasks ÷ worker CPUs, against the threshold</span>
      <div class="timeline">
        <BacklogRows store={store} theme={theme} />
      </div>
    </section>
  );
}
