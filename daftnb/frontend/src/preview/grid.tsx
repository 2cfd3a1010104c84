// The grid: header and rows in a box that scrolls, its keys, and ranges of cells.
import { effect, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { plural } from "../format.ts";
import { MOST_COPIED, copied } from "./asks.ts";
import { Body, rowHeightOf } from "./body.ts";
import { grouped } from "./cell.ts";
import { copyText } from "./clipboard.ts";
import type { Span } from "./geometry.ts";
import { Head } from "./head.tsx";
import { led, rangeOf } from "./moves.ts";
import type { Place, PreviewStore } from "./store.ts";
import { Thumbnails } from "./thumbnails.ts";
import { moved, sorted } from "./view.ts";

const ROWS_IN_SIGHT = 15; // where there are more
const HEAD = 86; // px, as in preview.css
const HIGHEST_BOX = 400; // px, of the rows in sight
const BAR = 14; // px, for a scroll bar
const NUDGE = 16; // px by which a key resizes
const SETTLED_MS = 120; // without scrolling, before summaries are asked for

export interface GridProps {
  store: PreviewStore;
  /** The grid's way to be told: bring a cell into sight, and give it the focus. */
  handle: { current: ((place: Place) => void) | null };
  onColumn: (column: number) => void;
  onDetail: (place: Place | null) => void;
  isDetailOpen: () => boolean;
}

export function Grid({ store, handle, onColumn, onDetail, isDetailOpen }: GridProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const space = useRef<HTMLDivElement>(null);
  const pane = useRef<HTMLDivElement>(null);
  const head = useRef<HTMLDivElement>(null);
  const rows = useRef<HTMLDivElement>(null);
  const body = useRef<Body | null>(null);
  const span = useSignal<Span>({ from: 0, to: 0 });
  const [, ready] = useState(false);
  const drag = useRef(false);

  useLayoutEffect(() => {
    const abort = new AbortController();
    let settled: ReturnType<typeof setTimeout> | undefined;
    const parts = { scroller: scroller.current!, space: space.current!, pane: pane.current!, rows: rows.current!, head: head.current! };
    const sum = () => {
      clearTimeout(settled);
      settled = setTimeout(() => {
        const { columns, pinned } = store.view.peek();
        store.sum([...columns.slice(0, pinned), ...columns.slice(span.peek().from, span.peek().to)]);
      }, SETTLED_MS);
    };
    const drawn = (body.current = new Body(store, parts, new Thumbnails(abort.signal), (to) => {
      span.value = { ...to };
      sum();
    }, abort.signal));
    const disposers = [
      effect(() => {
        void [store.view.value, store.widths.chosen.value, store.rows.value, store.table.value];
        drawn.layOut();
      }),
      effect(() => {
        void store.stamp.value;
        drawn.soon();
        sum();
      }),
      effect(() => {
        void [store.active.value, store.anchor.value];
        drawn.mark();
      }),
    ];
    ready(true);
    return () => {
      abort.abort();
      clearTimeout(settled);
      for (const dispose of disposers) dispose();
    };
  }, [store]);

  const focusOn = (place: Place) => {
    store.active.value = place;
    body.current!.reveal(place);
    if (place.row < 0) {
      // The header's cell may be drawn only now.
      requestAnimationFrame(() => head.current?.querySelector<HTMLElement>(`[aria-colindex="${place.column + 2}"]`)?.focus({ preventScroll: true }));
    } else (body.current!.cell(place) ?? pane.current)?.focus({ preventScroll: true });
  };
  useEffect(() => {
    handle.current = (place) => {
      store.anchor.value = place;
      focusOn(place);
    };
    return () => (handle.current = null);
  });

  const copy = () => {
    const { start, count, from, to } = rangeOf(store.active.peek(), store.anchor.peek());
    const columns = store.view.peek().columns.slice(from, to + 1);
    if (count > MOST_COPIED) {
      store.problem.value = `${grouped(count)} rows are more than a copy takes (${grouped(MOST_COPIED)}). Download the view instead.`;
      return;
    }
    const words = count === 1 && columns.length === 1 ? "the value" : `${plural(count, "row")} × ${plural(columns.length, "column")}`;
    copyText(copied(store, start, count, columns), pane.current!).then(
      () => (store.said.value = `Copied ${words}.`),
      (error: unknown) => (store.problem.value = error instanceof Error ? `Not copied: ${error.message}` : "Not copied."),
    );
  };

  const onHeadKey = (event: KeyboardEvent, place: Place): boolean => {
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
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if ((event.target as Element).closest("button")) return;
    const place = store.active.peek();
    const control = event.ctrlKey || event.metaKey;
    const { columns } = store.view.peek();
    if (columns.length === 0 || (event.shiftKey && event.key === "Enter") || (control && event.key === "Enter")) return;
    if (control && (event.key === "c" || event.key === "C")) {
      if (String(getSelection()) === "" && place.row >= 0) copy();
    } else if (control && (event.key === "a" || event.key === "A")) {
      store.anchor.value = { row: 0, column: 0 };
      store.active.value = { row: store.rows.peek() - 1, column: columns.length - 1 };
      store.said.value = "All cells are selected.";
    } else if (place.row < 0 && onHeadKey(event, place)) {
      // done
    } else if (event.key === "Enter" || event.key === " ") onDetail(place);
    else if (event.key === "Escape") {
      if (isDetailOpen()) onDetail(null);
      else if (store.anchor.peek() !== place) store.anchor.value = place;
      else return;
    } else {
      if (event.altKey) return;
      const { seen, row } = body.current!.heights;
      const to = led(event.key, control, place, { rows: store.rows.peek(), columns: columns.length, page: Math.max(1, Math.floor(seen / row) - 1) });
      if (to === null) {
        if (event.key.length === 1 && !control) event.stopPropagation(); // no letter is the notebook's command here
        return;
      }
      if (!event.shiftKey || to.row < 0) store.anchor.value = to;
      focusOn(to);
      if (isDetailOpen() && to.row >= 0) onDetail(to);
    }
    event.preventDefault();
    event.stopPropagation();
  };

  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0 || head.current!.contains(event.target as Node)) return;
    const place = body.current!.placeAt(event.clientX, event.clientY);
    if (place === null) return;
    const whole = (event.target as Element).classList.contains("number");
    if (whole) {
      store.anchor.value = { row: event.shiftKey ? store.anchor.peek().row : place.row, column: store.view.peek().columns.length - 1 };
      place.column = 0;
    } else if (!event.shiftKey) store.anchor.value = place;
    event.preventDefault();
    store.active.value = place;
    (body.current!.cell(place) ?? pane.current)?.focus({ preventScroll: true });
    drag.current = !whole && event.pointerType === "mouse";
  };
  const onPointerMove = (event: PointerEvent) => {
    if (!drag.current || !(event.buttons & 1)) return;
    const place = body.current!.placeAt(event.clientX, event.clientY);
    const at = store.active.peek();
    if (place !== null && (place.row !== at.row || place.column !== at.column)) focusOn(place);
  };
  const onClick = (event: MouseEvent) => {
    drag.current = false;
    const place = store.active.peek();
    const over = rows.current!.contains(event.target as Node) ? (event.target as Element).closest(".cell") : null;
    if (event.shiftKey || place.row < 0 || over === null) return;
    const one = store.anchor.peek().row === place.row && store.anchor.peek().column === place.column;
    if (one && (isDetailOpen() || over.classList.contains("opens"))) onDetail(place);
  };

  const { table, rows: count, view } = store;
  const high = count.value > ROWS_IN_SIGHT ? ROWS_IN_SIGHT : Math.max(1, count.value);
  return (
    <div class="scroller" ref={scroller} tabIndex={-1} style={{ height: `${HEAD + Math.min(high * rowHeightOf(table.value), HIGHEST_BOX) + BAR}px` }}>
      <div class="space" ref={space}>
        <div class="pane" ref={pane} role="grid" aria-label={table.value!.name ?? "table"} aria-describedby="grid-help" aria-multiselectable="true"
          aria-rowcount={count.value + 1} aria-colcount={view.value.columns.length + 1} aria-busy={store.busy.value !== null}
          onKeyDown={onKeyDown} onPointerDown={onPointerDown} onPointerMove={onPointerMove} onClick={onClick} onDblClick={(event) => rows.current!.contains(event.target as Node) && store.active.peek().row >= 0 && onDetail(store.active.peek())}>
          <div class="head" role="rowgroup" ref={head}>
            <Head store={store} body={body} span={span} onOpen={onColumn} />
          </div>
          <div class="rows" role="rowgroup" ref={rows} />
        </div>
      </div>
      <p class="hidden" id="grid-help">
        Arrow keys, Home, End, Page up and Page down move; with Shift they select. Enter shows a value; on a header it opens the column, Space sorts, Alt
        with arrows moves the column, Shift with arrows resizes it. Control C copies.
      </p>
    </div>
  );
}
