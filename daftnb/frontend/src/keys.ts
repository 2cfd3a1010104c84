// Keys that are ours stay ours: a notebook in command mode would take "d d" in a field for "delete the cell".
const MOVING = new Set(["Enter", " ", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown"]);

/** Whether the page must not hear of a key: typing in a field, and what moves or presses elsewhere. */
export function ours(key: string, modified: boolean, field: boolean): boolean {
  return !modified && (field ? key !== "Escape" : MOVING.has(key));
}

function isOurs(event: KeyboardEvent, target: Element): boolean {
  const modified = event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && event.key === "Enter");
  return ours(event.key, modified, target.closest("input, select") !== null);
}

/** For the keys pressed in `root`, in the shadow of `host`. */
export function keepKeys(root: HTMLElement, host: HTMLElement, abort: AbortSignal): void {
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
