// Keys that are ours stay ours: a notebook in command mode would take "d d" in a field for "delete the cell".
const MOVING = new Set(["Enter", " ", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown"]);

/** Whether the page must not hear of a key: typing in a field, and what moves or presses elsewhere. */
export function ours(key: string, modified: boolean, field: boolean): boolean {
  return !modified && (field ? key !== "Escape" : MOVING.has(key));
}

export function keepKeys(root: HTMLElement, abort: AbortSignal): void {
  const onKey = (event: KeyboardEvent) => {
    const field = (event.target as HTMLElement).closest("input, select") !== null;
    const modified = event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && event.key === "Enter");
    if (ours(event.key, modified, field)) event.stopPropagation();
  };
  root.addEventListener("keydown", onKey, { signal: abort });
}
