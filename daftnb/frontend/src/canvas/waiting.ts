// Which cards wait when a snapshot has changed more of them than one frame of the screen has time to draw.
import { useEffect, useRef, useState } from "preact/hooks";
import { PATIENCE_MS, type Turns } from "../turns.ts";

const AT_ONCE = 6; // cards drawn again in one frame of the screen

interface Cards {
  /** What has changed them: the plan of a snapshot. */
  of: object;
  /** The cards to draw again. Those that were drawn longest ago come first: while snapshots come faster than all can be
   * drawn, each has its turn. */
  stale: number[];
  /** Whether the plan is large; of a small one all are drawn at once. */
  many: boolean;
  turns: Turns;
}

/** Return the cards that stay as they are for now; the component is drawn again when it has a turn for them. */
export function useWaiting({ of, stale, many, turns }: Cards): ReadonlySet<number> {
  const late = useRef<number | null>(null); // since when cards have waited, ms
  const before = useRef(of);
  late.current ??= stale.length > 0 ? performance.now() : null;
  const isLate = performance.now() - (late.current ?? Infinity) > PATIENCE_MS;
  let most = !many ? Infinity : isLate ? 2 * AT_ONCE : AT_ONCE;
  // The frame of the screen in which a message comes has its own work to do: many cards begin with the next.
  if (before.current !== of && stale.length > most) most = 0;
  before.current = of;
  const waiting = new Set(stale.slice(most));

  const [, setTurns] = useState(0);
  const drawMore = useRef(() => setTurns((times) => times + 1)).current;
  useEffect(() => {
    if (waiting.size === 0) late.current = null;
    else turns.ask(drawMore);
  });
  return waiting;
}
