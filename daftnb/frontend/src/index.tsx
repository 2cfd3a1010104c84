// One bundle for all views: draws the widget's view into a shadow root. The function that `render` returns cleans up.
import { effect, useComputed } from "@preact/signals";
import { render as draw } from "preact";
import { Cockpit, Looking } from "./cockpit.tsx";
import { duration, plural, ratio } from "./format.ts";
import { Header, Problems } from "./header.tsx";
import { History } from "./history.tsx";
import { keepFocus, keepKeys } from "./keys.ts";
import { whenLeft } from "./left.ts";
import { Line } from "./line.tsx";
import { Models } from "./modeltable.tsx";
import { Decisions } from "./panels.tsx";
import planStyle from "./plan.css";
import { PlanPanel } from "./plan.tsx";
import { followSeen } from "./seen.ts";
import { mountShadow } from "./shadow.ts";
import { isActive, type ViewName } from "./snapshot.ts";
import { type Model, Store } from "./store.ts";
import style from "./style.css";
import type { Theme } from "./theme.ts";
import { BacklogPanel } from "./timeline.tsx";
import { WorkersPanel } from "./workers.tsx";

const VIEWS: readonly ViewName[] = ["plan", "workers", "backlog", "decisions", "history", "line", "cockpit"];
const ANNOUNCE_MS = 5_000;

function View({ name, store, theme }: { name: ViewName; store: Store; theme: Theme }) {
  const looking = useComputed(() => store.snapshot.value?.look != null);
  const problems = <Problems store={store} />;
  const head = (
    <section class="panel wide" aria-label="Query">
      <Header store={store} />
      {problems}
    </section>
  );
  if (name === "line") return <Line store={store} theme={theme} />;
  if (name === "cockpit") return <Cockpit store={store} theme={theme} />;
  const One = { plan: PlanPanel, workers: WorkersPanel, backlog: BacklogPanel, decisions: Decisions, history: History }[
    name
  ];
  return (
    <div class="grid">
      {head}
      <Looking store={store} />
      <div class="wide">
        <One store={store} theme={theme} />
      </div>
      {name === "plan" && <Models store={store} />}
      {name === "history" && looking.value && <PlanPanel store={store} wide />}
    </div>
  );
}

/** Put a sentence for screen readers into `element`, at most every five seconds; `calm`: only when the query's state
 * changes. */
function announce(store: Store, calm: boolean, element: HTMLElement, abort: AbortSignal): void {
  let said = 0;
  let state = "";
  const dispose = effect(() => {
    const snapshot = store.snapshot.value;
    const query = store.query.value;
    if (!snapshot || !query) return;
    const now = performance.now();
    if (query.state === state && (calm || now - said < ANNOUNCE_MS)) return;
    const first = state === "";
    said = now;
    state = query.state;
    if (calm && first) return; // lines are many, and most are of queries long over
    const tasks = query.tasks ? `, ${query.tasks.finished} of ${query.tasks.submitted} tasks done` : "";
    const pool = snapshot.workers && query.runner === "ray" ? `, ${plural(snapshot.workers.total, "worker")}` : "";
    const backlog =
      snapshot.backlog?.ratio != null && query.runner === "ray" && isActive(query)
        ? `, backlog ratio ${ratio(snapshot.backlog.ratio)}`
        : "";
    element.textContent = `Query ${query.number} ${query.state}, ${duration(query.elapsed)}${tasks}${pool}${backlog}`;
  });
  abort.addEventListener("abort", dispose);
}

export function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const controller = new AbortController();
  const name = VIEWS.find((view) => view === model.get("_view")) ?? "cockpit";
  const { host, root, live, theme } = mountShadow(el, name, style + planStyle, controller.signal);
  const store = new Store(model, controller.signal);
  keepKeys(root, host, controller.signal);
  announce(store, name === "line", live, controller.signal);
  followSeen(root, controller.signal, (seen) => (store.seen = seen));
  function App() {
    return <View name={name} store={store} theme={theme.value} />;
  }
  draw(<App />, root);
  keepFocus(root, store.chosen, controller.signal);
  const leave = () => {
    controller.abort();
    draw(null, root);
    host.remove();
  };
  whenLeft(el, controller.signal, leave);
  return leave;
}
