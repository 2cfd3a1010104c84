// A mouse that is pressed and moved drags the plan along.
import { useRef } from "preact/hooks";
import type { Box } from "./size.ts";

const DRAG = 4; // px that a press may move and still be a click

/** Return the box's pointer handlers. */
export function usePan(box: Box) {
  const press = useRef<{ x: number; y: number; left: number; top: number } | null>(null);
  const release = () => {
    press.current = null;
  };
  return {
    onPointerDown: (event: PointerEvent) => {
      if (event.button !== 0 || event.pointerType !== "mouse") return; // a finger scrolls by itself
      const { scrollLeft, scrollTop } = box.current!;
      press.current = { x: event.clientX, y: event.clientY, left: scrollLeft, top: scrollTop };
    },
    onPointerMove: (event: PointerEvent) => {
      const from = press.current;
      if (!from || !box.current) return;
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      if (!box.current.hasPointerCapture(event.pointerId)) {
        if (Math.hypot(dx, dy) < DRAG) return;
        box.current.setPointerCapture(event.pointerId); // so that the release clicks no card
      }
      box.current.scrollLeft = from.left - dx;
      box.current.scrollTop = from.top - dy;
    },
    onPointerUp: release,
    onPointerCancel: release,
  };
}
