// The header's cells: a column's name, its type, its sort order and a summary of its values. A click sorts, a drag
// moves the column, and its edge resizes it.
import type { Signal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Body } from "./body.ts";
import { onOneLine } from "./cell.ts";
import type { Span } from "./geometry.ts";
import { Mini } from "./mini.tsx";
import { caption } from "./statistics.ts";
import type { PreviewStore } from "./store.ts";
import { moved, sorted } from "./view.ts";

const DRAG = 5; // px that a press may move and still be a click

export interface HeadProps {
  store: PreviewStore;
  body: { current: Body | null };
  span: Signal<Span>;
  onOpen: (column: number) => void;
}

interface CellProps {
  store: PreviewStore;
  /** Among the shown columns. */
  index: number;
  left: number;
  width: number;
  body: { current: Body | null };
  onOpen: (column: number) => void;
}

function HeadCell({ store, body, index, left, width, onOpen }: CellProps) {
  const view = store.view.value;
  const column = view.columns[index]!;
  const about = store.table.value!.columns[column]!;
  const summary = store.summaries.value.get(column);
  const at = view.sort.findIndex((one) => one.column === column);
  const sort = view.sort[at];
  const active = store.active.value.row === -1 && store.active.value.column === index;
  const drag = useRef<{ x: number; y: number; width: number | null } | null>(null);

  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0 || (event.target as Element).closest("button")) return;
    const grip = (event.target as Element).classList.contains("grip");
    drag.current = { x: event.clientX, y: event.clientY, width: grip ? width : null };
    if (grip) {
      event.preventDefault();
      (event.currentTarget as Element).setPointerCapture(event.pointerId);
    }
  };
  const onPointerMove = (event: PointerEvent) => {
    const from = drag.current;
    const element = event.currentTarget as HTMLElement;
    if (!from) return;
    if (from.width !== null) {
      store.widths.set(column, from.width + event.clientX - from.x);
      return;
    }
    if (event.pointerType !== "mouse") return;
    if (!element.hasPointerCapture(event.pointerId)) {
      if (Math.abs(event.clientX - from.x) < DRAG) return;
      element.setPointerCapture(event.pointerId);
      element.classList.add("dragged");
    }
    element.style.transform = `translateX(${event.clientX - from.x}px)`;
  };
  const onPointerUp = (event: PointerEvent) => {
    const from = drag.current;
    const element = event.currentTarget as HTMLElement;
    drag.current = null;
    if (!from || from.width !== null) return;
    if (element.classList.contains("dragged")) {
      element.classList.remove("dragged");
      element.style.transform = "";
      const { edges } = body.current!;
      const middle = edges[index]! + width / 2 + event.clientX - from.x;
      let to = 0;
      while (to < view.columns.length - 1 && edges[to + 1]! < middle) to += 1;
      store.change(moved(view, column, to));
      return;
    }
    if (event.type === "pointercancel") return;
    store.active.value = store.anchor.value = { row: -1, column: index };
    store.change(sorted(view, column, event.shiftKey));
  };
  const onDblClick = (event: MouseEvent) => {
    if ((event.target as Element).classList.contains("grip"))
      store.widths.set(column, store.widths.fit(column, Math.floor(store.scroll.top)));
  };

  const filtered = view.filters.some((filter) => filter.column === column);
  const words = caption(summary, store.rows.value);
  return (
    <div
      class={`cell${sort ? " sorted" : ""}`}
      role="columnheader"
      aria-colindex={index + 2}
      tabIndex={active ? 0 : -1}
      data-column={column}
      aria-sort={sort ? (sort.descending ? "descending" : "ascending") : "none"}
      style={{ left: `${left}px`, width: `${width}px` }}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={onPointerUp}
      onPointerCancel={onPointerUp}
      onDblClick={onDblClick}
      onFocus={() => (store.active.value = { row: -1, column: index })}
    >
      <div class="name" title={about.name}>
        <bdi>{about.name === "" ? <span class="mark empty">no name</span> : onOneLine(about.name)}</bdi>
        {sort && (
          <span class="order">
            {sort.descending ? "▼" : "▲"}
            {view.sort.length > 1 ? at + 1 : ""}
          </span>
        )}
        {filtered && (
          <svg class="funnel" viewBox="0 0 10 10" role="img" aria-label="filtered">
            <path d="M0 0h10L6.2 5v5L3.8 8V5z" />
          </svg>
        )}
      </div>
      <div class="type" title={about.type}>
        {about.type}
      </div>
      <Mini summary={summary} rows={store.rows.value} />
      <div class="caption" title={words}>
        {words || "\u00a0"}
      </div>
      <button
        type="button"
        class="more"
        tabIndex={-1}
        aria-label={`Column ${about.name}: sort, filter, statistics`}
        title="Sort, filter, statistics"
        onClick={() => onOpen(column)}
      >
        ⋯
      </button>
      <div class="grip" title="Drag to resize; double-click to fit" />
    </div>
  );
}

export function Head(props: HeadProps) {
  const { store, body, span, onOpen } = props;
  const view = store.view.value;
  const { from, to } = span.value;
  if (!body.current) return null;
  const pins: number[] = [];
  for (let index = 0; index < view.pinned; index++) pins.push(index);
  const rest: number[] = [];
  for (let index = Math.max(from, view.pinned); index < Math.min(to, view.columns.length); index++) rest.push(index);
  const { edges } = body.current;
  const cell = (index: number) => (
    <HeadCell
      key={view.columns[index]}
      index={index}
      left={edges[index]! - (index < view.pinned ? 0 : edges[view.pinned]!)}
      width={edges[index + 1]! - edges[index]!}
      store={store}
      body={body}
      onOpen={onOpen}
    />
  );
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the arrow keys go to the cells of a row, not to the row
    <div class="row" role="row" aria-rowindex={1}>
      {/* biome-ignore lint/a11y/useFocusableInteractive: nothing can be done with the column of row numbers */}
      <div class="number" role="columnheader" aria-colindex={1} aria-label="row">
        #
      </div>
      <div class="pins">{pins.map(cell)}</div>
      <div class="cells">{rest.map(cell)}</div>
    </div>
  );
}
