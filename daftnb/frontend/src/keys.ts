// Keys and the focus. Keys that are ours stay ours: a notebook in command mode would take "d d" in a field for "delete the cell".
const MOVING = new Set(["Enter", " ", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown"]);

/** Whether the page must not hear of a key: typing in a field, and what moves or presses elsewhere. */
export function ours(key: string, modified: boolean, field: boolean): boolean {
  return !modified && (field ? key !== "Escape" : MOVING.has(key));
}

type Also = (event: KeyboardEvent, target: Element) => boolean;

/** For the keys pressed in `root`, in the shadow of `host`; `also` names those that a view has beside the usual ones. */
export function keepKeys(root: HTMLElement, host: HTMLElement, abort: AbortSignal, also: Also = () => false): void {
  const isOurs: Also = (event, target) => {
    const modified = event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && event.key === "Enter");
    return ours(event.key, modified, target.closest("input, select") !== null) || also(event, target);
  };
  // JupyterLab hears a key after the view.
  const onKey = (event: KeyboardEvent) => {
    if (isOurs(event, event.target as Element)) event.stopPropagation();
  };
  root.addEventListener("keydown", onKey, { signal: abort });
  // Notebook 7 hears it before, and leaves it alone where the element that it sees says so.
  const onEarlyKey = (event: KeyboardEvent) => {
    const [target] = event.composedPath();
    const inside = target instanceof Element && root.contains(target);
    host.toggleAttribute("data-lm-suppress-shortcuts", inside && isOurs(event, target));
  };
  window.addEventListener("keydown", onEarlyKey, { signal: abort, capture: true });
}

/** Where a view is drawn anew while something in it has the focus, the same thing of the new view gets it, as soon as it
 * is on the page. `kept` holds its id. */
export function keepFocus(root: HTMLElement, kept: { focused: string }, abort: AbortSignal): void {
  const arrival = new ResizeObserver(() => {
    if (root.offsetHeight === 0) return;
    arrival.disconnect();
    if (!kept.focused || document.activeElement !== document.body) return;
    root.querySelector<HTMLElement>(`[id="${kept.focused}"]`)?.focus({ preventScroll: true });
  });
  arrival.observe(root);
  root.addEventListener("focusin", (event) => (kept.focused = (event.target as HTMLElement).id), { signal: abort });
  // What is taken from the page loses the focus too; that is not what a person did.
  const onLoss = () => queueMicrotask(() => root.isConnected && root.querySelector(":focus") === null && (kept.focused = ""));
  root.addEventListener("focusout", onLoss, { signal: abort });
  abort.addEventListener("abort", () => arrival.disconnect());
}
