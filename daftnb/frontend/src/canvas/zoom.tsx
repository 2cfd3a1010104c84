// The zoom: by buttons, keys and the wheel, about the pointer or the middle of the box.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { CARD_WIDTH, type Placed } from "../layout.ts";
import type { Box, Size } from "./size.ts";

const LEAST_READABLE = 0.8;
const LEAST = 0.01;
const MOST = 2;
const STEP = 1.25;
const WHEEL = 300; // px of the wheel that zoom by a factor of e

export interface Zoom {
  scale: number;
  /** The scale while nobody has zoomed: as wide as the box, and readable. */
  auto: number;
  /** px to the left of the plan: a narrow plan stands in the middle of the box. */
  left: number;
  larger: () => void;
  smaller: () => void;
  /** Show the whole plan. */
  fit: () => void;
}

interface Point {
  x: number;
  y: number;
}

export function useZoom(box: Box, size: Size, layout: Placed): Zoom {
  const [chosen, setChosen] = useState<number | null>(null); // null: nobody has zoomed
  const anchor = useRef<(Point & { left: number; top: number }) | null>(null);
  const auto = size.width === 0 ? 1 : Math.min(1, Math.max(LEAST_READABLE, size.width / layout.width));
  const scale = chosen ?? auto;
  const left = Math.max(0, (size.width - layout.width * scale) / 2);

  /** The point `at` of the box shows the same part of the plan afterwards. */
  const zoomTo = (to: number, at?: Point) => {
    const element = box.current!;
    const { x, y } = at ?? { x: element.clientWidth / 2, y: element.clientHeight / 2 };
    anchor.current = { x, y, left: (element.scrollLeft + x - left) / scale, top: (element.scrollTop + y) / scale };
    setChosen(Math.min(MOST, Math.max(LEAST, to)));
  };

  const now = useRef({ zoomTo, scale });
  now.current = { zoomTo, scale };
  useEffect(() => {
    const element = box.current!;
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault(); // else the browser zooms the page
      const { left, top } = element.getBoundingClientRect();
      const { zoomTo, scale } = now.current;
      zoomTo(scale * Math.exp(-event.deltaY / WHEEL), { x: event.clientX - left, y: event.clientY - top });
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  }, []);

  useLayoutEffect(() => {
    const element = box.current;
    const first = layout.places.get(layout.order[0] ?? -1);
    // A plan that is wider than the panel begins with its first operator in the middle, not with empty space.
    if (element && first && chosen === null) element.scrollLeft = (first.x + CARD_WIDTH / 2) * scale - size.width / 2;
  }, [layout, size.width]);
  useLayoutEffect(() => {
    const at = anchor.current;
    anchor.current = null;
    if (!at || !box.current) return;
    box.current.scrollLeft = at.left * scale + left - at.x;
    box.current.scrollTop = at.top * scale - at.y;
  }, [scale]);

  return {
    scale,
    auto,
    left,
    larger: () => zoomTo(scale * STEP),
    smaller: () => zoomTo(scale / STEP),
    fit: () => {
      const { clientWidth, clientHeight } = box.current!;
      zoomTo(Math.min(1, clientWidth / layout.width, clientHeight / layout.height));
    },
  };
}

export function ZoomButtons({ zoom }: { zoom: Zoom }) {
  return (
    <div class="zoom" role="group" aria-label="zoom">
      <button type="button" title="Smaller (−)" aria-label="Zoom out" onClick={zoom.smaller}>
        −
      </button>
      <span class="sub">{Math.round(zoom.scale * 100)} %</span>
      <button type="button" title="Larger (+)" aria-label="Zoom in" onClick={zoom.larger}>
        +
      </button>
      <button type="button" title="The whole plan (0)" onClick={zoom.fit}>
        Fit
      </button>
    </div>
  );
}
