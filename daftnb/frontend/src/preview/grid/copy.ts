// The selected cells, into the clipboard.
import { plural } from "../../format.ts";
import { copied, MOST_COPIED } from "../asks.ts";
import { grouped } from "../cell.ts";
import { copyText } from "../clipboard.ts";
import { rangeOf } from "../moves.ts";
import type { PreviewStore } from "../store.ts";

/** Copy the selection and say so, or why not. `near`: an element of the view. */
export function copySelection(store: PreviewStore, near: HTMLElement): void {
  const { start, count, from, to } = rangeOf(store.active.peek(), store.anchor.peek());
  const columns = store.view.peek().columns.slice(from, to + 1);
  if (count > MOST_COPIED) {
    const most = grouped(MOST_COPIED);
    store.problem.value = `${grouped(count)} rows are too many to copy (at most ${most}). Download the view instead.`;
    return;
  }
  const words =
    count === 1 && columns.length === 1 ? "the value" : `${plural(count, "row")} × ${plural(columns.length, "column")}`;
  copyText(copied(store, start, count, columns), near).then(
    () => (store.said.value = `Copied ${words}.`),
    (error: unknown) => (store.problem.value = error instanceof Error ? `Not copied: ${error.message}` : "Not copied."),
  );
}
