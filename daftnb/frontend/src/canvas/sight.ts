// Which part of the plan is in sight: of a large plan nothing else is drawn.
import { useState } from "preact/hooks";
import { CARD_WIDTH, type Place } from "../layout.ts";
import type { Box, Size } from "./size.ts";
import type { Zoom } from "./zoom.tsx";

export const MARGIN = 400; // px around what is in sight in which cards are drawn too
const GRAIN = MARGIN / 2; // px: scrolling less than that draws nothing

const grain = (value: number): number => Math.round(value / GRAIN) * GRAIN;

interface View {
  box: Box;
  size: Size;
  zoom: Zoom;
  /** Whether the plan is large: of a small one all is in sight. */
  many: boolean;
}

interface Sight {
  onScroll: () => void;
  /** Return whether a card at a place of the layout is at most `margin` px out of sight. */
  isWithin: (place: Place, margin: number) => boolean;
}

export function useSight({ box, size, zoom, many }: View): Sight {
  const [sight, setSight] = useState({ left: 0, top: 0 });
  const { scale, left } = zoom;
  return {
    onScroll: () => {
      if (!many || !box.current) return; // a scroll may be told of after the box has gone
      const to = { left: grain(box.current.scrollLeft), top: grain(box.current.scrollTop) };
      if (to.left !== sight.left || to.top !== sight.top) setSight(to);
    },
    isWithin: ({ x, y, high }, margin) =>
      !many ||
      (x * scale + left < sight.left + size.width + margin &&
        (x + CARD_WIDTH) * scale + left > sight.left - margin &&
        y * scale < sight.top + size.height + margin &&
        (y + high) * scale > sight.top - margin),
  };
}
