// Puts live views in the places of their static forms. JupyterLab and Notebook 7 show a widget rather than the HTML
// beside it, also in a notebook whose kernel has ended, where the widget is an error. So our outputs are HTML alone
// there: an element that names the widget's model, with the static form inside. While the model lives, its view takes
// that place.

interface Signal {
  connect(slot: () => void): void;
}
interface Lumino {
  readonly node: HTMLElement;
  readonly disposed: Signal;
  readonly constructor: unknown;
  processMessage(message: unknown): void;
}
/** What Lumino's `Widget` has as a class. */
interface LuminoClass {
  attach(widget: Lumino, host: HTMLElement): void;
  Msg: { BeforeDetach: unknown; AfterDetach: unknown };
}
interface View {
  luminoWidget: Lumino;
  remove(): void;
  /** The view of the widget's layout. */
  readonly layoutPromise?: Promise<{ remove(): void } | null | undefined>;
}
/** A widget's model, or that of its layout. */
interface Model {
  readonly comm_live?: boolean;
  readonly comm?: { on_msg(callback: () => void): void; on_close(callback: () => void): void };
  get?(name: string): unknown;
  once?(event: string, callback: () => void): void;
}
/** The widget manager of JupyterLab. */
export interface Manager {
  readonly kernel?: { readonly isDisposed: boolean } | null;
  readonly context?: { readonly isDisposed: boolean; readonly sessionContext?: { readonly disposed: Signal } } | null;
  readonly isDisposed?: boolean;
  readonly restored?: Signal;
  has_model(id: string): boolean;
  get_model(id: string): Promise<Model>;
  create_view(model: unknown): Promise<View>;
}
/** A view that is in its place. */
interface Mount {
  readonly place: HTMLElement;
  readonly view: View;
  /** Since when its place has not been on the page. */
  away: number | null;
  /** When its place went out of sight, as a number that rises with each that does; null: it is in sight, or may be. */
  unseen: number | null;
  /** Pixels, when it was last in sight. */
  high: number;
}
interface Following {
  readonly mounts: Set<Mount>;
  stop(): void;
}
/** What all on a page share, of whatever release each is: the places that are taken, and who follows for whom. */
interface Shared {
  readonly taken: WeakSet<HTMLElement>;
  readonly following: WeakMap<object, Following>;
}

const PLACE = "[data-daftnb-model]";
const OUTPUT = ".jp-OutputArea";
const FAILED = ".jupyter-widgets-error-widget, [data-daftnb-failed]";
const LOOK_MS = 2_000; // for models that come after their place, and for places that have gone
/** A cell that is scrolled out of sight may not be on the page; nor is one that was deleted, which nothing tells. */
const AWAY_MS = 20_000;
/** Views out of sight that stay drawn: a page must not grow with the cells that it has. The others are drawn again when
 * they come back into sight. */
const KEPT_UNSEEN = 20;
const NEAR = "50%"; // of the page's height: as far out of sight, a view counts as seen
const LEFT = "Only the latest views stay live. Run the cell again to bring this one back.";

function shared(): Shared {
  const page = globalThis as unknown as Record<symbol, Shared | undefined>;
  const key = Symbol.for("daftnb.mounts");
  page[key] ??= { taken: new WeakSet(), following: new WeakMap() };
  return page[key];
}

/** Mount the views of a manager's models, now and as their places come. What it returns ends that. */
export function follow(manager: Manager): () => void {
  const { taken, following } = shared();
  const before = following.get(manager);
  before?.stop(); // the kernel was started again
  const mounts = before?.mounts ?? new Set<Mount>();

  const isGone = () => manager.isDisposed === true || manager.context?.isDisposed === true;
  const isAlive = () => !isGone() && manager.kernel != null && !manager.kernel.isDisposed;

  const known = new WeakSet<Model>();
  const resting = new WeakSet<HTMLElement>(); // places whose view is drawn again when they are in sight
  let went = 0;
  const find = (place: Element) => [...mounts].find((made) => made.place === place);
  const rest = (made: Mount) => {
    resting.add(made.place);
    made.view.remove();
    if (made.high > 0) hold(made.place, made.high);
  };
  const sight = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting, boundingClientRect } of entries) {
        const place = target as HTMLElement;
        const made = find(place);
        if (made !== undefined) {
          made.unseen = isIntersecting ? null : ++went;
          made.high = boundingClientRect.height || made.high;
        } else if (isIntersecting && resting.delete(place)) void wake(place);
      }
      const unseen = [...mounts].filter((made) => made.unseen !== null).sort((a, b) => a.unseen! - b.unseen!);
      for (const made of unseen.slice(0, Math.max(0, unseen.length - KEPT_UNSEEN))) rest(made);
    },
    { scrollMargin: NEAR } as IntersectionObserverInit,
  );

  /** Draw the view of a place that comes into sight again, or show all of its static form. */
  const wake = async (place: HTMLElement) => {
    await mount(place);
    if (taken.has(place)) return;
    release(place);
    if (isAlive()) leave(place);
  };

  const mount = async (place: HTMLElement) => {
    const id = place.dataset.daftnbModel ?? "";
    if (taken.has(place) || resting.has(place) || !isAlive() || !manager.has_model(id)) return;
    taken.add(place);
    try {
      const model = await manager.get_model(id);
      if (!known.has(model)) {
        known.add(model);
        const layout = model.get?.("layout") as Model | undefined;
        for (const each of [model, layout]) each?.once?.("comm:close", () => cut(each));
      }
      // A model of a kernel that was started again stays with the page, but nobody answers it.
      const view = model.comm_live === false ? null : await manager.create_view(model);
      if (view === null || !place.isConnected) {
        view?.remove();
        taken.delete(place);
        return;
      }
      const made: Mount = { place, view, away: null, unseen: null, high: 0 };
      mounts.add(made);
      replace(place, view, () => {
        mounts.delete(made);
        taken.delete(place);
        if (made.unseen !== null) forget(place);
        if (isAlive() && !manager.has_model(id)) leave(place); // the kernel has closed it
      });
      sight.unobserve(place); // so that it is told at once where it is
      sight.observe(place);
    } catch (error) {
      console.error("daftnb:", error); // the static form stays
    }
  };

  const look = (root: ParentNode = document) => {
    for (const place of root.querySelectorAll<HTMLElement>(PLACE)) void mount(place);
  };
  const sweep = () => {
    for (const made of [...mounts]) {
      const { place, view } = made;
      made.away = place.isConnected ? null : (made.away ?? performance.now());
      if (made.away === null) continue;
      if (place.closest(OUTPUT) === null || isGone() || performance.now() - made.away >= AWAY_MS) view.remove();
    }
  };
  const observer = new MutationObserver((changes) => {
    let left = false;
    for (const { addedNodes, removedNodes } of changes) {
      left ||= removedNodes.length > 0;
      for (const node of addedNodes) {
        if (!(node instanceof HTMLElement)) continue;
        if (node.matches(PLACE)) void mount(node);
        look(node);
      }
    }
    if (left && mounts.size > 0) sweep();
  });
  observer.observe(document, { childList: true, subtree: true });
  const timer = setInterval(() => {
    sweep();
    if (isGone()) stop();
    else look();
  }, LOOK_MS);
  let stopped = false;
  const stop = () => {
    stopped = true;
    observer.disconnect();
    sight.disconnect();
    clearInterval(timer);
  };
  following.set(manager, { mounts, stop });
  manager.restored?.connect(() => {
    if (!stopped) look();
  });
  // The notebook is closed, and the kernel can still be told that nobody looks.
  manager.context?.sessionContext?.disposed.connect(() => {
    for (const { view } of [...mounts]) view.remove();
    stop();
  });
  look();
  return stop;
}

