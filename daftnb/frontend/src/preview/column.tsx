// All about one column: sort, filter, place and width, and every figure with how it is known.
import { useEffect, useState } from "preact/hooks";
import { LONGEST_VALUE, MOST_FILTERS } from "../limits.ts";
import { nameWords } from "./cell.ts";
import { RECORDS } from "./kinds/registry.ts";
import { Frequent } from "./mini.tsx";
import { HOW_WORDS, told } from "./statistics.ts";
import type { PreviewStore } from "./store.ts";
import { filtered, hidden, moved, needsValue, OPERATOR_WORDS, operatorsOf, pinned, sortedBy } from "./view.ts";
import type { Column, Filter, PlainOperator, ValueOperator } from "./wire.ts";

const NUDGE = 32;

function FilterForm({
  store,
  column,
  about,
  onDone,
}: {
  store: PreviewStore;
  column: number;
  about: Column;
  onDone: () => void;
}) {
  const operators = operatorsOf(about.kind);
  const [op, setOp] = useState<ValueOperator | PlainOperator>(operators[0] ?? "null");
  const [value, setValue] = useState("");
  if (operators.length === 0) return <p class="muted">All its values are null.</p>;
  const full = store.view.value.filters.length >= MOST_FILTERS;
  const add = (event: Event) => {
    event.preventDefault();
    const filter: Filter = needsValue(op) ? { column, op, value } : { column, op };
    store.change(filtered(store.view.peek(), filter));
    setValue("");
    onDone();
  };
  return (
    <form class="filter" onSubmit={add}>
      <select
        aria-label="Condition"
        value={op}
        onChange={(event) => setOp(event.currentTarget.value as ValueOperator | PlainOperator)}
      >
        {operators.map((one) => (
          <option key={one} value={one}>
            {OPERATOR_WORDS[one]}
          </option>
        ))}
      </select>
      {needsValue(op) && (
        <input
          aria-label="Value"
          value={value}
          maxLength={LONGEST_VALUE}
          placeholder={RECORDS[about.kind].example}
          autocomplete="off"
          spellcheck={false}
          data-first
          onInput={(event) => setValue(event.currentTarget.value)}
        />
      )}
      <button type="submit" disabled={full}>
        Filter
      </button>
    </form>
  );
}

interface ColumnProps {
  store: PreviewStore;
  column: number;
  onClose: (back: boolean) => void;
}

export function ColumnPanel({ store, column, onClose }: ColumnProps) {
  const view = store.view.value;
  const about = store.table.value!.columns[column]!;
  const at = view.columns.indexOf(column);
  useEffect(() => store.sum([column]), [column]);
  useEffect(() => {
    if (at < 0) onClose(false);
  }, [at]);
  if (at < 0) return null;
  const sort = view.sort.find((one) => one.column === column);
  const order = sort ? (sort.descending ? "down" : "up") : "none";
  const summary = store.summaries.value.get(column);
  const rows = store.rows.value;
  const statistics = summary ? told(summary, rows) : [];
  const isPinned = at < view.pinned;
  const press = (name: string, words: string, descending: boolean | null) => (
    <button
      type="button"
      aria-pressed={order === name}
      onClick={() => store.change(sortedBy(store.view.peek(), column, descending))}
    >
      {words}
    </button>
  );
  return (
    <>
      <header>
        <h3>
          <bdi>{nameWords(about.name)}</bdi>
        </h3>
        <button type="button" class="close" aria-label="Close" onClick={() => onClose(true)}>
          ×
        </button>
      </header>
      <p class="muted type">{about.type}</p>
      <div class="group" role="group" aria-label="Sort">
        {press("up", "▲ Ascending", false)}
        {press("down", "▼ Descending", true)}
        {press("none", "None", null)}
      </div>
      <FilterForm store={store} column={column} about={about} onDone={() => onClose(true)} />
      <div class="group" role="group" aria-label="Place and width">
        <button
          type="button"
          aria-pressed={isPinned}
          onClick={() => store.change(pinned(store.view.peek(), column, !isPinned))}
        >
          Pin left
        </button>
        <button
          type="button"
          title="Move left"
          aria-label="Move left"
          onClick={() => store.change(moved(store.view.peek(), column, at - 1))}
        >
          ←
        </button>
        <button
          type="button"
          title="Move right"
          aria-label="Move right"
          onClick={() => store.change(moved(store.view.peek(), column, at + 1))}
        >
          →
        </button>
        <button
          type="button"
          title="Narrower"
          aria-label="Narrower"
          onClick={() => store.widths.set(column, store.widths.of(column) - NUDGE)}
        >
          −
        </button>
        <button
          type="button"
          title="Wider"
          aria-label="Wider"
          onClick={() => store.widths.set(column, store.widths.of(column) + NUDGE)}
        >
          +
        </button>
        <button
          type="button"
          disabled={view.columns.length === 1}
          onClick={() => {
            store.change(hidden(store.view.peek(), column));
            store.said.value = `${about.name} is hidden.`;
            onClose(true);
          }}
        >
          Hide
        </button>
      </div>
      {summary === undefined && <p class="muted">Its statistics are on the way.</p>}
      {summary && <Frequent summary={summary} rows={rows} />}
      {statistics.length > 0 && (
        <table class="statistics">
          <caption class="hidden">Statistics of {about.name}</caption>
          <tbody>
            {statistics.map(({ name, words, how }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="num">
                  <bdi>{words}</bdi>
                </td>
                <td class={`how ${how}`}>{HOW_WORDS[how]}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {summary?.note && <p class="muted">{summary.note}</p>}
    </>
  );
}
