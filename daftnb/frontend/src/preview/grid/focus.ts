// The focus in the grid: it goes to a cell, which is brought into sight.
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";
import type { Body } from "../body.ts";
import type { Place, PreviewStore } from "../store.ts";

type Ref<T> = RefObject<T | null>;
/** What the view around the grid holds, to give a cell of the grid the focus. */
export type Handle = { current: ((place: Place) => void) | null };

/** Return a function that makes a cell the active one and gives it the focus. `handle` does the same, and selects
 * that cell alone. */
export function useCellFocus(
  store: PreviewStore,
  body: Ref<Body>,
  pane: Ref<HTMLElement>,
  head: Ref<HTMLElement>,
  handle: Handle,
): (place: Place) => void {
  const focusOn = (place: Place) => {
    store.active.value = place;
    body.current!.reveal(place);
    if (place.row < 0) {
      // The header's cell may be drawn only now.
      requestAnimationFrame(() =>
        head.current
          ?.querySelector<HTMLElement>(`[aria-colindex="${place.column + 2}"]`)
          ?.focus({ preventScroll: true }),
      );
    } else focusCell(body, pane, place);
  };
  useEffect(() => {
    handle.current = (place) => {
      store.anchor.value = place;
      focusOn(place);
    };
    return () => (handle.current = null);
  });
  return focusOn;
}

/** Give a cell of a row the focus; where it is not drawn, the grid. */
export function focusCell(body: Ref<Body>, pane: Ref<HTMLElement>, place: Place): void {
  (body.current!.cell(place) ?? pane.current)?.focus({ preventScroll: true });
}
