// The bars on the canvases of the lanes: a lane is painted when its worker, its size or the time has changed.
import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { type Lane, paint } from "../paint.ts";
import { coloursOf, type Theme } from "../theme.ts";

/** Paint each lane on the canvas of its row in `box`; all are `width` by `height` px. */
export function usePainting(
  box: RefObject<HTMLElement | null>,
  lanes: Lane[],
  width: number,
  height: number,
  theme: Theme,
): void {
  const painted = useRef(new WeakMap<Element, { lane: Lane; size: string }>()).current;
  useLayoutEffect(() => {
    if (width <= 0) return;
    const colour = coloursOf(box.current!, theme);
    const size = `${width}:${height}:${theme}`;
    const canvases = box.current!.querySelectorAll("canvas");
    lanes.forEach((lane, index) => {
      const canvas = canvases[index];
      const last = canvas && painted.get(canvas);
      if (!canvas || (last && last.size === size && same(last.lane, lane))) return;
      paint(canvas, lane, width, height, colour);
      painted.set(canvas, { lane, size });
    });
  });
}

const same = (a: Lane, b: Lane): boolean =>
  a.worker === b.worker &&
  a.picked === b.picked &&
  a.query === b.query &&
  a.range.from === b.range.from &&
  a.range.to === b.range.to &&
  a.range.now === b.range.now;
