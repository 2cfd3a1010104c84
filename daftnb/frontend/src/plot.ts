// Draws one chart of time series on a canvas: lines, steps, areas, level lines and marks, with its axes.

import { sizedContext } from "./hidpi.ts";
import type { Step } from "./snapshot.ts";
import { AXIS, END, type Range, shareOf, zeroOf } from "./window.ts";

export interface Series {
  values: (number | null | undefined)[];
  colour: string;
  fill?: string;
  width?: number;
  dash?: number[];
  /** Each value stands until the next. */
  stepped?: boolean;
}

export interface Plot {
  times: number[];
  series: Series[];
  /** Lines across the whole chart. */
  levels?: { value: number; colour: string; dash: number[] }[];
  /** Lines that stay at a value until the next, up to a time. */
  steps?: { points: Step[]; until: number; colour: string; dash: number[] }[];
  marks?: { t: number; sign: string; colour: string }[];
  range: Range;
  /** The value at the upper edge. */
  most: number;
  /** Whether it has the time axis: the last of several on one axis. */
  timed?: boolean;
}

const TOP = 16;
const SIGN = 10; // pixels that a sign needs; of those closer together the first stands for all
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400];
const FONT = "11px system-ui, -apple-system, sans-serif";

/** The step of an axis: 1, 2 or 5 of some power of ten, so that there are at most `parts`. */
export function stepOf(most: number, parts: number): number {
  const least = most / Math.max(1, parts);
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((step) => step * power >= least * 0.999) ?? 10);
}

const short = (value: number): string =>
  value >= 1000 ? `${Number((value / 1000).toFixed(2))}k` : String(Number(value.toFixed(3)));

export function plot(
  canvas: HTMLCanvasElement,
  chart: Plot,
  width: number,
  height: number,
  colour: (name: string) => string,
): void {
  const ctx = sizedContext(canvas, width, height);
  const { range, times, most } = chart;
  const right = width - END;
  const bottom = height - (chart.timed ? 20 : 5);
  const x = (t: number) => AXIS + shareOf(t, range) * (right - AXIS);
  const y = (value: number) => bottom - (value / most) * (bottom - TOP);
  axes(ctx, chart, x, y, bottom, right, colour);
  ctx.save();
  ctx.beginPath();
  ctx.rect(AXIS, 0, right - AXIS, height);
  ctx.clip();
  marks(ctx, chart, x, bottom, colour);
  for (const series of chart.series) line(ctx, times.map(x), series, y, bottom, colour);
  for (const { value, colour: name, dash } of chart.levels ?? []) {
    stroke(ctx, colour(name), 1, dash);
    ctx.beginPath();
    ctx.moveTo(AXIS, y(value));
    ctx.lineTo(right, y(value));
    ctx.stroke();
  }
  for (const { points, until, colour: name, dash } of chart.steps ?? []) {
    stroke(ctx, colour(name), 1, dash);
    ctx.stroke(stairs(points, until, x, y));
  }
  ctx.restore();
}

function stairs(points: Step[], until: number, x: (t: number) => number, y: (value: number) => number): Path2D {
  const path = new Path2D();
  let last: number | null = null;
  for (const [t, value] of [...points, [until, null] as Step]) {
    if (last !== null) path.lineTo(x(t), y(last));
    if (value !== null) {
      if (last === null) path.moveTo(x(t), y(value));
      else path.lineTo(x(t), y(value));
    }
    last = value;
  }
  return path;
}

function stroke(ctx: CanvasRenderingContext2D, colour: string, width: number, dash: number[] = []): void {
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.setLineDash(dash);
}

function axes(
  ctx: CanvasRenderingContext2D,
  chart: Plot,
  x: (t: number) => number,
  y: (value: number) => number,
  bottom: number,
  right: number,
  colour: (name: string) => string,
): void {
  ctx.font = FONT;
  ctx.fillStyle = colour("--muted");
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  const step = stepOf(chart.most, (bottom - TOP) / 26);
  for (let value = 0; value <= chart.most; value += step) ctx.fillText(short(value), AXIS - 5, y(value));
  if (!chart.timed) return;
  const zero = zeroOf(chart.range);
  const apart = (60 / (right - AXIS)) * (chart.range.to - chart.range.from);
  const seconds = SECONDS.find((second) => second >= apart) ?? apart;
  ctx.textBaseline = "top";
  for (let t = zero; t <= chart.range.to; t += seconds) {
    ctx.textAlign = x(t) > right - 14 ? "right" : "center";
    ctx.fillText(`${Math.round(t - zero)} s`, Math.min(right, x(t)), bottom + 5);
  }
}

function line(
  ctx: CanvasRenderingContext2D,
  xs: number[],
  series: Series,
  y: (value: number) => number,
  bottom: number,
  colour: (name: string) => string,
): void {
  const path = new Path2D();
  const area = new Path2D();
  let last: number | null = null;
  const close = (at: number) => last !== null && area.lineTo(at, bottom);
  xs.forEach((at, index) => {
    const value = series.values[index];
    if (value == null) {
      if (index > 0) close(xs[index - 1]!);
      last = null;
      return;
    }
    const height = y(value);
    for (const one of [path, area]) {
      if (last === null) {
        if (one === area) area.moveTo(at, bottom);
        one === area ? area.lineTo(at, height) : path.moveTo(at, height);
      } else {
        if (series.stepped) one.lineTo(at, last);
        one.lineTo(at, height);
      }
    }
    last = height;
  });
  if (xs.length > 0) close(xs.at(-1)!);
  if (series.fill) {
    ctx.fillStyle = colour(series.fill);
    ctx.fill(area);
  }
  stroke(ctx, colour(series.colour), series.width ?? 1.5, series.dash);
  ctx.stroke(path);
}

function marks(
  ctx: CanvasRenderingContext2D,
  chart: Plot,
  x: (t: number) => number,
  bottom: number,
  colour: (name: string) => string,
): void {
  ctx.font = FONT;
  ctx.textAlign = "center";
  ctx.textBaseline = "bottom";
  const free = new Map<string, number>(); // by sign: where the next has room
  for (const mark of chart.marks ?? []) {
    const at = x(mark.t);
    if (at < (free.get(mark.sign) ?? -Infinity)) continue;
    free.set(mark.sign, at + SIGN);
    stroke(ctx, colour("--line"), 1);
    ctx.beginPath();
    ctx.moveTo(at, TOP);
    ctx.lineTo(at, bottom);
    ctx.stroke();
    ctx.fillStyle = colour(mark.colour);
    ctx.fillText(mark.sign, at, TOP);
  }
}