/** Take a model that closes from its comm: JupyterLab keeps every comm that was closed for as long as the kernel lives
 * (it listens to a signal of the kernel's connection), and with it, by these callbacks, the model and its state. */
function cut(model: Model): void {
  const nothing = () => undefined;
  model.comm?.on_msg(nothing);
  model.comm?.on_close(nothing);
}

/** Keep a place as high as its view was: what is below it, and in sight, must not move. */
function hold(place: HTMLElement, high: number): void {
  place.style.height = `${high}px`;
  place.style.overflow = "hidden";
}

/** Let a place be as high as what is in it. */
function release(place: HTMLElement): void {
  place.style.height = place.style.overflow = "";
}

/** Have Chromium let go of what was drawn in a place out of sight. JupyterLab has such cells not laid out
 * (`content-visibility`), and until they are, the last layout holds every element that was in it. What has no box has
 * no layout: so the part of the cell with the place has none for the time of one look at the styles. Nothing is painted
 * meanwhile, and nothing laid out, so that nothing moves. */
function forget(place: HTMLElement): void {
  let part: HTMLElement = place;
  for (let outer = place.parentElement; outer !== null; outer = outer.parentElement) {
    if (getComputedStyle(outer).contentVisibility === "auto") {
      const { display } = part.style;
      part.style.display = "none";
      void getComputedStyle(part).color;
      part.style.display = display;
      return;
    }
    part = outer;
  }
}

/** Say of a place that its view will not come back. Not by an element: there may be one for each cell of a notebook. */
function leave(place: HTMLElement): void {
  place.dataset.daftnbLeft = LEFT;
  if (document.adoptedStyleSheets.includes(leftStyle())) return;
  document.adoptedStyleSheets.push(leftStyle());
}

let sheet: CSSStyleSheet | null = null;
function leftStyle(): CSSStyleSheet {
  if (sheet === null) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync("[data-daftnb-left]::after{content:attr(data-daftnb-left);font-size:0.9em;opacity:0.75}");
  }
  return sheet;
}

/** Attach a view to its place, and take the static form away once there is something to see of it; `leave` is called
 * when the view has gone, and the static form is back. */
function replace(place: HTMLElement, view: View, leave: () => void): void {
  const widget = view.luminoWidget;
  const lumino = widget.constructor as LuminoClass;
  const { taken } = shared();
  const fixed = [...place.childNodes];
  const show = () => {
    if (!widget.node.hasChildNodes()) return;
    drawn.disconnect();
    if (widget.node.matches(FAILED)) {
      view.remove();
      taken.add(place); // once is enough
      return;
    }
    for (const node of fixed) node.remove();
    release(place);
    // As wide as a widget is: text has a space beside and below it.
    place.style.margin = `0 -${getComputedStyle(place.parentElement!).paddingRight} 0 0`;
  };
  const drawn = new MutationObserver(show);
  widget.disposed.connect(() => {
    drawn.disconnect();
    // Lumino takes from a page only what is on it, and an output that was cleared is not any more.
    widget.processMessage(lumino.Msg.BeforeDetach);
    widget.node.remove();
    widget.processMessage(lumino.Msg.AfterDetach);
    place.style.margin = "";
    place.replaceChildren(...fixed);
    void view.layoutPromise?.then((layout) => layout?.remove()); // the layout's model would keep it, and it this view
    leave();
  });
  place.classList.add("mathjax_ignore", "tex2jax_ignore"); // JupyterLab sets formulas in what is in HTML
  lumino.attach(widget, place);
  drawn.observe(widget.node, { childList: true });
  show();
}

/** anywidget calls this as soon as the page has the model, which has no view. */
function initialize({ model }: { model: { widget_manager: Manager } }): () => void {
  return follow(model.widget_manager);
}

export default { initialize };
