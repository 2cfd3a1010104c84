// What a page knows of a preview: the table, the view that is shown and the one that is being made, rows and summaries.
// One for all views of a widget's model, and kept while the page takes views away and draws them anew.
import { batch, signal } from "@preact/signals";
import { FIRST_COLUMNS } from "../limits.ts";
import type { Model } from "../store.ts";
import { partsOf } from "./arrow.ts";
import { Line } from "./line.ts";
import { Pages, type Sight, type Wanted } from "./pages.ts";
import { asRequest, sameColumns, sameKept, sameRows, type View, whole } from "./view.ts";
import { Widths } from "./widths.ts";
import { type Answer, asTable, bytesOf, type Summary, type Table } from "./wire.ts";

const IN_FLIGHT = 2; // requests for pages at a time: one is made ready while the other travels
const ASK_AGAIN_MS = 10_000;
const COLUMNS_SETTLED_MS = 400;
const STOP_PATIENCE_MS = 2_000; // for the kernel to say that it has stopped
const SUMMED_AT_ONCE = 32;

/** Work that a person waits for, and may stop. */
export interface Busy {
  words: string;
  since: number;
  stop: () => void;
}

export interface Place {
  /** Index among the rows; −1: the header. */
  row: number;
  /** Index among the shown columns. */
  column: number;
}

interface Flight extends Wanted {
  id: number;
  since: number;
}

export class PreviewStore {
  readonly line: Line;
  readonly table = signal<Table | null>(null);
  /** As the person wants it; the rows may still be those of the one before. */
  readonly view = signal<View>(whole(0));
  /** Rows of the view that is shown. */
  readonly rows = signal(0);
  readonly busy = signal<Busy | null>(null);
  readonly download = signal<Busy | null>(null);
  readonly problem = signal<string | null>(null);
  /** Whether to try again can help with it. */
  get retries(): boolean {
    return this.#refused || this.table.peek()?.state !== "ready";
  }
  readonly summaries = signal<ReadonlyMap<number, Summary>>(new Map());
  /** Changes when the rows are others: nothing that was drawn holds. */
  generation = 0;
  /** Changes whenever rows have come, or gone. */
  readonly stamp = signal(0);
  /** When a run began, on the page's clock; null: none is known of. */
  runSince: number | null = null;
  readonly running = signal<{ elapsed: number; text: string } | null>(null);
  /** A sentence for screen readers. */
  readonly said = signal("");
  readonly active = signal<Place>({ row: 0, column: 0 });
  readonly anchor = signal<Place>({ row: 0, column: 0 });
  /** Where the view begins, in rows, and px from the left: to be found again when it is drawn anew. */
  readonly scroll = { top: 0, left: 0 };
  readonly kept = { focused: "" };
  readonly pages = new Pages();
  readonly widths = new Widths((column) => this.table.peek()?.columns[column], this.pages);
  #applied: View = whole(0);
  #number = 0;
  #flights: Flight[] = [];
  #want: Sight | null = null;
  #healed = false; // it has asked for its view anew since a person last did something
  #refused = false; // pages are not asked for again by themselves after an error
  #asking = new Set<number>(); // columns whose summaries are on their way or here
  #summing = false;
  #making = 0;
  #columnsTimer: ReturnType<typeof setTimeout> | undefined;
  #run = 0;
  #model: Model;
  /** The views on the page; the first of them hears the kernel for all. */
  #views: Model[] = [];
  #ear: AbortController | null = null;

  constructor(model: Model) {
    this.#model = model;
    this.line = new Line(model);
    this.reset();
  }

  /** The number of the view that is shown, as the kernel counts them. */
  get number(): number {
    return this.#number;
  }

