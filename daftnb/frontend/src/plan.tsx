// The plan: which of its forms is shown, and the panel around it.
import { useId, useState } from "preact/hooks";
import { waitsOf } from "./actors.ts";
import { Canvas } from "./canvas.tsx";
import { plural } from "./format.ts";
import { callsOf } from "./functions.ts";
import { Panel } from "./panel.tsx";
import { actorsOf, isolated, operatorsOf, STAGES, type Stage, udfWords } from "./planwords.ts";
import { isActive } from "./snapshot.ts";
import type { Store } from "./store.ts";
import { useSnapshot } from "./turns.ts";

const NONE: ReadonlyMap<number, never> = new Map<number, never>();

export function PlanPanel({ store, wide }: { store: Store; wide?: boolean }) {
  const [chosen, choose] = useState<Stage | null>(null);
  const id = useId();
  const snapshot = useSnapshot(store);
  const plan = snapshot?.plan;
  const there = plan ? STAGES.filter((stage) => operatorsOf(plan, stage)) : [];
  const stage =
    chosen && there.includes(chosen)
      ? chosen
      : plan?.of != null && there.includes("optimised")
        ? "optimised"
        : there[0];
  if (!plan || !stage) {
    return (
      <Panel title="Plan" class="plans" wide={wide}>
        <p class="empty">The plan of the next query shows here.</p>
      </Panel>
    );
  }
  const operators = operatorsOf(plan, stage)!;
  const actors = actorsOf(plan);
  // Functions are called by the operators that run: those of the other forms have numbers of their own.
  const running = stage === "physical" && Object.keys(plan.operators).length > 0;
  const tasks =
    stage === "physical" &&
    plan.of == null &&
    (snapshot.query?.runner !== "native" || operators.some((operator) => operator.tasks));
  const drawn = new Set([...actors.values()].map(([name]) => name));
  const sub = [
    ...(operators.length > 0 ? [plural(operators.length, "operator")] : []),
    ...Object.entries(plan.udfs)
      .filter(([name, udf]) => !drawn.has(name) && (udf.count > 0 || udf.awaited))
      .map(([name, udf]) => `${isolated(name)}: ${udfWords(udf)}`),
  ];
  const tabs = there.length > 1 && (
    <div
      class="stages"
      role="tablist"
      aria-label="which plan"
      onKeyDown={(event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        const next = (there.indexOf(stage) + step + there.length) % there.length;
        choose(there[next]!);
        (event.currentTarget.children[next] as HTMLElement).focus();
      }}
    >
      {there.map((one) => (
        <button
          key={one}
          type="button"
          role="tab"
          id={`${id}-${one}`}
          aria-selected={one === stage}
          aria-controls={id}
          tabIndex={one === stage ? 0 : -1}
          onClick={() => choose(one)}
        >
          {one}
        </button>
      ))}
    </div>
  );
  const panel = tabs ? ({ id, role: "tabpanel", "aria-labelledby": `${id}-${stage}` } as const) : { id };
  return (
    <Panel title="Plan" sub={sub.join(" · ")} bounded={operators.length > 0} wide={wide} class="plans">
      <div class="plan-body">
        {tabs}
        <Canvas
          key={`${stage} ${plan.query}`}
          plan={plan}
          operators={operators}
          workers={snapshot.workers}
          actors={actors}
          calls={running ? callsOf(plan) : NONE}
          waits={running ? waitsOf(plan, snapshot.now) : NONE}
          active={running && isActive(snapshot.query)}
          panel={panel}
          tall={tasks}
          turns={store.turns}
        />
      </div>
    </Panel>
  );
}
