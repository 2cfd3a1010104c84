// The grid: header and rows in a box that scrolls, its keys, and ranges of cells.
import { rowHeightOf } from "./body.ts";
import { useBody } from "./grid/body.ts";
import { type Handle, useCellFocus } from "./grid/focus.ts";
import { onGridKey } from "./grid/keyboard.ts";
import { usePointer } from "./grid/pointer.ts";
import { Head } from "./head.tsx";
import type { Place, PreviewStore } from "./store.ts";

const ROWS_IN_SIGHT = 15; // where there are more
const HEAD = 86; // px, as in preview.css
const HIGHEST_BOX = 400; // px, of the rows in sight
const BAR = 14; // px, for a scroll bar

export interface GridProps {
  store: PreviewStore;
  handle: Handle;
  onColumn: (column: number) => void;
  onDetail: (place: Place | null) => void;
  isDetailOpen: () => boolean;
}

export function Grid({ store, handle, onColumn, onDetail, isDetailOpen }: GridProps) {
  const { scroller, space, pane, head, rows, body, span } = useBody(store);
  const focusOn = useCellFocus(store, body, pane, head, handle);
  const hands = { store, body, focusOn, onColumn, onDetail, isDetailOpen };
  const pointer = usePointer(hands, pane, head, rows);

  const { table, rows: count, view } = store;
  const high = count.value > ROWS_IN_SIGHT ? ROWS_IN_SIGHT : Math.max(1, count.value);
  return (
    <div
      class="scroller"
      ref={scroller}
      tabIndex={-1}
      style={{ height: `${HEAD + Math.min(high * rowHeightOf(table.value), HIGHEST_BOX) + BAR}px` }}
    >
      <div class="space" ref={space}>
        <div
          class="pane"
          ref={pane}
          role="grid"
          aria-label={table.value!.name ?? "table"}
          aria-describedby="grid-help"
          aria-multiselectable="true"
          aria-rowcount={count.value + 1}
          aria-colcount={view.value.columns.length + 1}
          aria-busy={store.busy.value !== null}
          onKeyDown={(event) => onGridKey(event, hands)}
          {...pointer}
        >
          <div class="head" role="rowgroup" ref={head}>
            <Head store={store} body={body} span={span} onOpen={onColumn} />
          </div>
          <div class="rows" role="rowgroup" ref={rows} />
        </div>
      </div>
      <p class="hidden" id="grid-help">
        Arrow keys, Home, End, Page up and Page down move; with Shift they select. Enter shows a value; on a header it
        opens the column, Space sorts, Alt with arrows moves the column, Shift with arrows resizes it. Control C copies.
      </p>
    </div>
  );
}
