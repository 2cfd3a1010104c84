// The grid's keys: they move, select, copy and open; on a header they sort, move, resize and open the column.
import type { RefObject } from "preact";
import type { Body } from "../body.ts";
import { led } from "../moves.ts";
import type { Place, PreviewStore } from "../store.ts";
import { moved, sorted } from "../view.ts";
import { copySelection } from "./copy.ts";

const NUDGE = 16; // px by which a key resizes a column

export interface Hands {
  store: PreviewStore;
  body: RefObject<Body | null>;
  focusOn: (place: Place) => void;
  /** Open a column's panel. */
  onColumn: (column: number) => void;
  /** Show the whole of a value; null: close it. */
  onDetail: (place: Place | null) => void;
  isDetailOpen: () => boolean;
}

/** Answer a key that is pressed in the grid; none that the grid uses reaches the notebook. */
export function onGridKey(event: KeyboardEvent, hands: Hands): void {
  const { store, onDetail, isDetailOpen } = hands;
  if ((event.target as Element).closest("button")) return;
  const place = store.active.peek();
  const control = event.ctrlKey || event.metaKey;
  const { columns } = store.view.peek();
  if (columns.length === 0 || (event.shiftKey && event.key === "Enter") || (control && event.key === "Enter")) return;
  if (control && (event.key === "c" || event.key === "C")) {
    if (String(getSelection()) === "" && place.row >= 0) copySelection(store, event.currentTarget as HTMLElement);
  } else if (control && (event.key === "a" || event.key === "A")) {
    store.anchor.value = { row: 0, column: 0 };
    store.active.value = { row: store.rows.peek() - 1, column: columns.length - 1 };
    store.said.value = "All cells are selected.";
  } else if (place.row < 0 && onHeadKey(event, place, hands)) {
    // done
  } else if (event.key === "Enter" || event.key === " ") onDetail(place);
  else if (event.key === "Escape") {
    if (isDetailOpen()) onDetail(null);
    else if (store.anchor.peek() !== place) store.anchor.value = place;
    else return;
  } else {
    if (event.altKey) return;
    const to = placeOf(event.key, control, place, hands);
    if (to === null) {
      if (event.key.length === 1 && !control) event.stopPropagation(); // no letter is the notebook's command here
      return;
    }
    if (!event.shiftKey || to.row < 0) store.anchor.value = to;
    hands.focusOn(to);
    if (isDetailOpen() && to.row >= 0) onDetail(to);
  }
  event.preventDefault();
  event.stopPropagation();
}

/** Return where a key leads; null: nowhere. */
function placeOf(key: string, control: boolean, place: Place, { store, body }: Hands): Place | null {
  const { seen, row } = body.current!.heights;
  const page = Math.max(1, Math.floor(seen / row) - 1);
  return led(key, control, place, { rows: store.rows.peek(), columns: store.view.peek().columns.length, page });
}

/** Return whether a key that is pressed on a column's header has been answered. */
function onHeadKey(event: KeyboardEvent, place: Place, { store, body, focusOn, onColumn }: Hands): boolean {
  const view = store.view.peek();
  const column = view.columns[place.column]!;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step && event.altKey) {
    const to = moved(view, column, place.column + step);
    store.change(to);
    const now = to.columns.indexOf(column);
    store.said.value = `${store.table.peek()!.columns[column]!.name} is column ${now + 1} of ${to.columns.length}.`;
    store.anchor.value = { row: -1, column: now };
    focusOn({ row: -1, column: now });
  } else if (step && event.shiftKey) {
    const { edges } = body.current!;
    store.widths.set(column, edges[place.column + 1]! - edges[place.column]! + step * NUDGE);
    store.said.value = `${store.widths.of(column)} pixels wide`;
  } else if (event.key === " ") store.change(sorted(view, column, event.shiftKey));
  else if (event.key === "Enter" || event.key === "ContextMenu" || event.key === "F10") onColumn(column);
  else return false;
  return true;
}
