// The one operator that the tab key reaches; the arrow keys make it another.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Placed } from "../layout.ts";
import type { Box } from "./size.ts";

interface KeyboardFocus {
  /** The operator that has the focus, or gets it first; null where there is none. */
  current: number | null;
  /** Make an operator the current one. */
  setCurrent: (id: number) => void;
  /** The same, and give the focus to its card once that is drawn. */
  moveTo: (id: number) => void;
}

export function useKeyboardFocus(box: Box, layout: Placed): KeyboardFocus {
  const [focus, setFocus] = useState<number | null>(null);
  const moving = useRef(false);
  const current = focus !== null && layout.places.has(focus) ? focus : (layout.order[0] ?? null);
  useLayoutEffect(() => {
    if (!moving.current) return;
    moving.current = false;
    focusCard(box, current);
  }, [current]);
  const moveTo = (id: number) => {
    moving.current = true;
    setFocus(id);
  };
  return { current, setCurrent: setFocus, moveTo };
}

export function focusCard(box: Box, id: number | null): void {
  box.current?.querySelector<HTMLElement>(`[data-id="${id}"]`)?.focus();
}
