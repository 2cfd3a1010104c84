// Keys and the focus. The view keeps its keys from the page: a notebook in command mode would take "d d" in a field for
// "delete the cell".
const MOVING = new Set([
  "Enter",
  " ",
  "ArrowUp",
  "ArrowDown",
  "ArrowLeft",
  "ArrowRight",
  "Home",
  "End",
  "PageUp",
  "PageDown",
]);

/** Return whether the page must not hear of a key: what is typed in a field, and elsewhere what moves or presses. */
export function ours(key: string, modified: boolean, field: boolean): boolean {
  return !modified && (field ? key !== "Escape" : MOVING.has(key));
}

type Also = (event: KeyboardEvent, target: Element) => boolean;

/** Keep the keys pressed in `root`, in the shadow of `host`, from the page. `also` names the keys that a view uses
 * beside the usual ones. */
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
  // Notebook 7 hears it before the view, and ignores it where the host element says so.
  const onEarlyKey = (event: KeyboardEvent) => {
    const [target] = event.composedPath();
    const inside = target instanceof Element && root.contains(target);
    host.toggleAttribute("data-lm-suppress-shortcuts", inside && isOurs(event, target));
  };
  window.addEventListener("keydown", onEarlyKey, { signal: abort, capture: true });
}

/** Switch JupyterLab's shortcuts (0 0 restarts the kernel) off, or on again, in the shadow root of an element. */
export function suppressShortcuts(element: Element | null, off: boolean): void {
  const host = (element?.getRootNode() as ShadowRoot | undefined)?.host;
  if (off) host?.setAttribute("data-lm-suppress-shortcuts", "true");
  else host?.removeAttribute("data-lm-suppress-shortcuts");
}

/** When a view that has the focus is drawn again, give the focus to the same element of the new view as soon as it is
 * on the page. `kept` holds that element's id. */
export function keepFocus(root: HTMLElement, kept: { focused: string }, abort: AbortSignal): void {
  const arrival = new ResizeObserver(() => {
    if (root.offsetHeight === 0) return;
    arrival.disconnect();
    if (!kept.focused || document.activeElement !== document.body) return;
    root.querySelector<HTMLElement>(`[id="${kept.focused}"]`)?.focus({ preventScroll: true });
  });
  arrival.observe(root);
  root.addEventListener("focusin", (event) => (kept.focused = (event.target as HTMLElement).id), { signal: abort });
  // An element that is removed from the page loses the focus too, but nobody has moved the focus then.
  const onLoss = () =>
    queueMicrotask(() => {
      if (root.isConnected && root.querySelector(":focus") === null) kept.focused = "";
    });
  root.addEventListener("focusout", onLoss, { signal: abort });
  abort.addEventListener("abort", () => arrival.disconnect());
}
