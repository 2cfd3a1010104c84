// All of it in one widget: the query's line, and below it an overview and a tab for each part.
import { useComputed } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Header, Problems } from "./header.tsx";
import { History } from "./history.tsx";
import { Models } from "./modeltable.tsx";
import { Panel } from "./panel.tsx";
import { Decisions, Settings } from "./panels.tsx";
import { PlanPanel } from "./plan.tsx";
import { ReplayBar } from "./replay.tsx";
import { SettingsForm } from "./settings.tsx";
import type { Store } from "./store.ts";
import { Tabs } from "./tabs.tsx";
import type { Theme } from "./theme.ts";
import { BacklogPanel, BacklogRows, onNative } from "./timeline.tsx";
import { NativeRows, WorkerRows, WorkerSummary, WorkersPanel } from "./workers.tsx";

export const TABS = ["Overview", "Plan", "Workers", "Backlog", "Decisions", "History", "Settings"] as const;

interface Props {
  store: Store;
  theme: Theme;
}

export function Cockpit({ store, theme }: Props) {
  return (
    <div class="grid">
      <section class="panel" aria-label="Query">
        <Header store={store} />
        <Problems store={store} />
      </section>
      <Parts store={store} theme={theme} />
    </div>
  );
}

/** The cockpit without the query's line. */
export function Parts({ store, theme }: Props) {
  const replayed = useComputed(() => store.snapshot.value?.replay != null);
  return (
    <>
      {replayed.value && <ReplayBar store={store} />}
      <Looking store={store} />
      <Tabs label="cockpit" names={TABS} chosen={store.chosen.tab}>
        {(name) => part(name, { store, theme }, replayed.value)}
      </Tabs>
    </>
  );
}

function part(name: string, { store, theme }: Props, replayed: boolean): ComponentChildren {
  switch (name) {
    case "Plan":
      return (
        <div class="grid">
          <PlanPanel store={store} wide />
          <Models store={store} />
        </div>
      );
    case "Workers":
      return <WorkersPanel store={store} theme={theme} />;
    case "Backlog":
      return <BacklogPanel store={store} theme={theme} />;
    case "Decisions":
      return <Decisions store={store} />;
    case "History":
      return <History store={store} />;
    case "Settings":
      return replayed ? <Settings store={store} /> : <SettingsForm store={store} />;
    default:
      return <Overview store={store} theme={theme} />;
  }
}

function Overview({ store, theme }: Props) {
  const native = useComputed(() => onNative(store.snapshot.value)).value; // then there is little to say beside the plan
  return (
    <div class="grid pairs">
      <PlanPanel store={store} wide={native} />
      <Panel title="Backlog and workers" sub={<WorkerSummary store={store} />} wide={native}>
        <div class="timeline">
          {native ? (
            <NativeRows store={store} />
          ) : (
            <>
              <BacklogRows store={store} theme={theme} />
              <WorkerRows store={store} theme={theme} />
            </>
          )}
        </div>
      </Panel>
      <Decisions store={store} />
      <Settings store={store} />
      <Models store={store} />
    </div>
  );
}

/** Says that what is shown is not the current query, or not the latest, and leads to it and back. */
export function Looking({ store }: { store: Store }) {
  const look = useComputed(() => store.snapshot.value?.look).value;
  const kept = useComputed(() => store.snapshot.value?.kept).value;
  const own = kept?.number;
  const back = own == null || kept!.follows ? "Back to the latest" : `Back to query ${own} of this cell`;
  if (look != null) {
    return (
      <p class="looking">
        <span>Looking at query {look}. The workers are the current ones.</span>
        <button type="button" class="plain" id="back" onClick={() => store.look(null)}>
          {back}
        </button>
      </p>
    );
  }
  if (own == null || !(kept!.follows || kept!.still)) return null;
  return kept!.follows ? (
    <p class="looking">
      <span>Following the latest query.</span>
      <button type="button" class="plain" id="follow" onClick={() => store.follow(false)}>
        Back to query {own} of this cell
      </button>
    </p>
  ) : (
    <p class="looking calm">
      <span>This view stays with query {own} of its cell.</span>
      <button type="button" class="plain" id="follow" onClick={() => store.follow(true)}>
        Follow the latest query
      </button>
    </p>
  );
}
