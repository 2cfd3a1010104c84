// The time that the charts and the workers' lanes share: the current query, a little before and after.

import { LEAD_SECONDS, TAIL_SECONDS } from "./limits.ts";
import { isActive, type Snapshot } from "./snapshot.ts";

export interface Range {
  from: number;
  to: number;
  /** Up to where something is known: what still goes on is drawn to here. */
  now: number;
}

const LEAST = 8;
const WITHOUT_QUERY = 60;

export function rangeOf(snapshot: Snapshot | null): Range {
  const now = snapshot?.now ?? 0;
  const query = snapshot?.query;
  if (!query) return { from: now - WITHOUT_QUERY, to: now, now };
  const to = isActive(query) ? now : Math.min(now, (query.ended ?? now) + TAIL_SECONDS);
  return { from: query.started - LEAD_SECONDS, to: Math.max(to, query.started - LEAD_SECONDS + LEAST), now };
}

/** The time axis counts from the query's start. */
export const zeroOf = (range: Range): number => range.from + LEAD_SECONDS;

export const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));

/** Where a time is in the range: 0 at its start, 1 at its end; less or more outside. */
export const shareOf = (t: number, range: Range): number => (t - range.from) / (range.to - range.from);

/** Of each plot's box, in pixels: the axis on its left, and what is left free on its right (for a scroll bar too). */
export const AXIS = 38;
export const END = 12;
