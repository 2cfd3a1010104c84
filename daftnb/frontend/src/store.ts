// The page's copy of the snapshot: keyframes replace it, patches change it, a gap asks for a keyframe. While nobody
// sees the view, it is kept up to date and not shown.
import { computed, type Signal, signal } from "@preact/signals";
import { mergePatch } from "./merge.ts";
import { asMessage, asSnapshot, isActive, type Keyframe, type Request, type Snapshot } from "./snapshot.ts";
import { Turns } from "./turns.ts";

/** What a view needs of the widget's model. */
export interface Model {
  get(name: string): unknown;
  on(event: string, callback: (...values: never[]) => void): void;
  off(event: string, callback: (...values: never[]) => void): void;
  send(content: unknown): void;
  widget_manager?: { kernel?: { interrupt?: () => unknown } };
}

export const STOP_PATIENCE_MS = 500;
/** A request or its answer may be lost too: then the next patch that does not fit asks again. */
export const RESYNC_PATIENCE_MS = 2_000;
const TICK_MS = 250; // whole seconds are shown, half of one off by rounding: as late again, they would be a second off
const pageSeconds = (): number => performance.now() / 1000;

/** What the person has chosen in a widget: kept for its model, as the page draws its views anew. */
export interface Chosen {
  tab: Signal<string>;
  open: Signal<boolean>;
  /** Queries that are marked in the history: two at most. */
  marked: Signal<number[]>;
  /** By setting: what is typed, and what was set then. */
  drafts: Signal<Record<string, { text: string; set: string }>>;
  /** The id of what has the focus, or had it when the page took the view away. */
  focused: string;
}
const choices = new WeakMap<object, Chosen>();

/** Per model, the latest snapshot that a view of it has shown, and the kernel's clock minus the page's. The model
 * itself may hold an older one for a view that opens later. */
interface Known {
  snapshot: Keyframe;
  clock: number;
}
const knowledge = new WeakMap<object, Known>();

/** What stands for a model in all its views: each of them is given a model object of its own (anywidget's proxy), but
 * the widget's layout, which no other widget has, is the page's one object. (In marimo it is a name only.) */
function identity(model: Model): object {
  const layout = model.get("layout");
  return typeof layout === "object" && layout !== null ? layout : model;
}

/** Whether its time stands still: that of a recording, and that of a cell whose queries are over. */
const isStill = (snapshot: Snapshot): boolean => snapshot.replay != null || snapshot.kept?.still === true;

export class Store {
  readonly snapshot = signal<Keyframe | null>(null);
  /** Seconds on the kernel's clock, running on between snapshots. */
  readonly now = signal(0);
  readonly stopping = signal<string | null>(null);
  /** By setting: why its last value was refused. */
  readonly refused = signal<Record<string, string>>({});
  readonly chosen: Chosen;
  readonly query = computed(() => this.snapshot.value?.query ?? null);
  /** The moment that the charts and lanes show, seconds on the kernel's clock (null: now), and a decision in it. */
  readonly cursor = signal<number | null>(null);
  readonly pointed = signal<string | null>(null);
  readonly turns: Turns;
  #asked = -Infinity;
  #latest: Keyframe | null = null;
  #seen = true;
  readonly #model: Model;
  readonly #identity: object;
  readonly #signal: AbortSignal;

