// Under a cell: its query in one calm line, which opens into the cockpit. Several queries of a cell are one list.
import { Parts } from "./cockpit.tsx";
import { duration, plural, rows } from "./format.ts";
import { Header, Problems } from "./header.tsx";
import { BRIEF_SECONDS } from "./limits.ts";
import type { Store } from "./store.ts";
import type { Theme } from "./theme.ts";
import { firstLine, glyph } from "./words.ts";

export function Line({ store, theme }: { store: Store; theme: Theme }) {
  const open = store.chosen.open.value;
  const snapshot = store.snapshot.value;
  const others = (snapshot?.cell?.numbers.length ?? 1) - 1 + (snapshot?.cell?.brief ?? 0);
  const problems = Object.keys(snapshot?.session.problems ?? {}).length;
  const toggle = (
    <button type="button" class="toggle" aria-expanded={open} aria-controls="whole" onClick={() => store.open(!open)}>
      <span aria-hidden="true">{open ? "▾" : "▸"}</span>
      <span class="hidden">all about query {store.query.value?.number}</span>
    </button>
  );
  const tail = !open && (
    <>
      {others > 0 && <span class="muted">+ {others} more</span>}
      {problems > 0 && <span class="over">⚠ {plural(problems, "problem")}</span>}
    </>
  );
  return (
    <div class="grid">
      <section class="panel line" aria-label="Query">
        <Header store={store} lead={toggle} tail={tail} />
        {open && <Problems store={store} />}
        {open && others > 0 && <CellQueries store={store} />}
      </section>
      <div id="whole" class="grid" hidden={!open}>
        {open &&
          (snapshot?.settings ? <Parts store={store} theme={theme} /> : <p class="empty">Waiting for the kernel…</p>)}
      </div>
    </div>
  );
}

/** The cell's queries, the latest first; one that is pressed is looked at. */
function CellQueries({ store }: { store: Store }) {
  const snapshot = store.snapshot.value;
  const { numbers, brief } = snapshot?.cell ?? { numbers: [], brief: 0 };
  return (
    <ul class="queries" aria-label="queries of this cell, the latest first">
      {[...numbers].reverse().map((number) => {
        const past = snapshot?.queries?.[number];
        if (!past) return null;
        const facts = [
          duration(past.elapsed),
          past.rows == null ? "" : rows(past.rows),
          past.error == null ? "" : firstLine(past.error),
        ];
        return (
          <li key={number}>
            <button
              type="button"
              class="plain"
              aria-current={number === store.query.value?.number}
              onClick={() => store.look(number)}
            >
              <span class={`st-${past.state}`}>
                {glyph(past.state)} {past.state}
              </span>{" "}
              <b>
                Query {number}
                {past.name ? ` · ${past.name}` : ""}
              </b>
              <span class="muted">{facts.filter(Boolean).join(" · ")}</span>
            </button>
          </li>
        );
      })}
      {brief > 0 && (
        <li class="muted">
          {plural(brief, "query", "queries")} shorter than {BRIEF_SECONDS} s
        </li>
      )}
    </ul>
  );
}
