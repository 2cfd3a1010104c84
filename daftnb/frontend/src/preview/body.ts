// The rows in sight, drawn straight into the page. There are as many elements as fit; each takes the next row that
// comes into sight. Their pane does not scroll: it is drawn again for each place, so no part of it is ever empty.
import { grouped, type Look } from "./cell.ts";
import {
  columnAt,
  edgesOf,
  fullHeight,
  type Heights,
  isScaled,
  lastTop,
  pixelsOf,
  type Span,
  spanOf,
  spread,
  topOf,
} from "./geometry.ts";
import { lookOf, RECORDS } from "./kinds/registry.ts";
import type { Place, PreviewStore } from "./store.ts";
import type { Thumbnails } from "./thumbnails.ts";
import type { Kind, Table } from "./wire.ts";

const ROW = 26; // px
const TALL_ROW = 44; // px
const ROOM = 14; // px of the box that columns do not get: its border, a scroll bar
const MARGIN = 2; // columns on either side that are there before they are seen
const HAND = 1.5; // of the height in sight: a finger or a wheel moves less in one event, a dragged scroll bar more

/** px; higher where a column needs it. */
export const rowHeightOf = (table: Table | null): number =>
  table?.columns.some(({ kind }) => RECORDS[kind].isTall) ? TALL_ROW : ROW;

interface RowElement {
  element: HTMLElement;
  number: HTMLElement;
  pins: HTMLElement;
  cells: HTMLElement;
  /** Cells by index among the shown columns. */
  at: Map<number, HTMLElement>;
  row: number;
  /** Some of its cells have not come. */
  lacking: boolean;
  /** It was drawn since the range was last marked in it. */
  unmarked: boolean;
  shift: string;
}

export interface Parts {
  scroller: HTMLElement;
  space: HTMLElement;
  pane: HTMLElement;
  rows: HTMLElement;
  head: HTMLElement;
}

const make = (name: string, role?: string): HTMLElement => {
  const element = document.createElement("div");
  element.className = name;
  if (role) element.setAttribute("role", role);
  return element;
};

export class Body {
  edges: Float64Array = new Float64Array(1);
  gutter = 40;
  span: Span = { from: 0, to: 0 };
  #pool: RowElement[] = [];
  #columns: readonly number[] = [];
  #key = "";
  #stamp = -1;
  #generation = -1;
  #frame = 0;
  #before = 0;
  #forward = true;
  #box = { width: 0, height: 0 }; // of what is in sight; to ask the page for it would lay it out in each frame
  #marked = "";
  #self = -1; // where the scroll bar was put by this
  #touched = false;

