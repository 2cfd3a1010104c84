// Which part of the lanes' box is in sight.
import type { RefObject } from "preact";
import { useState } from "preact/hooks";
import { useScrolled } from "../scrolled.ts";

/** In px. */
interface Viewport {
  top: number;
  height: number;
  width: number;
  /** The width of what stands to the left of the lanes. */
  gutter: number;
}

/** Follow how far the box is scrolled, and its size and that of its one child. */
export function useViewport(box: RefObject<HTMLElement | null>): Viewport {
  const [view, setView] = useState({ top: 0, height: 340, width: 0, gutter: 0 });
  useScrolled(box, (element) => {
    const gutter = parseFloat(getComputedStyle(element).getPropertyValue("--gut")) + 6;
    const { scrollTop: top, clientHeight: height } = element;
    setView({ top, height, width: element.firstElementChild!.clientWidth, gutter });
  });
  return view;
}
