// The preview of a dataframe: draws it into a shadow root. The function that `render` returns cleans up.
import { effect, useSignal } from "@preact/signals";
import { render as draw } from "preact";
import { useRef } from "preact/hooks";
import { keepFocus, keepKeys } from "../keys.ts";
import { mountShadow } from "../shadow.ts";
import type { Model } from "../store.ts";
import { download } from "./asks.ts";
import { Bar, Chips } from "./bar.tsx";
import { save } from "./clipboard.ts";
import { CodePanel } from "./code.tsx";
import { ColumnPanel } from "./column.tsx";
import { ColumnsPanel } from "./columns.tsx";
import { Detail } from "./detail.tsx";
import { Grid } from "./grid.tsx";
import { ofGrid } from "./moves.ts";
import { Popup } from "./popup.tsx";
import style from "./preview.css";
import { Waiting } from "./states.tsx";
import { type Place, type PreviewStore, storeOf } from "./store.ts";

type Open =
  | { name: "columns" | "code" | "download"; x: number; button: HTMLElement }
  | { name: "column"; column: number; x: number };

function DownloadPanel({ store, onClose }: { store: PreviewStore; onClose: (back: boolean) => void }) {
  const fetch = (format: "csv" | "parquet") => (event: MouseEvent) => {
    const near = (event.currentTarget as HTMLElement).closest<HTMLElement>(".root")!;
    download(store, format, (file, name) => save(file, name, near));
    onClose(true);
  };
  return (
    <>
      <p class="muted">All rows of this view, through the kernel</p>
      <div class="group">
        <button type="button" data-first onClick={fetch("csv")}>
          CSV
        </button>
        <button type="button" onClick={fetch("parquet")}>
          Parquet
        </button>
      </div>
    </>
  );
}

function Messages({ store }: { store: PreviewStore }) {
  const problem = store.problem.value;
  const table = store.table.value;
  return (
    <>
      {table?.state === "ready" && table.note && <p class="note">{table.note}</p>}
      {problem !== null && (
        <p class="problem" role="alert">
          {problem}{" "}
          {store.retries && (
            <button type="button" class="plain link" onClick={() => store.again()}>
              Try again
            </button>
          )}{" "}
          <button type="button" class="plain link" onClick={() => (store.problem.value = null)}>
            Dismiss
          </button>
        </p>
      )}
      {store.line.silent.value && (
        <p class="note" role="status">
          The kernel has not answered for a few seconds: it is busy, or gone. What you asked for appears when the kernel
          answers.
        </p>
      )}
    </>
  );
}

function Preview({ store }: { store: PreviewStore }) {
  const box = useRef<HTMLDivElement>(null);
  const handle = useRef<((place: Place) => void) | null>(null);
  const open = useSignal<Open | null>(null);
  const detail = useSignal<Place | null>(null);
  const table = store.table.value;
  if (table === null) return <p class="empty">This preview cannot be drawn. Run the cell again.</p>;
  if (table.state !== "ready")
    return (
      <>
        <Waiting store={store} />
        <Messages store={store} />
      </>
    );

  const closePopup = (back: boolean) => {
    const was = open.peek();
    open.value = null;
    if (!back || was === null) return;
    if (was.name === "column") {
      const at = store.view.peek().columns.indexOf(was.column);
      handle.current?.({
        row: -1,
        column: at < 0 ? Math.min(store.active.peek().column, store.view.peek().columns.length - 1) : at,
      });
    } else was.button.focus({ preventScroll: true });
  };
  const go = (column: number) => {
    open.value = null;
    const at = store.view.peek().columns.indexOf(column);
    handle.current?.({ row: -1, column: at });
  };
  const onColumn = (column: number) => {
    const cell = box.current!.querySelector(`.head [data-column="${column}"]`);
    const x = cell ? cell.getBoundingClientRect().left - box.current!.getBoundingClientRect().left : 0;
    const same = open.peek()?.name === "column" && (open.peek() as { column: number }).column === column;
    open.value = same ? null : { name: "column", column, x };
  };
  const onPopup = (name: "columns" | "code" | "download", button: HTMLElement) => {
    const x = button.getBoundingClientRect().left - box.current!.getBoundingClientRect().left;
    open.value = open.peek()?.name === name ? null : { name, x, button };
  };
  const onDetail = (place: Place | null) => {
    const was = detail.peek();
    detail.value = place;
    if (place === null && was !== null) handle.current?.(store.active.peek());
  };
  const now = open.value;
  const place = detail.value;
  return (
    <>
      <Bar store={store} popup={now?.name ?? ""} onPopup={onPopup} />
      <Chips store={store} />
      <Messages store={store} />
      <div class={`box${place !== null ? " detailed" : ""}${now !== null ? " opened" : ""}`} ref={box}>
        {table.columns.length === 0 ? (
          <p class="empty">It has no columns.</p>
        ) : (
          <Grid
            store={store}
            handle={handle}
            onColumn={onColumn}
            onDetail={onDetail}
            isDetailOpen={() => detail.peek() !== null}
          />
        )}
        {table.columns.length > 0 && store.rows.value === 0 && (
          <p class="empty none">{table.rows === 0 ? "It has no rows." : "No row matches."}</p>
        )}
        {place !== null && place.row < store.rows.value && (
          <Detail store={store} place={place} onClose={() => onDetail(null)} />
        )}
        {now?.name === "column" && (
          <Popup key={now.column} label={`Column ${table.columns[now.column]!.name}`} x={now.x} onClose={closePopup}>
            <ColumnPanel store={store} column={now.column} onClose={closePopup} />
          </Popup>
        )}
        {now?.name === "columns" && (
          <Popup label="Columns" x={now.x} onClose={closePopup}>
            <ColumnsPanel store={store} onGo={go} onClose={closePopup} />
          </Popup>
        )}
        {now?.name === "code" && (
          <Popup label="Code" x={now.x} onClose={closePopup} wide>
            <CodePanel store={store} onClose={closePopup} />
          </Popup>
        )}
        {now?.name === "download" && (
          <Popup label="Download" x={now.x} onClose={closePopup}>
            <DownloadPanel store={store} onClose={closePopup} />
          </Popup>
        )}
      </div>
    </>
  );
}

export function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const controller = new AbortController();
  const { host, root, live } = mountShadow(el, "preview", style, controller.signal);
  const store = storeOf(model);
  store.connect(model, controller.signal);
  keepKeys(root, host, controller.signal, (event, target) => target.closest("[role=grid]") !== null && ofGrid(event));
  const dispose = effect(() => {
    live.textContent = store.said.value;
  });
  draw(<Preview store={store} />, root);
  keepFocus(root, store.kept, controller.signal);
  return () => {
    controller.abort();
    dispose();
    draw(null, root);
    host.remove();
  };
}