  constructor(model: Model, abort: AbortSignal) {
    this.#model = model;
    this.#identity = identity(model);
    this.#signal = abort;
    this.turns = new Turns(abort);
    this.chosen = choices.get(this.#identity) ?? {
      tab: signal("Overview"),
      open: signal(model.get("opened") === true),
      marked: signal([]),
      drafts: signal({}),
      focused: "",
    };
    choices.set(this.#identity, this.chosen);
    const onSnapshot = () => this.keyframe(model.get("snapshot"));
    const onMessage = (content: unknown) => this.message(content);
    model.on("change:snapshot", onSnapshot);
    model.on("msg:custom", onMessage);
    const timer = setInterval(() => this.#tick(), TICK_MS);
    abort.addEventListener("abort", () => {
      model.off("change:snapshot", onSnapshot);
      model.off("msg:custom", onMessage);
      clearInterval(timer);
    });
    const held = asSnapshot(model.get("snapshot"));
    if (held === null) return;
    const known = knowledge.get(this.#identity);
    // What the model holds may have come long ago (a page that was loaded again): ask for what is so now.
    if (known === undefined) this.#resync();
    const snapshot = known && known.snapshot.seq > held.seq ? known.snapshot : held;
    this.#set(snapshot, Math.max(known?.clock ?? -Infinity, snapshot.now - pageSeconds()));
  }

  keyframe(value: unknown): void {
    const snapshot = asSnapshot(value);
    if (snapshot === null) return;
    this.#asked = -Infinity;
    this.#set(snapshot);
  }

  /** Whether anybody can see the view. */
  set seen(seen: boolean) {
    this.#seen = seen;
    if (seen && this.#latest !== null) this.#set(this.#latest, this.#clock);
  }

  /** Ask for the workers from number `first` on. */
  window(first: number): void {
    this.#ask({ type: "window", first: Math.max(0, first) });
  }

  #ask(request: Request): void {
    this.#model.send(request);
  }

  #resync(): void {
    const now = performance.now();
    if (now - this.#asked < RESYNC_PATIENCE_MS) return;
    this.#asked = now;
    this.#ask({ type: "resync" });
  }

  message(content: unknown): void {
    const message = asMessage(content);
    if (message === null) return;
    if (message.type === "stopping") {
      this.stopping.value = message.query;
      return;
    }
    if (message.type === "setting") {
      const { [message.name]: _, ...others } = this.refused.value;
      this.refused.value = message.error === null ? others : { ...others, [message.name]: message.error };
      return;
    }
    const snapshot = this.#latest;
    if (snapshot === null || snapshot.seq !== message.base) {
      this.#resync();
      return;
    }
    this.#set({ ...(mergePatch(snapshot, message.patch) as Snapshot), seq: message.seq });
  }

  /** Closed, a line is sent little; open, all. */
  open(open: boolean): void {
    this.chosen.open.value = open;
    this.#ask({ type: "open", open });
  }

  /** Look at a query of the history; null: at the current one. A recording goes to its end. */
  look(query: number | null): void {
    const past = query === null ? null : this.snapshot.peek()?.queries?.[query];
    if (past && this.snapshot.peek()?.replay) this.seek(past.started + past.elapsed);
    else this.#ask({ type: "look", query });
  }

  /** Follow the latest query, or go back to those of the view's cell. */
  follow(follow: boolean): void {
    this.#ask({ type: "follow", follow });
  }

  compare(marked: number[]): void {
    this.chosen.marked.value = marked;
    const [a, b] = marked.length === 2 ? [Math.min(...marked), Math.max(...marked)] : [null, null];
    this.#ask({ type: "compare", a, b });
  }

  set(name: string, value: string): void {
    this.#ask({ type: "set", name, value });
  }

  seek(t: number): void {
    this.#ask({ type: "seek", t });
  }

  /** Ask the kernel to stop the query; where it does not answer, interrupt it as the toolbar's button does. */
  stop(query: string): void {
    this.stopping.value = null;
    this.#ask({ type: "stop", query });
    const timer = setTimeout(() => {
      const still = this.query.peek();
      if (this.stopping.peek() === query || still?.id !== query || !isActive(still)) return;
      this.#model.widget_manager?.kernel?.interrupt?.();
      this.stopping.value = query;
    }, STOP_PATIENCE_MS);
    this.#signal.addEventListener("abort", () => clearTimeout(timer));
  }

  get #clock(): number | undefined {
    return knowledge.get(this.#identity)?.clock;
  }

  #set(snapshot: Keyframe, clock = snapshot.now - pageSeconds()): void {
    knowledge.set(this.#identity, { snapshot, clock });
    this.#latest = snapshot;
    if (!this.#seen) return;
    this.snapshot.value = snapshot;
    this.turns.all();
    this.now.value = isStill(snapshot) ? snapshot.now : clock + pageSeconds();
  }

  #tick(): void {
    const snapshot = this.snapshot.peek();
    if (!snapshot || isStill(snapshot) || !this.#seen) return;
    this.now.value = this.#clock! + pageSeconds();
  }
}
