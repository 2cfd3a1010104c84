// The bar over the grid: what is shown of how much, the search, what can be done; filters and sorts as chips below.
import { useEffect, useRef, useState } from "preact/hooks";
import { duration, plural } from "../format.ts";
import { LONGEST_SEARCH } from "../limits.ts";
import { grouped, nameWords } from "./cell.ts";
import type { Busy, PreviewStore } from "./store.ts";
import { filterWords, unfiltered, whole } from "./view.ts";

const SEARCH_MS = 350;
const AT_ONCE_MS = 250; // what is over by then is not told of

/** Seconds since then, running. */
export function useElapsed(since: number | null): number {
  const [, tick] = useState(0);
  useEffect(() => {
    if (since === null) return;
    const timer = setInterval(() => tick((times) => times + 1), 100);
    return () => clearInterval(timer);
  }, [since]);
  return since === null ? 0 : (performance.now() - since) / 1000;
}

export function Working({ busy }: { busy: Busy | null }) {
  const elapsed = useElapsed(busy?.since ?? null);
  if (busy === null || elapsed * 1000 < AT_ONCE_MS) return null;
  return (
    <span class="working">
      <span class="dot" aria-hidden="true">
        ●
      </span>{" "}
      {busy.words} <span class="muted">{duration(Math.max(0.1, Math.round(elapsed * 10) / 10))}</span>
      <button type="button" onClick={busy.stop}>
        Stop
      </button>
    </span>
  );
}

interface BarProps {
  store: PreviewStore;
  popup: string;
  onPopup: (name: "columns" | "code" | "download", button: HTMLElement) => void;
}

export function Bar({ store, popup, onPopup }: BarProps) {
  const table = store.table.value!;
  const view = store.view.value;
  const [search, setSearch] = useState(view.search);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => setSearch(view.search), [view.search]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const look = (text: string, wait: number) => {
    setSearch(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => store.change({ ...store.view.peek(), search: text }), wait);
  };
  const all = table.rows ?? 0;
  const rows = store.rows.value;
  const fewer = view.filters.length > 0 || view.search !== "";
  const hiddenColumns = table.columns.length - view.columns.length;
  const button = (name: "columns" | "code" | "download", words: string) => (
    <button
      type="button"
      aria-haspopup="dialog"
      aria-expanded={popup === name}
      onClick={(event) => onPopup(name, event.currentTarget)}
    >
      {words}
    </button>
  );
  const limited = table.limit !== null && all === table.limit;
  return (
    <div class="bar">
      <span class="title">
        {table.name && (
          <b>
            <bdi>{nameWords(table.name)}</bdi>
          </b>
        )}
        <span class="count">
          {fewer && store.busy.value === null
            ? `${grouped(rows)} of ${grouped(all)} rows`
            : `${limited ? "first " : ""}${grouped(all)} ${all === 1 ? "row" : "rows"}`}{" "}
          ×{" "}
          {hiddenColumns > 0
            ? `${grouped(view.columns.length)} of ${plural(table.columns.length, "column")}`
            : `${grouped(table.columns.length)} ${table.columns.length === 1 ? "column" : "columns"}`}
        </span>
      </span>
      <Working busy={store.busy.value} />
      <Working busy={store.download.value} />
      <span class="tools">
        <input
          type="search"
          aria-label="Search the rows"
          placeholder="Search the rows"
          value={search}
          maxLength={LONGEST_SEARCH}
          spellcheck={false}
          onInput={(event) => look(event.currentTarget.value, SEARCH_MS)}
          onKeyDown={(event) => event.key === "Enter" && look(event.currentTarget.value, 0)}
        />
        {button("columns", "Columns")}
        {button("code", "Copy as code")}
        {button("download", "Download")}
      </span>
    </div>
  );
}

export function Chips({ store }: { store: PreviewStore }) {
  const view = store.view.value;
  const { columns } = store.table.value!;
  const hiddenColumns = columns.length - view.columns.length;
  if (view.sort.length + view.filters.length + hiddenColumns === 0 && view.search === "") return null;
  const chip = (key: string, words: string, remove: () => void) => (
    <li key={key} class="chip-item">
      <bdi title={words}>{words}</bdi>
      <button type="button" aria-label={`Remove: ${words}`} onClick={remove}>
        ×
      </button>
    </li>
  );
  return (
    <ul class="chips" aria-label="Filters, search, order and hidden columns">
      {view.filters.map((filter, index) =>
        chip(`filter${index}`, filterWords(filter, columns), () => store.change(unfiltered(store.view.peek(), index))),
      )}
      {view.search !== "" &&
        chip("search", `contains “${view.search}”`, () => store.change({ ...store.view.peek(), search: "" }))}
      {view.sort.map(({ column, descending }) =>
        chip(`sort${column}`, `${descending ? "▼" : "▲"} ${nameWords(columns[column]!.name)}`, () =>
          store.change({ ...store.view.peek(), sort: store.view.peek().sort.filter((one) => one.column !== column) }),
        ),
      )}
      {hiddenColumns > 0 &&
        chip("hidden", `${plural(hiddenColumns, "column")} hidden`, () =>
          store.change({ ...store.view.peek(), columns: whole(columns.length).columns, pinned: 0 }),
        )}
      <li>
        <button
          type="button"
          class="plain link"
          onClick={() => store.change({ ...whole(columns.length), columns: view.columns, pinned: view.pinned })}
        >
          Reset
        </button>
      </li>
    </ul>
  );
}
