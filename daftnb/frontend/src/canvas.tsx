// The operators and what connects them: laid out once per shape, panned by scrolling, zoomed about the pointer.
import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Card } from "./card.tsx";
import { Fold } from "./fold.tsx";
import type { Plan, Workers } from "./frame.ts";
import { plural } from "./format.ts";
import { CARD_WIDTH, layOut, nextTo, shapeOf, unfolded } from "./layout.ts";
import { Details } from "./operator.tsx";
import { PATIENCE_MS, type Turns } from "./turns.ts";
import { hasPaths, skewShort, udfWords, type actorsOf, type Drawn } from "./planwords.ts";

const LEAST_READABLE = 0.8;
const FAR = 0.45; // from here on a card has its name only
const LEAST = 0.01;
const MOST = 2;
const STEP = 1.25;
const HIGHEST = 640; // px, of the box where nothing else bounds it
const MANY = 60; // operators; of more than that, those out of sight are not drawn
const MARGIN = 400; // px around what is in sight
const FRESH = 120; // px around it in which cards follow the frames; further away they are as they were drawn
const AT_ONCE = 6; // cards drawn anew in one frame of the screen; more than that wait for their turn
const BELOW = 30; // px kept free around the selected operator, for the fold's button
const DRAG = 4; // px that a press may move and still be a click

interface CanvasProps {
  plan: Plan;
  operators: Drawn[];
  workers: Workers | undefined;
  actors: ReturnType<typeof actorsOf>;
  /** Whether a card has a line for tasks. */
  tall: boolean;
  panel: object;
  turns: Turns;
}

