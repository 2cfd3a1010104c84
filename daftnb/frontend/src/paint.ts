// Draws one lane: a bar per task, coloured and patterned by operator. A task that did not finish well has a sign too.
import { type Bar, tracksOf } from "./bars.ts";
import { sizedContext } from "./hidpi.ts";
import type { Worker } from "./snapshot.ts";
import type { Colours } from "./theme.ts";
import { type Range, shareOf } from "./window.ts";
import { OUTCOMES } from "./words.ts";

export const HUES = 6;
const WIDEST_GAP = 2; // pixels between bars that follow each other
const TICK = 5;

/** The colour and the pattern (0 plain, 1 upright lines, 2 a line along) of an operator: the same in every snapshot. */
export const styleOf = (stage: number): { hue: number; pattern: number } => ({
  hue: stage % HUES,
  pattern: Math.floor(stage / HUES) % 3,
});

export interface Lane {
  worker: Worker;
  bars: Bar[];
  /** Where it was busy with tasks that are not known. */
  gaps: [number, number][];
  range: Range;
  /** The number of the query that is shown: tasks of others are grey. */
  query: number | null;
  picked: string | null;
}

export function paint(canvas: HTMLCanvasElement, lane: Lane, width: number, height: number, colour: Colours): void {
  const ctx = sizedContext(canvas, width, height);
  const { worker, bars, range } = lane;
  const x = (t: number) => shareOf(t, range) * width;
  const now = Math.min(range.now, range.to);
  ctx.fillStyle = colour("--soft");
  ctx.fillRect(0, 0, width, height);
  waits(ctx, worker, x, now, height, colour);
  ctx.globalAlpha = 0.6;
  ctx.fillStyle = colour("--busy");
  for (const [from, to] of lane.gaps) {
    ctx.fillRect(x(from), 0, Math.max(1, x(to) - x(from)), height);
  }
  ctx.globalAlpha = 1;
  const track = height / tracksOf(worker);
  for (const bar of bars) {
    const [left, right] = [x(bar.from), x(bar.to ?? now)];
    if (right >= 0 && left <= width) drawBar(ctx, bar, left, right, track, lane, colour);
  }
  for (const bar of bars) {
    const sign = OUTCOMES[bar.outcome];
    const at = (x(bar.from) + x(bar.to ?? now)) / 2;
    if (sign && at >= 0 && at <= width)
      drawSign(ctx, sign, Math.max(6, Math.min(width - 6, at)), (bar.track + 0.5) * track, height, colour);
  }
}

/** Draw a thin line where the worker starts or is idle, and hatching where it is kept for the next query. */
function waits(
  ctx: CanvasRenderingContext2D,
  worker: Worker,
  x: (t: number) => number,
  now: number,
  height: number,
  colour: Colours,
): void {
  const { state } = worker;
  const since = state === "starting" ? worker.since : state === "idle" || state === "warm" ? worker.idle_since : null;
  if (since == null) return;
  const [left, right] = [Math.max(0, x(since)), x(now)];
  if (right <= left) return;
  ctx.save();
  ctx.strokeStyle = colour(state === "warm" ? "--warm" : "--muted");
  ctx.beginPath();
  if (state === "warm") {
    ctx.rect(left, 0, right - left, height);
    ctx.clip();
    ctx.lineWidth = 2.5;
    for (let at = left - height; at < right; at += 7) {
      ctx.moveTo(at, height);
      ctx.lineTo(at + height, 0);
    }
  } else {
    ctx.setLineDash(state === "starting" ? [1, 4] : [5, 4]);
    ctx.moveTo(left, height / 2);
    ctx.lineTo(right, height / 2);
  }
  ctx.stroke();
  ctx.restore();
}

function drawBar(
  ctx: CanvasRenderingContext2D,
  bar: Bar,
  left: number,
  right: number,
  track: number,
  lane: Lane,
  colour: Colours,
): void {
  const room = right - left;
  const width = Math.max(1, room > 6 ? room - Math.min(WIDEST_GAP, room / 6) : room - 0.4);
  const top = bar.track * track;
  const height = track > 5 ? track - 1 : track - 0.5;
  const { hue, pattern } = styleOf(bar.stage);
  const other = bar.query !== 0 && bar.query !== lane.query;
  const fill =
    bar.outcome === "failed"
      ? "--red"
      : bar.outcome === "lost"
        ? "--orange"
        : other || bar.outcome === "cancelled"
          ? "--muted"
          : `--op${hue}`;
  ctx.fillStyle = ctx.strokeStyle = colour(fill);
  if (bar.outcome === "running") {
    ctx.globalAlpha = 0.45;
    ctx.fillRect(left, top, width, height);
    ctx.globalAlpha = 1;
    ctx.lineWidth = 1;
    ctx.strokeRect(left + 0.5, top + 0.5, Math.max(0.5, width - 1), height - 1);
  } else {
    ctx.globalAlpha = other ? 0.55 : 1;
    ctx.fillRect(left, top, width, height);
    ctx.globalAlpha = 1;
  }
  ctx.fillStyle = colour("--panel");
  if (pattern === 1)
    for (let at = left + TICK - 2; at < left + width - 1; at += TICK) ctx.fillRect(at, top, 1.5, height);
  if (pattern === 2 && height >= 4) ctx.fillRect(left, top + height / 2 - 1, width, Math.min(2, height / 3));
  if (bar.key === lane.picked) {
    ctx.strokeStyle = colour("--fg");
    ctx.lineWidth = 2;
    ctx.strokeRect(left + 1, top + 1, Math.max(1, width - 2), Math.max(1, height - 2));
  }
}

function drawSign(
  ctx: CanvasRenderingContext2D,
  sign: string,
  x: number,
  y: number,
  height: number,
  colour: Colours,
): void {
  ctx.font = "700 11px system-ui, sans-serif";
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.strokeStyle = colour("--panel");
  ctx.lineWidth = 4;
  ctx.lineJoin = "round";
  const at = Math.max(6, Math.min(height - 6, y)) + 0.5;
  ctx.strokeText(sign, x, at);
  ctx.fillStyle = colour("--fg");
  ctx.fillText(sign, x, at);
}
