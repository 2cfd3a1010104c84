// One value in full, beside the grid.
import { useEffect, useState } from "preact/hooks";
import { cellOf, copied } from "./asks.ts";
import { grouped, nameWords } from "./cell.ts";
import { copyText } from "./clipboard.ts";
import { Content } from "./forms.tsx";
import type { Place, PreviewStore } from "./store.ts";
import type { Cell } from "./wire.ts";

const FOLLOW_MS = 120; // the active cell may move on

interface DetailProps {
  store: PreviewStore;
  place: Place;
  onClose: () => void;
}

export function Detail({ store, place, onClose }: DetailProps) {
  const column = store.view.value.columns[place.column];
  const [found, setFound] = useState<{ key: string; cell: Cell | string } | null>(null);
  const key = `${place.row} ${column} ${store.stamp.value === -1}`;
  useEffect(() => {
    if (column === undefined) return;
    let drop: (() => void) | undefined;
    const timer = setTimeout(
      () => (drop = cellOf(store, place.row, column, (cell) => setFound({ key, cell }))),
      found === null ? 0 : FOLLOW_MS,
    );
    return () => {
      clearTimeout(timer);
      drop?.();
    };
  }, [key]);
  const about = column === undefined ? undefined : store.table.value?.columns[column];
  if (about === undefined) return null;
  const cell = found?.key === key ? found.cell : null;
  const copy = (event: MouseEvent) => {
    const near = event.currentTarget as HTMLElement;
    copyText(copied(store, place.row, 1, [column!]), near).then(
      () => (store.said.value = "Copied the value."),
      () => (store.problem.value = "Not copied."),
    );
  };
  return (
    <section
      class="detail-pane"
      aria-label={`Value of ${about.name}, row ${grouped(place.row)}`}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        onClose();
      }}
    >
      <header>
        <h3>
          <bdi>{nameWords(about.name)}</bdi>
        </h3>
        <button type="button" onClick={copy}>
          Copy
        </button>
        <button type="button" class="close" aria-label="Close the value" onClick={onClose}>
          ×
        </button>
      </header>
      <p class="muted">
        row {grouped(place.row)} · {about.type}
      </p>
      <div class="value">
        {cell === null ? (
          <p class="muted">…</p>
        ) : typeof cell === "string" ? (
          <p class="problem">{cell}</p>
        ) : (
          <Content cell={cell} />
        )}
      </div>
    </section>
  );
}