export function Canvas({ plan, operators, workers, actors, tall, panel, turns }: CanvasProps) {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [zoom, setZoom] = useState<number | null>(null); // null: as wide as the box, and readable
  const [collapsed, setCollapsed] = useState<ReadonlySet<number>>(new Set());
  const [focus, setFocus] = useState<number | null>(null);
  const [selected, setSelected] = useState<number | null>(null);
  const [sight, setSight] = useState({ left: 0, top: 0 });
  const anchor = useRef<{ x: number; y: number; left: number; top: number } | null>(null);
  const moveFocus = useRef(false);

  const high = tall ? 82 : 64;
  const shape = shapeOf(operators);
  const { layout, hidden } = useMemo(() => {
    const { shown, hidden } = unfolded(operators, collapsed);
    return { layout: layOut(shown, high, hidden.size > 0 ? 22 : 0), hidden };
  }, [shape, collapsed, high]);
  const auto = size.width === 0 ? 1 : Math.min(1, Math.max(LEAST_READABLE, size.width / layout.width));
  const scale = zoom ?? auto;
  const left = Math.max(0, (size.width - layout.width * scale) / 2);
  const far = scale < FAR;
  const paths = hasPaths(operators);
  const byId = new Map(operators.map((operator) => [operator.id, operator]));
  const current = focus !== null && layout.places.has(focus) ? focus : layout.order[0] ?? null;
  const chosen = selected === null ? undefined : byId.get(selected);

  const zoomTo = (to: number, at?: { x: number; y: number }) => {
    const element = box.current!;
    const next = Math.min(MOST, Math.max(LEAST, to));
    const { x, y } = at ?? { x: element.clientWidth / 2, y: element.clientHeight / 2 };
    anchor.current = { x, y, left: (element.scrollLeft + x - left) / scale, top: (element.scrollTop + y) / scale };
    setZoom(next);
  };
  const fit = () => {
    const { clientWidth, clientHeight } = box.current!;
    zoomTo(Math.min(1, clientWidth / layout.width, clientHeight / layout.height));
  };
  const fold = (id: number) => {
    const next = new Set(collapsed);
    if (!next.delete(id)) next.add(id);
    setCollapsed(next);
    setFocus(id);
  };
  const select = (id: number) => {
    setFocus(id);
    setSelected(selected === id ? null : id);
  };

  useEffect(() => {
    const element = box.current!;
    const observer = new ResizeObserver(() => setSize({ width: element.clientWidth, height: element.clientHeight }));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const zoomNow = useRef(zoomTo);
  zoomNow.current = zoomTo;
  const scaleNow = useRef(scale);
  scaleNow.current = scale;
  useEffect(() => {
    const element = box.current!;
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault(); // else the browser zooms the page
      const { left, top } = element.getBoundingClientRect();
      zoomNow.current(scaleNow.current * Math.exp(-event.deltaY / 300), { x: event.clientX - left, y: event.clientY - top });
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  }, []);

  useLayoutEffect(() => {
    const element = box.current;
    const first = layout.places.get(layout.order[0] ?? -1);
    // A plan that is wider than the panel begins with its first operator in the middle, not with empty space.
    if (element && first && zoom === null) element.scrollLeft = (first.x + CARD_WIDTH / 2) * scale - size.width / 2;
  }, [layout, size.width]);
  useLayoutEffect(() => {
    const at = anchor.current;
    anchor.current = null;
    if (!at || !box.current) return;
    box.current.scrollLeft = at.left * scale + left - at.x;
    box.current.scrollTop = at.top * scale - at.y;
  }, [scale]);
  useLayoutEffect(() => {
    if (!moveFocus.current) return;
    moveFocus.current = false;
    (box.current?.querySelector(`[data-id="${current}"]`) as HTMLElement | null)?.focus();
  }, [current]);

  useLayoutEffect(() => {
    const at = selected === null ? undefined : layout.places.get(selected);
    const element = box.current;
    if (!at || !element) return; // the details take room: what they are of stays in sight
    const [top, bottom] = [at.y * scale, (at.y + high) * scale];
    element.scrollTop = Math.min(Math.max(element.scrollTop, bottom + BELOW - element.clientHeight), Math.max(0, top - BELOW));
  }, [selected, size.height]);

  const press = useRef<{ x: number; y: number; left: number; top: number } | null>(null);
  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0 || event.pointerType !== "mouse") return; // a finger scrolls by itself
    const { scrollLeft, scrollTop } = box.current!;
    press.current = { x: event.clientX, y: event.clientY, left: scrollLeft, top: scrollTop };
  };
  const onPointerMove = (event: PointerEvent) => {
    const from = press.current;
    if (!from || !box.current) return;
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    if (!box.current.hasPointerCapture(event.pointerId)) {
      if (Math.hypot(dx, dy) < DRAG) return;
      box.current.setPointerCapture(event.pointerId); // what is pressed is not clicked then
    }
    box.current.scrollLeft = from.left - dx;
    box.current.scrollTop = from.top - dy;
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    const onOperator = event.target !== box.current;
    if (key === "+" || key === "=") zoomTo(scale * STEP);
    else if (key === "-") zoomTo(scale / STEP);
    else if (key === "0") fit();
    else if (key === "Escape" && selected !== null) setSelected(null);
    else if (key === "c" && onOperator && current !== null && byId.get(current)!.inputs.length > 0) fold(current);
    else if (key.startsWith("Arrow") && onOperator && current !== null) {
      const next = nextTo(layout, current, key);
      if (next !== null) {
        moveFocus.current = true;
        setFocus(next);
        if (selected !== null) setSelected(next);
      }
    } else return;
    event.preventDefault();
  };
  /** JupyterLab's shortcuts (0 0 restarts the kernel) are not meant while the plan has the keyboard. */
  const shortcuts = (off: boolean) => {
    const host = (box.current?.getRootNode() as ShadowRoot | undefined)?.host;
    if (off) host?.setAttribute("data-lm-suppress-shortcuts", "true");
    else host?.removeAttribute("data-lm-suppress-shortcuts");
  };

  const many = operators.length > MANY;
  const onScroll = () => {
    if (!many || !box.current) return; // it may be told of a scroll once it is gone
    const { scrollLeft, scrollTop } = box.current;
    const grain = (value: number) => Math.round(value / (MARGIN / 2)) * (MARGIN / 2);
    if (grain(scrollLeft) !== sight.left || grain(scrollTop) !== sight.top) setSight({ left: grain(scrollLeft), top: grain(scrollTop) });
  };
  const within = ({ x, y }: { x: number; y: number }, margin: number): boolean =>
    !many ||
    (x * scale + left < sight.left + size.width + margin && (x + CARD_WIDTH) * scale + left > sight.left - margin &&
      y * scale < sight.top + size.height + margin && (y + high) * scale > sight.top - margin);

  const cards = useRef({ key: [] as unknown[], made: new Map<number, { of: Drawn; node: VNode; at: number }>() });
  const key = [layout, far, paths, plan.udfs];
  if (key.some((part, index) => part !== cards.current.key[index])) cards.current = { key, made: new Map() };
  // What a card does is looked up when it is done: a card is kept while its operator is as it was.
  const act = useRef({ select, fold });
  act.current = { select, fold };
  const shown = layout.order.filter((id) => byId.has(id) && (id === current || within(layout.places.get(id)!, MARGIN)));
  const stale = shown.filter((id) => {
    const known = cards.current.made.get(id);
    return known !== undefined && known.of !== byId.get(id) && within(layout.places.get(id)!, FRESH);
  });
  const late = useRef<number | null>(null);
  const before = useRef(plan);
  late.current ??= stale.length > 0 ? performance.now() : null;
  let most = !many ? Infinity : performance.now() - (late.current ?? Infinity) > PATIENCE_MS ? 2 * AT_ONCE : AT_ONCE;
  // The frame of the screen in which a message comes has its own work to do: many cards begin with the next.
  if (before.current !== plan && stale.length > most) most = 0;
  before.current = plan;
  // Those that have waited longest come first: while frames come faster than all can be drawn, each has its turn.
  const waits = new Set(stale.length <= most ? [] : stale.sort((a, b) => cards.current.made.get(a)!.at - cards.current.made.get(b)!.at).slice(most));
  const card = (id: number): VNode => {
    const operator = byId.get(id)!;
    const known = id === current || id === selected ? undefined : cards.current.made.get(id);
    if (known && (known.of === operator || waits.has(id) || !within(layout.places.get(id)!, FRESH))) return known.node;
    const at = layout.places.get(id)!;
    const udf = actors.get(id)?.[1];
    const node = (
      <Card key={id} operator={operator} x={at.x} y={at.y} current={id === current} selected={id === selected} far={far}
        slowest={paths && operator.slowest === true} actors={udf ? udfWords(udf) : undefined} hidden={hidden.get(id)}
        onSelect={() => act.current.select(id)} onFold={() => act.current.fold(id)} onFocus={() => setFocus(id)} />
    );
    if (id !== current && id !== selected) cards.current.made.set(id, { of: operator, node, at: performance.now() });
    return node;
  };
  const drawn = shown.map(card);
  const [, setTurns] = useState(0);
  const drawMore = useRef(() => setTurns((times) => times + 1)).current;
  useEffect(() => {
    if (waits.size === 0) late.current = null;
    else turns.ask(drawMore);
  });

  const edges = { "": "", fused: "", slow: "" };
  for (const { from, to, path } of layout.edges) {
    const [a, b] = [byId.get(from), byId.get(to)];
    if (a?.stage != null && a.stage === b?.stage) edges.fused += path;
    if (paths && a?.slowest && b?.slowest) edges.slow += path;
    else edges[""] += path;
  }
  const below = (edge: number) => layout.order.filter((id) => (layout.places.get(id)!.y + high) * scale > edge).length;
  const legend = [
    edges.fused && "broad line: in the same tasks",
    paths && "⚑ slowest path: of a join's inputs, the one with the most work",
    operators.some((operator) => skewShort(operator.skew)) && "⚠ the slowest task against the median",
  ].filter(Boolean);

  return (
    <>
      <div class="zoom" role="group" aria-label="zoom">
        <button type="button" title="Smaller (−)" aria-label="Zoom out" onClick={() => zoomTo(scale / STEP)}>−</button>
        <span class="sub">{Math.round(scale * 100)} %</span>
        <button type="button" title="Larger (+)" aria-label="Zoom in" onClick={() => zoomTo(scale * STEP)}>+</button>
        <button type="button" title="The whole plan (0)" onClick={fit}>Fit</button>
      </div>
      <div class="plan-row" {...panel} onFocusIn={() => shortcuts(true)} onFocusOut={() => shortcuts(false)} onKeyDown={(event) => event.key === "Escape" && setSelected(null)}>
        {operators.length === 0 && <p class="empty">This plan has more operators than can be drawn.</p>}
        <Fold box={box} words={(edge) => plural(below(edge), "more operator")}>
          <div class="plan" ref={box} tabIndex={0} role="group" aria-label="operators, sources first: arrow keys move, Enter shows details, C hides what is above, plus, minus and 0 zoom"
            style={{ height: `${Math.min(HIGHEST, Math.ceil(layout.height * auto) + 2)}px` }} onKeyDown={onKeyDown} onScroll={onScroll}
            onPointerDown={onPointerDown} onPointerMove={onPointerMove} onPointerUp={() => (press.current = null)} onPointerCancel={() => (press.current = null)}>
            <div style={{ height: `${layout.height * scale}px`, width: `${layout.width * scale + left}px` }}>
              <div class={far ? "stage far" : "stage"} style={{ width: `${layout.width}px`, height: `${layout.height}px`, transform: `translateX(${left}px) scale(${scale})`, "--high": `${high}px` }}>
                <svg width={layout.width} height={layout.height} aria-hidden="true">
                  {(["fused", "", "slow"] as const).map((name) => edges[name] !== "" && <path key={name} class={name} d={edges[name]} />)}
                </svg>
                {drawn}
              </div>
            </div>
          </div>
        </Fold>
        {chosen && (
          <Details operator={chosen} plan={plan} udf={actors.get(chosen.id)?.[1]} workers={workers} slowest={paths && chosen.slowest === true} hidden={hidden.get(chosen.id)}
            onFold={() => fold(chosen.id)} onClose={() => {
              setSelected(null);
              setFocus(chosen.id);
              (box.current?.querySelector(`[data-id="${chosen.id}"]`) as HTMLElement | null)?.focus();
            }} />
        )}
      </div>
      {legend.length > 0 && <div class="detail">{legend.join(" · ")}</div>}
    </>
  );
}
