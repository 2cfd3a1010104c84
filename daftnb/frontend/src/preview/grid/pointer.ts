// The pointer in the grid: it selects a cell, a range of cells or whole rows, and opens a value.
import type { RefObject } from "preact";
import { useRef } from "preact/hooks";
import { focusCell } from "./focus.ts";
import type { Hands } from "./keyboard.ts";

type Ref = RefObject<HTMLElement | null>;

/** Return the pane's handlers of the pointer. */
export function usePointer(hands: Hands, pane: Ref, head: Ref, rows: Ref) {
  const { store, body, focusOn, onDetail, isDetailOpen } = hands;
  const drag = useRef(false); // whether a press began on a cell, and moves select
  return {
    onPointerDown: (event: PointerEvent) => {
      if (event.button !== 0 || head.current!.contains(event.target as Node)) return;
      const place = body.current!.placeAt(event.clientX, event.clientY);
      if (place === null) return;
      const whole = (event.target as Element).classList.contains("number");
      if (whole) {
        store.anchor.value = {
          row: event.shiftKey ? store.anchor.peek().row : place.row,
          column: store.view.peek().columns.length - 1,
        };
        place.column = 0;
      } else if (!event.shiftKey) store.anchor.value = place;
      event.preventDefault();
      store.active.value = place;
      focusCell(body, pane, place);
      drag.current = !whole && event.pointerType === "mouse";
    },
    onPointerMove: (event: PointerEvent) => {
      if (!drag.current || !(event.buttons & 1)) return;
      const place = body.current!.placeAt(event.clientX, event.clientY);
      const at = store.active.peek();
      if (place !== null && (place.row !== at.row || place.column !== at.column)) focusOn(place);
    },
    onClick: (event: MouseEvent) => {
      drag.current = false;
      const place = store.active.peek();
      const over = rows.current!.contains(event.target as Node) ? (event.target as Element).closest(".cell") : null;
      if (event.shiftKey || place.row < 0 || over === null) return;
      const one = store.anchor.peek().row === place.row && store.anchor.peek().column === place.column;
      if (one && (isDetailOpen() || over.classList.contains("opens"))) onDetail(place);
    },
    onDblClick: (event: MouseEvent) => {
      const place = store.active.peek();
      if (rows.current!.contains(event.target as Node) && place.row >= 0) onDetail(place);
    },
  };
}
