// The backlog ratio, and the CPUs wanted, granted and observed, on the time axis that the workers' lanes share.
import { useMemo } from "preact/hooks";
import type uPlot from "uplot";
import { Chart, type Draw } from "./chart.tsx";
import type { Backlog, Frame, Mark, Point } from "./frame.ts";
import { plural, ratio } from "./format.ts";
import { Panel } from "./panel.tsx";
import type { Store } from "./store.ts";
import type { Theme } from "./theme.ts";
import { rangeOf, type Range } from "./window.ts";
import { NATIVE, overMax, SIGNS } from "./words.ts";

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
      <Cpus backlog={backlog} range={range} theme={theme} />
      <Legend backlog={backlog} range={range} />
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
          <i class="line threshold" /> threshold {ratio(backlog.threshold)}
        </div>
        <div>
          <i class="line peak" /> peak {ratio(peak)}
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
  ctx.strokeStyle = colour("--orange");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
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

/** A demand may be many times what there can be; the chart goes to twice the maximum, the words say the rest. */
const OVER_MAX_SHOWN = 2;

function Cpus({ backlog, range, theme }: { backlog: Backlog; range: Range; theme: Theme }) {
  const most = backlog.most ?? null;
  const points = useMemo(() => pointsWithin(backlog.points, range), [backlog.points, range.from, range.now]);
  const data = useMemo<uPlot.AlignedData>(() => {
    const column = (value: (point: Point) => number | null | undefined) => points.map((point) => value(point) ?? null);
    return [column((p) => p[0]), column((p) => p[6]), column((p) => p[7]), column((p) => p[8]), column(() => most)] as uPlot.AlignedData;
  }, [points, most]);
  const highest = Math.max(1, most ?? 0, ...points.map((p) => Math.max(p[6] ?? 0, p[7] ?? 0, p[8])));
  const top = (most ? Math.min(highest, most * OVER_MAX_SHOWN) : highest) * 1.2;
  const shown = (value: number | null | undefined) => `${value ?? "—"}${value != null && value > top ? " ↑" : ""}`;
  const [wanted, granted, observed] = [shown(backlog.wanted), shown(backlog.granted), shown(backlog.observed)];
  const maximum = shown(most) + (backlog.least ? `, least ${backlog.least}` : "");
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
        className="chart small"
        label={`Worker CPUs over time, now: wanted ${wanted}, granted ${granted}, observed ${observed}, maximum ${maximum}`}
        height={104}
        data={data}
        series={[
          { colour: "--orange", dash: [4, 3], stepped: true },
          { colour: "--green", stepped: true },
          { colour: "--blue", width: 2.5, stepped: true },
          { colour: "--muted", dash: [1, 3] },
        ]}
        range={range}
        most={top}
        theme={theme}
      />
    </>
  );
}

function Legend({ backlog, range }: { backlog: Backlog; range: Range }) {
  const { marks } = backlog;
  const kinds = new Set(within(marks, (mark) => mark.t, range).filter((m) => m.t >= range.from).map((mark) => mark.kind));
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
