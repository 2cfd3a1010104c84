// The time that the charts and the workers' lanes share: the current query, a little before and after.
import { isActive, type Frame } from "./frame.ts";

export interface Range {
  from: number;
  to: number;
  /** Up to where something is known: what still goes on is drawn to here. */
  now: number;
}

const LEAD = 1;
const TAIL = 3;
const LEAST = 8;
const WITHOUT_QUERY = 60;

export function rangeOf(frame: Frame | null): Range {
  const now = frame?.now ?? 0;
  const query = frame?.query;
  if (!query) return { from: now - WITHOUT_QUERY, to: now, now };
  const to = isActive(query) ? now : Math.min(now, (query.ended ?? now) + TAIL);
  return { from: query.started - LEAD, to: Math.max(to, query.started - LEAD + LEAST), now };
}

/** The time axis counts from the query's start. */
export const zeroOf = (range: Range): number => range.from + LEAD;

export const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));

/** Where a time is in the range: 0 at its start, 1 at its end; less or more outside. */
export const shareOf = (t: number, range: Range): number => (t - range.from) / (range.to - range.from);

/** Of each plot's box, in pixels: the axis on its left, and what is left free on its right (for a scroll bar too). */
export const AXIS = 38;
export const END = 12;
