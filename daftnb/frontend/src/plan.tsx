// The plan as a graph of cards. The layout is kept until the plan's shape changes; a card is redrawn when it changed.
import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Operator, Plan } from "./frame.ts";
import { count, duration, plural, rows, share, size } from "./format.ts";
import { Fold } from "./fold.tsx";
import { CARD, layOut, shapeOf, type Placed } from "./layout.ts";
import { Panel } from "./panel.tsx";
import type { Store } from "./store.ts";
import { glyph } from "./words.ts";

const LEAST_SCALE = 0.62;

export function PlanPanel({ store, wide }: { store: Store; wide?: boolean }) {
  const plan = store.frame.value?.plan;
  const number = Object.keys(plan?.operators ?? {}).length;
  return (
    <Panel title="Plan" sub={plan ? `physical, ${plural(number, "operator")}` : "physical"} bounded={number > 0} wide={wide} class="plans">
      {plan && number > 0 ? <Graph plan={plan} /> : <p class="empty">The plan of the next query shows here.</p>}
    </Panel>
  );
}

function Graph({ plan }: { plan: Plan }) {
  const placed = useRef<Placed | null>(null);
  const cards = useRef(new WeakMap<Operator, VNode>());
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const focus = useSignal<number | null>(null);
  const shape = shapeOf(plan);
  if (placed.current?.key !== shape) {
    placed.current = layOut(plan);
    cards.current = new WeakMap();
    focus.value = null;
  }
  const layout = placed.current;
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  const scale = width === 0 ? 1 : Math.min(1, Math.max(LEAST_SCALE, width / layout.width));
  const left = Math.max(0, (width - layout.width * scale) / 2);
  useLayoutEffect(() => {
    // A plan that is wider than the panel begins with its first operator in the middle, not with empty space.
    const first = layout.places.get(layout.order[0] ?? -1);
    if (first && box.current) box.current.scrollLeft = (first.x + CARD.width / 2) * scale - width / 2;
  }, [layout, scale, width]);
  const current = focus.value ?? layout.order[0] ?? null;

  const card = (operator: Operator): VNode => {
    const known = cards.current.get(operator);
    if (known && operator.id !== current && (known.props as { tabIndex?: number }).tabIndex === -1) return known;
    const at = layout.places.get(operator.id)!;
    const made = (
      <Card key={operator.id} operator={operator} plan={plan} x={at.x} y={at.y} tabIndex={operator.id === current ? 0 : -1}
        onShow={() => (focus.value = operator.id)} />
    );
    cards.current.set(operator, made);
    return made;
  };

  const below = (id: number, edge: number) => (layout.places.get(id)!.y + CARD.height) * scale > edge;

  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (step === undefined || current === null) return;
    event.preventDefault();
    const next = layout.order[(layout.order.indexOf(current) + step + layout.order.length) % layout.order.length]!;
    focus.value = next;
    (box.current?.querySelector(`[data-id="${next}"]`) as HTMLElement | null)?.focus();
  };

  return (
    <>
      <Fold box={box} words={(edge) => plural(layout.order.filter((id) => below(id, edge)).length, "more operator")}>
        <div class="plan" ref={box} onKeyDown={onKeyDown} role="group" aria-label="operators, sources first; arrow keys move">
          <div style={{ height: `${layout.height * scale}px`, width: `${layout.width * scale + left}px` }}>
            <div class="stage" style={{ width: `${layout.width}px`, height: `${layout.height}px`, transform: `translateX(${left}px) scale(${scale})` }}>
              <svg width={layout.width} height={layout.height} aria-hidden="true">
                {layout.edges.map((edge) => (
                  <path key={`${edge.from}-${edge.to}`} d={edge.path} class={fused(plan, edge.from, edge.to) ? "fused" : ""} />
                ))}
              </svg>
              {layout.order.map((id) => plan.operators[id]).filter((operator) => operator !== undefined).map(card)}
            </div>
          </div>
        </div>
      </Fold>
      <div class="detail">
        {focus.value === null ? "thick line: in the same tasks · orange: share of the query's time" : describe(plan.operators[focus.value])}
      </div>
    </>
  );
}

const fused = (plan: Plan, a: number, b: number): boolean => {
  const stage = plan.operators[a]?.stage;
  return stage != null && stage === plan.operators[b]?.stage;
};

interface CardProps {
  operator: Operator;
  plan: Plan;
  x: number;
  y: number;
  tabIndex: number;
  onShow: () => void;
}

function Card({ operator, x, y, tabIndex, onShow }: CardProps) {
  const { state, tasks } = operator;
  const facts =
    operator.rows_out != null && state !== "waiting"
      ? [rows(operator.rows_out), operator.bytes_out != null ? size(operator.bytes_out) : ""].filter(Boolean).join(" · ")
      : operator.estimated_rows != null
        ? `about ${rows(operator.estimated_rows)} expected`
        : state === "waiting" ? "waiting" : "—";
  const time = operator.duration_us == null ? "" : duration(operator.duration_us / 1e6);
  return (
    <button class={`op ${state}`} type="button" style={{ left: `${x}px`, top: `${y}px` }} tabIndex={tabIndex}
      data-id={operator.id} data-state={state} title={describe(operator)} onFocus={onShow} onMouseEnter={onShow}>
      <span class="heat" style={{ opacity: operator.time_share ?? 0 }} />
      <span class="name">
        <span class={`st-${state}`}>{glyph(state)}</span>
        <span class="hidden">{state}</span> {operator.name} {operator.detail}
      </span>
      <span class="facts">{facts}</span>
      <span class="foot">
        {tasks ? (
          <>
            <span class={`meter ${state}`}><i style={{ width: `${tasks.submitted ? (100 * tasks.finished) / tasks.submitted : 0}%` }} /></span>
            <span>{tasks.finished}/{tasks.submitted} tasks</span>
          </>
        ) : <span class="meter"><i style={{ width: state === "finished" ? "100%" : "0" }} /></span>}
        <span>{time}</span>
      </span>
    </button>
  );
}

/** Everything about one operator in a sentence, for the line below the graph and for screen readers. */
export function describe(operator: Operator | undefined): string {
  if (operator === undefined) return "";
  const parts = [`${operator.name} ${operator.detail}`.trim() + `: ${operator.state}`];
  if (operator.rows_in != null) parts.push(`${count(operator.rows_in)} rows in`);
  if (operator.rows_out != null) parts.push(`${count(operator.rows_out)} rows out, ${size(operator.bytes_out)}`);
  if (operator.duration_us != null) {
    const part = share(operator.time_share);
    parts.push(`${duration(operator.duration_us / 1e6)} of work${part ? ` (${part} of the query's)` : ""}`);
  }
  const tasks = operator.tasks;
  if (tasks) {
    const states = (["running", "pending", "failed", "cancelled"] as const).filter((name) => tasks[name]);
    parts.push([`${tasks.finished} of ${tasks.submitted} tasks done`, ...states.map((name) => `${tasks[name]} ${name}`)].join(", "));
  }
  return parts.join(" · ");
}