  constructor(
    readonly store: PreviewStore,
    readonly parts: Parts,
    readonly thumbnails: Thumbnails,
    readonly onSpan: (span: Span) => void,
    abort: AbortSignal,
  ) {
    const { scroller } = parts;
    scroller.addEventListener("scroll", () => this.#onScroll(), { passive: true, signal: abort });
    scroller.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false, signal: abort });
    scroller.addEventListener("touchstart", () => (this.#touched = true), { passive: true, signal: abort });
    scroller.addEventListener("touchend", () => (this.#touched = false), { passive: true, signal: abort });
    const observer = new ResizeObserver(() => {
      const narrower = scroller.clientWidth < this.#box.width;
      this.layOut();
      if (narrower && parts.pane.contains((scroller.getRootNode() as ShadowRoot).activeElement))
        this.reveal(this.store.active.peek()); // the value beside it took room
    });
    observer.observe(scroller);
    abort.addEventListener("abort", () => {
      observer.disconnect();
      cancelAnimationFrame(this.#frame);
    });
  }

  get rowHeight(): number {
    return rowHeightOf(this.store.table.peek());
  }

  get heights(): Heights {
    return { rows: this.store.rows.peek(), row: this.rowHeight, seen: Math.max(this.rowHeight, this.#box.height) };
  }

  /** Columns, their widths or the box have changed. */
  layOut(): void {
    const { store, parts } = this;
    const { columns, pinned } = store.view.peek();
    const { head, space, scroller, pane } = parts;
    this.#columns = columns;
    this.#box = { width: scroller.clientWidth, height: scroller.clientHeight - head.offsetHeight };
    this.gutter = 22 + Math.max(2, grouped(store.rows.peek()).length) * 7;
    const about = store.table.peek()?.columns ?? [];
    const isRight = columns.map((column) => about[column] !== undefined && RECORDS[about[column].kind].isRight);
    const flexible = columns.map((column, index) => !isRight[index] && !store.widths.chosen.peek().has(column));
    this.edges = edgesOf(
      spread(
        columns.map((column) => store.widths.of(column)),
        flexible,
        scroller.parentElement!.clientWidth - ROOM - this.gutter,
      ),
    );
    const heights = this.heights;
    const width = this.gutter + this.edges.at(-1)!;
    space.style.width = `${Math.max(1, width)}px`;
    space.style.height = `${head.offsetHeight + Math.max(fullHeight(heights), heights.rows === 0 ? 40 : 1)}px`;
    pane.style.width = `${scroller.clientWidth}px`;
    pane.style.height = `${scroller.clientHeight}px`;
    pane.style.setProperty("--gutter", `${this.gutter}px`);
    pane.style.setProperty("--pins", `${this.edges[pinned]}px`);
    pane.style.setProperty("--high", `${heights.row}px`);
    this.#key = "";
    for (const row of this.#pool) row.row = -1;
    this.store.scroll.top = Math.min(this.store.scroll.top, lastTop(heights));
    this.#putBar();
    this.paint();
  }

  /** Draw in the next frame of the screen. */
  soon(): void {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.paint();
    });
  }

  #putBar(): void {
    const { scroller } = this.parts;
    const to = pixelsOf(this.store.scroll.top, this.heights);
    if (Math.abs(scroller.scrollTop - to) >= 1) scroller.scrollTop = to;
    if (scroller.scrollLeft !== this.store.scroll.left) scroller.scrollLeft = this.store.scroll.left;
    this.#self = scroller.scrollTop;
  }

  #onScroll(): void {
    const { scroller } = this.parts;
    const { scroll } = this.store;
    const heights = this.heights;
    scroll.left = scroller.scrollLeft;
    const moved = scroller.scrollTop - this.#self;
    if (Math.abs(moved) >= 1) {
      // Where the bar stands for a share of the rows, what moves by hand still moves by as many pixels as it is moved.
      if (!isScaled(heights)) scroll.top = topOf(scroller.scrollTop, heights);
      else if (this.#touched && Math.abs(moved) < heights.seen * HAND)
        scroll.top = Math.max(0, Math.min(lastTop(heights), scroll.top + moved / heights.row));
      else scroll.top = topOf(scroller.scrollTop, heights);
      this.#self = scroller.scrollTop;
    }
    this.paint();
  }

  #onWheel(event: WheelEvent): void {
    const heights = this.heights;
    if (!isScaled(heights) || event.ctrlKey || event.shiftKey || event.deltaY === 0) return;
    const pixels =
      event.deltaMode === WheelEvent.DOM_DELTA_LINE
        ? event.deltaY * 40
        : event.deltaMode === WheelEvent.DOM_DELTA_PAGE
          ? event.deltaY * heights.seen
          : event.deltaY;
    const to = Math.max(0, Math.min(lastTop(heights), this.store.scroll.top + pixels / heights.row));
    if (to === this.store.scroll.top) return; // the page scrolls on
    event.preventDefault();
    this.store.scroll.top = to;
    if (event.deltaX) this.store.scroll.left = Math.max(0, this.parts.scroller.scrollLeft + event.deltaX);
    this.#putBar();
    this.soon();
  }

  /** Bring a cell into sight. */
  reveal({ row, column }: Place): void {
    const { scroll, view } = this.store;
    const heights = this.heights;
    if (row >= 0) {
      const fit = Math.max(1, Math.floor(heights.seen / heights.row));
      if (row < scroll.top) scroll.top = row;
      else if (row + 1 > scroll.top + heights.seen / heights.row)
        scroll.top = Math.min(lastTop(heights), Math.max(0, row + 1 - (fit === 1 ? 1 : heights.seen / heights.row)));
    }
    const { pinned } = view.peek();
    if (column >= pinned && column < this.#columns.length) {
      const room = this.#box.width - this.gutter;
      const [left, right] = [this.edges[column]!, this.edges[column + 1]!];
      if (left - this.edges[pinned]! < scroll.left) scroll.left = left - this.edges[pinned]!;
      else if (right > scroll.left + room) scroll.left = Math.min(left - this.edges[pinned]!, right - room);
    }
    this.#putBar();
    this.paint();
  }

  /** The cell at a point of the window; null outside the rows. */
  placeAt(x: number, y: number): Place | null {
    const box = this.parts.pane.getBoundingClientRect();
    const { scroll, view, rows } = this.store;
    const inside = y - box.top - this.parts.head.offsetHeight;
    const row = Math.floor(scroll.top + inside / this.rowHeight);
    if (inside < 0 || row < 0 || row >= rows.peek() || this.#columns.length === 0) return null;
    const at = x - box.left - this.gutter;
    const column =
      at < this.edges[view.peek().pinned]! ? columnAt(this.edges, at) : columnAt(this.edges, at + scroll.left);
    return { row, column };
  }

  /** The element of a cell, where it is in sight. */
  cell({ row, column }: Place): HTMLElement | null {
    const found = this.#pool.find((one) => one.row === row);
    return found && !found.element.hidden ? (found.at.get(column) ?? null) : null;
  }

  paint(): void {
    const { store, parts } = this;
    const heights = this.heights;
    const { pinned } = store.view.peek();
    const { top, left } = store.scroll;
    const first = Math.floor(top);
    const count = Math.min(heights.rows - first, Math.ceil(heights.seen / heights.row) + 1);
    const span = spanOf(this.edges, pinned, left, Math.max(0, this.#box.width - this.gutter), MARGIN);
    const key = `${span.from} ${span.to} ${pinned}`;
    if (key !== this.#key) {
      this.#key = key;
      this.span = span;
      for (const row of this.#pool) this.#columnsOf(row);
      this.onSpan(span);
    }
    if (store.generation !== this.#generation) {
      this.#generation = store.generation;
      for (const row of this.#pool) row.row = -1;
    }
    const stamp = store.stamp.peek();
    const came = stamp !== this.#stamp;
    this.#stamp = stamp;
    while (this.#pool.length < count) this.#addRow();
    const shift = `translate3d(${-left}px, 0, 0)`;
    const size = this.#pool.length;
    const used = new Set<number>();
    const above = Math.round((top - first) * heights.row); // whole pixels: else the text is blurred
    for (let row = first; row < first + count; row++) {
      const slot = this.#pool[row % size]!;
      used.add(row % size);
      if (slot.row !== row || (came && slot.lacking)) this.#fill(slot, row);
      slot.element.style.transform = `translate3d(0, ${(row - first) * heights.row - above}px, 0)`;
      if (slot.shift !== shift) slot.cells.style.transform = slot.shift = shift;
      if (slot.element.hidden) slot.element.hidden = false;
    }
    this.#pool.forEach((slot, index) => {
      if (used.has(index)) return;
      slot.element.hidden = true;
      slot.row = -1;
    });
    const headCells = parts.head.querySelector<HTMLElement>(".cells");
    if (headCells && headCells.style.transform !== shift) headCells.style.transform = shift;
    parts.pane.classList.toggle("shifted", left > 0);
    this.mark();
    if (top !== this.#before) this.#forward = top > this.#before;
    this.#before = top;
    if (count > 0) store.want(first, first + count - 1, this.#inSight(), this.#forward);
  }

  #inSight(): number[] {
    const { pinned } = this.store.view.peek();
    return [...this.#columns.slice(0, pinned), ...this.#columns.slice(this.span.from, this.span.to)];
  }

  /** The active cell, and those of the range. */
  mark(): void {
    const { active, anchor } = this.store;
    const [a, b] = [active.peek(), anchor.peek()];
    const [top, bottom] = a.row < b.row ? [a.row, b.row] : [b.row, a.row];
    const [left, right] = a.column < b.column ? [a.column, b.column] : [b.column, a.column];
    const many = top !== bottom || left !== right;
    const key = `${a.row} ${a.column} ${b.row} ${b.column}`;
    const same = key === this.#marked;
    this.#marked = key;
    for (const slot of this.#pool) {
      if (slot.row < 0 || (same && !slot.unmarked)) continue;
      slot.unmarked = false;
      for (const [column, cell] of slot.at) {
        const isActive = slot.row === a.row && column === a.column;
        const chosen = slot.row >= top && slot.row <= bottom && column >= left && column <= right && a.row >= 0;
        cell.classList.toggle("active", isActive);
        cell.classList.toggle("chosen", chosen && many);
        const said = String(chosen);
        if (cell.getAttribute("aria-selected") !== said) cell.setAttribute("aria-selected", said);
        if (cell.tabIndex !== (isActive ? 0 : -1)) cell.tabIndex = isActive ? 0 : -1;
      }
    }
    this.#keepFocus(this.cell(a), a);
  }

  /** The focus stays with the active cell; while that is out of sight, the grid itself has it. */
  #keepFocus(here: HTMLElement | null, active: Place): void {
    const { pane, rows } = this.parts;
    const focused = (pane.getRootNode() as ShadowRoot).activeElement;
    pane.tabIndex = here || active.row < 0 ? -1 : 0;
    const inRows = focused !== null && rows.contains(focused);
    if (here && (focused === pane || (inRows && focused !== here))) here.focus({ preventScroll: true });
    else if (!here && inRows && active.row >= 0) pane.focus({ preventScroll: true });
  }

  #addRow(): void {
    const row: RowElement = {
      element: make("row", "row"),
      number: make("number", "rowheader"),
      pins: make("pins"),
      cells: make("cells"),
      at: new Map(),
      row: -1,
      lacking: false,
      unmarked: true,
      shift: "",
    };
    row.number.setAttribute("aria-colindex", "1");
    row.element.append(row.number, row.pins, row.cells);
    this.#pool.push(row);
    this.#columnsOf(row);
    this.parts.rows.append(row.element);
    for (const one of this.#pool) one.row = -1; // which row is whose depends on how many there are
  }

  /** Cells for the columns in sight; those that are there stay, and with them the focus. */
  #columnsOf(row: RowElement): void {
    const { pinned } = this.store.view.peek();
    const wanted = new Set<number>();
    for (let index = 0; index < pinned; index++) wanted.add(index);
    for (let index = this.span.from; index < this.span.to; index++) wanted.add(index);
    for (const [index, cell] of row.at) {
      if (wanted.has(index) && (cell.parentElement === row.pins) === index < pinned) continue;
      cell.remove();
      row.at.delete(index);
    }
    for (const index of wanted) {
      let cell = row.at.get(index);
      if (cell === undefined) {
        cell = make("cell", "gridcell");
        cell.tabIndex = -1;
        cell.setAttribute("aria-colindex", String(index + 2));
        row.at.set(index, cell);
        (index < pinned ? row.pins : row.cells).append(cell);
        if (row.row >= 0) this.#fillCell(row, index, cell);
      }
      cell.style.left = `${this.edges[index]! - (index < pinned ? 0 : this.edges[pinned]!)}px`;
      cell.style.width = `${this.edges[index + 1]! - this.edges[index]!}px`;
    }
  }

  #fill(slot: RowElement, row: number): void {
    if (slot.row !== row) {
      slot.element.setAttribute("aria-rowindex", String(row + 2));
      slot.element.classList.toggle("odd", row % 2 === 1);
      slot.number.textContent = grouped(row);
    }
    slot.row = row;
    slot.lacking = false;
    for (const [index, cell] of slot.at) this.#fillCell(slot, index, cell);
  }

  #fillCell(slot: RowElement, index: number, cell: HTMLElement): void {
    const id = this.#columns[index]!;
    const kind = this.store.table.peek()?.columns[id]?.kind;
    const part = this.store.pages.part(slot.row, id);
    slot.unmarked = true;
    if (part !== null && kind !== undefined) this.#show(cell, lookOf(kind, part, slot.row), kind);
    else {
      slot.lacking = true;
      if (!cell.classList.contains("coming")) this.#skeleton(cell, slot.row + id);
    }
  }

  #skeleton(cell: HTMLElement, seed: number): void {
    cell.className = "cell coming";
    cell.title = "";
    const bar = document.createElement("i");
    bar.style.width = `${35 + ((seed * 37) % 45)}%`;
    cell.replaceChildren(bar);
    cell.setAttribute("aria-label", "not here yet");
  }

  #show(cell: HTMLElement, look: Look, kind: Kind): void {
    const { isRight, isCode, opens, draw } = RECORDS[kind];
    const isOpened = (opens || look.cut) && look.mark === "";
    cell.className = `cell${isRight ? " right" : ""}${isCode ? " code" : ""}${isOpened ? " opens" : ""}`;
    cell.title = look.title;
    cell.removeAttribute("aria-label");
    const note = () => {
      const element = document.createElement("small");
      element.textContent = look.note;
      return element;
    };
    if (look.mark) {
      const element = document.createElement("span");
      element.className = `mark ${look.mark}`;
      element.textContent = look.text;
      cell.replaceChildren(element);
    } else if (draw) {
      const { element, label } = draw(look, this.thumbnails);
      cell.replaceChildren(element, note());
      if (label) cell.setAttribute("aria-label", label);
    } else if (look.note) {
      const text = document.createElement("span");
      text.className = "text";
      text.textContent = look.text;
      cell.replaceChildren(text, note());
    } else cell.textContent = look.text;
  }
}
