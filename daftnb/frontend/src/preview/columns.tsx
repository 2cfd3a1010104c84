// All columns: find one, go to it, hide, show and pin.
import { useState } from "preact/hooks";
import { grouped, nameWords } from "./cell.ts";
import type { PreviewStore } from "./store.ts";
import { hidden, pinned, shown, whole } from "./view.ts";
import type { Column } from "./wire.ts";

const LISTED = 100;

/** Columns whose name or type has the text: names that begin with it first. */
export function found(columns: readonly Column[], text: string): number[] {
  const wanted = text.trim().toLowerCase();
  const all = columns.map((_, column) => column);
  if (wanted === "") return all;
  const rank = (column: number): number => {
    const { name, type } = columns[column]!;
    const at = name.toLowerCase().indexOf(wanted);
    return at === 0 ? 0 : at > 0 ? 1 : type.toLowerCase().startsWith(wanted) ? 2 : 3;
  };
  return all.filter((column) => rank(column) < 3).sort((a, b) => rank(a) - rank(b) || a - b);
}

interface ColumnsProps {
  store: PreviewStore;
  onGo: (column: number) => void;
  onClose: (back: boolean) => void;
}

export function ColumnsPanel({ store, onGo, onClose }: ColumnsProps) {
  const [text, setText] = useState("");
  const { columns } = store.table.value!;
  const view = store.view.value;
  const list = found(columns, text);
  const visible = new Map(view.columns.map((column, index) => [column, index]));
  const go = (column: number) => {
    store.change(shown(store.view.peek(), column));
    onGo(column);
  };
  return (
    <>
      <header>
        <input
          type="search"
          aria-label="Find a column"
          placeholder="Find a column"
          value={text}
          data-first
          spellcheck={false}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Enter" && list.length > 0 && go(list[0]!)}
        />
        <button type="button" class="close" aria-label="Close" onClick={() => onClose(true)}>
          ×
        </button>
      </header>
      <p class="muted" role="status">
        {text.trim() === ""
          ? `${grouped(view.columns.length)} of ${grouped(columns.length)} columns shown`
          : `${grouped(list.length)} of ${grouped(columns.length)} columns found`}
        {view.columns.length < columns.length && (
          <button
            type="button"
            class="plain link"
            onClick={() => {
              const { columns: all } = whole(columns.length);
              const now = store.view.peek();
              const pins = now.columns.slice(0, now.pinned);
              store.change({ ...now, columns: [...pins, ...all.filter((column) => !pins.includes(column))] });
            }}
          >
            Show all
          </button>
        )}
      </p>
      <ul class="columns">
        {list.slice(0, LISTED).map((column) => {
          const { name, type } = columns[column]!;
          const at = visible.get(column);
          const isPinned = at !== undefined && at < view.pinned;
          return (
            <li key={column}>
              <input
                type="checkbox"
                checked={at !== undefined}
                aria-label={`Show ${name}`}
                disabled={at !== undefined && view.columns.length === 1}
                onChange={(event) =>
                  store.change(
                    event.currentTarget.checked ? shown(store.view.peek(), column) : hidden(store.view.peek(), column),
                  )
                }
              />
              <button type="button" class="plain" onClick={() => go(column)}>
                <bdi>{nameWords(name)}</bdi> <small>{type}</small>
              </button>
              <button
                type="button"
                class="pin"
                aria-pressed={isPinned}
                aria-label={`Pin ${name}`}
                title="Pin left"
                onClick={() => store.change(pinned(shown(store.view.peek(), column), column, !isPinned))}
              >
                Pin
              </button>
            </li>
          );
        })}
      </ul>
      {list.length > LISTED && <p class="muted">… and {grouped(list.length - LISTED)} more: type to find them.</p>}
    </>
  );
}
