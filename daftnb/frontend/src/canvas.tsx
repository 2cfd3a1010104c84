// The operators and what connects them: laid out once per shape, panned by scrolling, zoomed about the pointer.
import { useRef } from "preact/hooks";
import type { Wait } from "./actors.ts";
import { useCards } from "./canvas/cards.tsx";
import { EdgeLines, edgesOf, Legend } from "./canvas/edges.tsx";
import { focusCard, useKeyboardFocus } from "./canvas/focus.ts";
import { useFolding } from "./canvas/folding.ts";
import { usePan } from "./canvas/pan.ts";
import { useSelection } from "./canvas/selection.ts";
import { useSight } from "./canvas/sight.ts";
import { useSize } from "./canvas/size.ts";
import { useZoom, ZoomButtons } from "./canvas/zoom.tsx";
import { Fold } from "./fold.tsx";
import { plural } from "./format.ts";
import type { Calls } from "./functions.ts";
import { suppressShortcuts } from "./keys.ts";
import { nextTo } from "./layout.ts";
import { Details } from "./operator.tsx";
import { type ActorsById, callsByName, type Drawn, hasPaths } from "./planwords.ts";
import type { Plan, Workers } from "./snapshot.ts";
import type { Turns } from "./turns.ts";

const FAR = 0.45; // below this scale a card has its name only
const HIGHEST = 640; // px, of the box where nothing else bounds it
const MANY = 60; // operators; of more than that, those out of sight are not drawn
const CARD_HEIGHT = { tall: 82, low: 64 } as const; // px
const FUNCTION_LINES = 34; // px more, of a card whose operator calls functions
const KEYS =
  "operators, sources first: arrow keys move, Enter shows details, C hides what is above, plus, minus and 0 zoom";

interface CanvasProps {
  plan: Plan;
  operators: Drawn[];
  workers: Workers | undefined;
  actors: ActorsById;
  calls: Calls;
  waits: ReadonlyMap<number, Wait>;
  /** Whether functions may be called that are not known yet: their lines have a place from the start. */
  active: boolean;
  /** Whether a card has a line for tasks. */
  tall: boolean;
  panel: object;
  turns: Turns;
}

export function Canvas({ plan, operators, workers, actors, calls, waits, active, tall, panel, turns }: CanvasProps) {
  const box = useRef<HTMLDivElement>(null);
  const cardHeight = tall ? CARD_HEIGHT.tall : CARD_HEIGHT.low;
  const many = operators.length > MANY;
  const paths = hasPaths(operators);
  const byId = new Map(operators.map((operator) => [operator.id, operator]));

  const size = useSize(box);
  const shapes = operators.map((one) => {
    const isHigher = calls.has(one.id) || (active && callsByName(one));
    return isHigher ? { id: one.id, inputs: one.inputs, more: FUNCTION_LINES } : one;
  });
  const { layout, hidden, toggle } = useFolding(shapes, cardHeight);
  const zoom = useZoom(box, size, layout);
  const { scale, left } = zoom;
  const { current, setCurrent, moveTo } = useKeyboardFocus(box, layout);
  const [selected, setSelected] = useSelection({ box, layout, scale, boxHeight: size.height });
  const pan = usePan(box);
  const { onScroll, isWithin } = useSight({ box, size, zoom, many });

  const fold = (id: number) => {
    toggle(id);
    setCurrent(id);
  };
  const select = (id: number) => {
    setCurrent(id);
    setSelected(selected === id ? null : id);
  };
  const close = (id: number) => {
    setSelected(null);
    setCurrent(id);
    focusCard(box, id);
  };

  const far = scale < FAR;
  const cards = useCards({
    plan,
    byId,
    actors,
    calls,
    waits,
    layout,
    hidden,
    current,
    selected,
    far,
    paths,
    many,
    isWithin,
    turns,
    onSelect: select,
    onFold: fold,
    onFocus: setCurrent,
  });

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    const onOperator = event.target !== box.current;
    if (key === "+" || key === "=") zoom.larger();
    else if (key === "-") zoom.smaller();
    else if (key === "0") zoom.fit();
    else if (key === "Escape" && selected !== null) setSelected(null);
    else if (key === "c" && onOperator && current !== null && byId.get(current)!.inputs.length > 0) fold(current);
    else if (key.startsWith("Arrow") && onOperator && current !== null) {
      const next = nextTo(layout, current, key);
      if (next !== null) {
        moveTo(next);
        if (selected !== null) setSelected(next);
      }
    } else return;
    event.preventDefault();
  };

  const chosen = selected === null ? undefined : byId.get(selected);
  const edges = edgesOf(layout, byId, paths);
  const below = (edge: number) =>
    layout.order.filter((id) => {
      const { y, high } = layout.places.get(id)!;
      return (y + high) * scale > edge;
    }).length;

  return (
    <>
      <ZoomButtons zoom={zoom} />
      {/* biome-ignore lint/a11y/noStaticElementInteractions: hears of the keys and the focus of what is in it */}
      <div
        class="plan-row"
        {...panel}
        onFocusIn={() => suppressShortcuts(box.current, true)}
        onFocusOut={() => suppressShortcuts(box.current, false)}
        onKeyDown={(event) => event.key === "Escape" && setSelected(null)}
      >
        {operators.length === 0 && <p class="empty">This plan has more operators than can be drawn.</p>}
        <Fold box={box} words={(edge) => plural(below(edge), "more operator")}>
          <div
            class="plan"
            ref={box}
            tabIndex={0}
            role="group"
            aria-label={KEYS}
            style={{ height: `${Math.min(HIGHEST, Math.ceil(layout.height * zoom.auto) + 2)}px` }}
            onKeyDown={onKeyDown}
            onScroll={onScroll}
            {...pan}
          >
            <div style={{ height: `${layout.height * scale}px`, width: `${layout.width * scale + left}px` }}>
              <div
                class={far ? "stage far" : "stage"}
                style={{
                  width: `${layout.width}px`,
                  height: `${layout.height}px`,
                  transform: `translateX(${left}px) scale(${scale})`,
                }}
              >
                <EdgeLines edges={edges} width={layout.width} height={layout.height} />
                {cards}
              </div>
            </div>
          </div>
        </Fold>
        {chosen && (
          <Details
            operator={chosen}
            plan={plan}
            udf={actors.get(chosen.id)?.[1]}
            functions={calls.get(chosen.id) ?? []}
            wait={waits.get(chosen.id)}
            workers={workers}
            slowest={paths && chosen.slowest === true}
            hidden={hidden.get(chosen.id)}
            onFold={() => fold(chosen.id)}
            onClose={() => close(chosen.id)}
          />
        )}
      </div>
      <Legend edges={edges} paths={paths} calls={calls.size > 0} operators={operators} />
    </>
  );
}