  /** While a view is on the page. */
  connect(model: Model, abort: AbortSignal): void {
    this.#views.push(model);
    this.#listen();
    abort.addEventListener("abort", () => {
      this.#views = this.#views.filter((other) => other !== model);
      if (this.#model === model) this.#listen();
    });
  }

  #listen(): void {
    const [first] = this.#views;
    if (this.#ear && first === this.#model) return;
    this.#ear?.abort();
    this.#ear = null;
    if (first === undefined) {
      this.#forget();
      return;
    }
    const model = first;
    const ear = new AbortController();
    this.#model = model;
    this.#ear = ear;
    this.line.connect(model, ear.signal, () => this.#pump());
    const onTable = () => this.reset();
    const onPage = () => this.#seed();
    model.on("change:table", onTable);
    model.on("change:page", onPage);
    ear.signal.addEventListener("abort", () => {
      model.off("change:table", onTable);
      model.off("change:page", onPage);
    });
    if (this.#stale()) this.reset();
  }

  /** Whether the table changed while no view was on the page to hear of it. */
  #stale(): boolean {
    return JSON.stringify(asTable(this.#model.get("table"))) !== JSON.stringify(this.table.peek());
  }

  /** Answers to what was asked are not heard any more. */
  #forget(): void {
    for (const { id } of this.#flights) this.line.drop(id);
    this.#flights = [];
    this.#summing = false;
    for (const column of this.#asking) if (!this.summaries.peek().has(column)) this.#asking.delete(column);
    if (this.#making) {
      this.line.drop(this.#making);
      this.#making = 0;
      this.view.value = this.#applied;
      this.busy.value = null;
    }
  }

  /** Begin with what the model says. */
  reset(): void {
    const table = asTable(this.#model.get("table"));
    this.#forget();
    batch(() => {
      const before = this.table.peek();
      const same =
        before !== null && table !== null && JSON.stringify(before.columns) === JSON.stringify(table.columns);
      if (!same) this.widths.clear();
      this.table.value = table;
      if (!same) this.view.value = whole(table?.columns.length ?? 0);
      else
        this.view.value = {
          ...whole(table.columns.length),
          columns: this.view.peek().columns,
          pinned: this.view.peek().pinned,
        };
      this.#applied = this.view.peek();
      this.#number = 0;
      this.rows.value = table?.rows ?? 0;
      this.problem.value = null;
      this.busy.value = null;
      if (table?.state === "running") this.runSince ??= performance.now();
      else {
        this.running.value = null;
        this.runSince = null;
      }
      if (table?.state !== "running" && this.#run) {
        this.line.drop(this.#run);
        this.#run = 0;
      }
      this.#fresh(true);
      this.#seed();
    });
  }

  #fresh(summaries: boolean): void {
    this.pages.clear();
    this.generation += 1;
    this.#refused = false;
    if (summaries) {
      this.#asking.clear();
      this.summaries.value = new Map();
    }
    this.stamp.value += 1;
  }

  #seed(): void {
    const table = this.table.peek();
    const data = bytesOf(this.#model.get("page"));
    if (this.#number !== 0 || table?.state !== "ready" || data === null || data.length === 0) return;
    const columns = table.columns.slice(0, FIRST_COLUMNS).map((_, column) => column);
    if (!this.#take(data, 0, columns)) return; // it is asked for again as any other page
    this.widths.begin(columns);
  }

  // -- rows -----------------------------------------------------------------------------------------------------------

  /** These rows (inclusive) of these columns are in sight: what of them has not come is asked for. */
  want(first: number, last: number, columns: readonly number[], forward: boolean): void {
    this.#want = { first, last, columns, forward };
    this.pages.use(first, last);
    this.#pump();
  }

  #pump(): void {
    const want = this.#want;
    if (!want || this.#refused || this.#ear === null || this.table.peek()?.state !== "ready") return;
    const now = performance.now();
    for (const flight of this.#flights) if (now - flight.since > ASK_AGAIN_MS) this.line.drop(flight.id);
    this.#flights = this.#flights.filter(({ id }) => this.line.isOpen(id));
    const asked = (row: number, column: number) =>
      this.#flights.some(
        ({ start, count, columns }) => row >= start && row < start + count && columns.includes(column),
      );
    while (this.#flights.length < IN_FLIGHT) {
      // What is not in sight is asked for one at a time, when there is nothing else: it must not be waited for.
      const next =
        this.pages.next(want, this.rows.peek(), asked) ??
        (this.#flights.length === 0 ? this.pages.ahead(want, this.rows.peek()) : null);
      if (next === null) return;
      const id = this.line.ask({ type: "page", view: this.#number, ...next }, (answer) => this.#onPage(answer));
      this.#flights.push({ ...next, id, since: now });
    }
  }

  #onPage(answer: Answer): void {
    const flight = this.#flights.find(({ id }) => id === answer.id);
    this.#flights = this.#flights.filter(({ id }) => id !== answer.id);
    if (!flight) return;
    if (answer.type === "page" && answer.view === this.#number && answer.start === flight.start && answer.count > 0) {
      if (answer.rows !== this.rows.peek()) this.rows.value = answer.rows;
      if (!this.#take(answer.data, answer.start, flight.columns))
        this.#refuse("The kernel sent rows that this page cannot read. Run the cell again.");
    } else if (this.#making) {
      this.#refused = true; // it was replaced already; the answer to the view is on its way
    } else if (answer.type === "error" && !this.#healed) {
      // Another page of the same kernel made another view, or this page was loaded again: ask for the view again.
      this.#healed = this.#refused = true;
      this.#make(this.view.peek());
    } else if (answer.type === "error") {
      this.#refuse(answer.message);
    } else {
      this.#refuse("The kernel sent rows that this page did not ask for. Run the cell again.");
    }
    this.#pump();
  }

  #refuse(message: string): void {
    this.#refused = true;
    this.problem.value = message;
  }

  #take(data: Uint8Array, start: number, columns: readonly number[]): boolean {
    try {
      const parts = partsOf(data, start, columns);
      if (parts.size === 0 || columns.some((column) => !((parts.get(column)?.count ?? 0) > 0))) return false;
      this.pages.add(parts, data.byteLength);
      this.widths.grow(parts);
    } catch (error) {
      console.error("daftnb:", error);
      return false;
    }
    this.stamp.value += 1;
    return true;
  }

  /** Try once more, after an error. */
  again(): void {
    const table = this.table.peek();
    this.problem.value = null;
    this.#refused = false;
    if (table?.state !== "ready") this.run();
    else this.#make(this.view.peek());
  }

  // -- views ----------------------------------------------------------------------------------------------------------

  change(view: View): void {
    const before = this.view.peek();
    if (view === before) return;
    this.#healed = false;
    this.view.value = view;
    if (!sameRows(view, before)) this.#make(view);
    else if (!sameColumns(view, before)) {
      clearTimeout(this.#columnsTimer);
      this.#columnsTimer = setTimeout(() => {
        if (!this.#making) this.line.ask(asRequest(this.view.peek()), () => undefined);
      }, COLUMNS_SETTLED_MS);
      this.#applied = { ...this.#applied, columns: view.columns, pinned: view.pinned };
    }
  }

  #make(view: View): void {
    clearTimeout(this.#columnsTimer);
    this.problem.value = null;
    if (this.#making) {
      this.line.cancel(this.#making);
      this.line.drop(this.#making);
    }
    const id = this.line.ask(asRequest(view), (answer) => this.#onView(answer));
    this.#making = id;
    this.busy.value = { words: "Making the view", since: performance.now(), stop: () => this.#stop(id) };
  }

  #stop(id: number): void {
    this.line.cancel(id);
    setTimeout(() => {
      if (this.#making !== id) return;
      this.line.drop(id);
      this.#onView({ type: "view", id, view: this.#number, state: "cancelled", rows: 0 });
    }, STOP_PATIENCE_MS);
  }

  #onView(answer: Answer): void {
    if (answer.id !== this.#making || (answer.type === "view" && answer.state === "running")) return;
    const wanted = this.view.peek();
    const back = { ...this.#applied, columns: wanted.columns, pinned: wanted.pinned };
    this.#making = 0;
    batch(() => {
      this.busy.value = null;
      if (answer.type === "view" && answer.state === "ready") {
        const keeps = sameKept(this.#applied, wanted);
        const others = !sameRows(this.#applied, wanted);
        this.#applied = wanted;
        this.#number = answer.view;
        for (const { id } of this.#flights) this.line.drop(id);
        this.#flights = [];
        this.rows.value = answer.rows;
        this.#fresh(!keeps);
        if (others) {
          this.scroll.top = 0;
          const { row, column } = this.active.peek();
          this.active.value = this.anchor.value = { row: Math.min(row, answer.rows - 1, 0), column };
        }
        this.said.value = `${answer.rows.toLocaleString("en")} rows`;
      } else {
        this.#refused = false;
        this.view.value = back;
        this.problem.value = answer.type === "error" ? answer.message : null;
        this.said.value = answer.type === "error" ? answer.message : "Stopped: the view is as it was before.";
      }
    });
  }

  // -- summaries ------------------------------------------------------------------------------------------------------

  /** Ask for the missing summaries of these columns, which are in sight: some at a time, after the first rows. */
  sum(columns: readonly number[]): void {
    if (this.#summing || this.#ear === null || this.pages.size === 0 || this.table.peek()?.state !== "ready") return;
    const lacking = columns.filter((column) => !this.#asking.has(column)).slice(0, SUMMED_AT_ONCE);
    if (lacking.length === 0) return;
    const number = this.#number;
    for (const column of lacking) this.#asking.add(column);
    this.#summing = true;
    this.line.ask({ type: "summary", view: number, columns: lacking }, (answer) => {
      if (answer.type !== "summary" || answer.done) this.#summing = false;
      const same = number === this.#number || sameKept(this.#applied, this.view.peek());
      if (answer.type === "summary" && same) {
        const known = new Map(this.summaries.peek());
        for (const [column, summary] of answer.columns) known.set(column, { ...known.get(column), ...summary });
        this.summaries.value = known;
      }
      if (!this.#summing) this.stamp.value += 1; // whoever draws asks for the rest
    });
  }

  // -- runs -----------------------------------------------------------------------------------------------------------

  /** Run what has not run: a preview of a lazy dataframe, or again what failed or was lost. */
  run(): void {
    if (this.#run) return;
    this.problem.value = null;
    this.runSince = performance.now();
    this.running.value = { elapsed: 0, text: "" };
    const id = this.line.ask({ type: "run" }, (answer) => {
      if (answer.type === "run" && answer.state === "running") {
        this.running.value = { elapsed: answer.elapsed, text: answer.text };
        return;
      }
      this.#run = 0;
      this.running.value = null;
      this.runSince = null;
      if (answer.type === "error") this.problem.value = answer.message;
      else if (answer.type === "run" && answer.state === "cancelled") this.said.value = "The run is stopped.";
    });
    this.#run = id;
  }

  stopRun(): void {
    if (this.#run) this.line.cancel(this.#run);
  }
}

const stores = new WeakMap<object, PreviewStore>();

/** Return the one store of a widget's model. Each view is given a model object of its own (anywidget's proxy), but the
 * widget's layout, which no other widget has, is one object on the page. */
export function storeOf(model: Model): PreviewStore {
  const identity = (model.get("layout") as object | null | undefined) ?? model;
  let store = stores.get(identity);
  if (store === undefined) {
    store = new PreviewStore(model);
    stores.set(identity, store);
  }
  return store;
}
