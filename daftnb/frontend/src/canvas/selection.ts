// The operator whose details are shown.
import { useLayoutEffect, useState } from "preact/hooks";
import type { Placed } from "../layout.ts";
import type { Box } from "./size.ts";

const MARGIN = 30; // px kept free around the selected operator, for the fold's button

interface View {
  box: Box;
  layout: Placed;
  scale: number;
  /** px of the box. */
  boxHeight: number;
}

/** Return the selected operator and its setter. The details take room from the box: their operator stays in sight. */
export function useSelection({ box, layout, scale, boxHeight }: View) {
  const [selected, setSelected] = useState<number | null>(null);
  useLayoutEffect(() => {
    const at = selected === null ? undefined : layout.places.get(selected);
    const element = box.current;
    if (!at || !element) return;
    const [top, bottom] = [at.y * scale, (at.y + at.high) * scale];
    const lowest = Math.max(0, top - MARGIN);
    element.scrollTop = Math.min(Math.max(element.scrollTop, bottom + MARGIN - element.clientHeight), lowest);
  }, [selected, boxHeight]);
  return [selected, setSelected] as const;
}
