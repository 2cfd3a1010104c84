// The cards of the operators: each is kept while its operator is as it was, and some wait for a later frame of the
// screen.
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { Card } from "../card.tsx";
import type { Placed } from "../layout.ts";
import { type ActorsById, type Drawn, udfWords } from "../planwords.ts";
import type { Plan } from "../snapshot.ts";
import type { Turns } from "../turns.ts";
import { MARGIN } from "./sight.ts";
import { useWaiting } from "./waiting.ts";

const FRESH = 120; // px around what is in sight in which cards follow the snapshots; further away they stay as drawn

interface Made {
  of: Drawn;
  node: VNode;
  /** When it was drawn, ms. */
  at: number;
}

interface Cards {
  plan: Plan;
  byId: ReadonlyMap<number, Drawn>;
  actors: ActorsById;
  layout: Placed;
  hidden: ReadonlyMap<number, number>;
  current: number | null;
  selected: number | null;
  /** Whether the cards are too small to be read. */
  far: boolean;
  /** Whether the plan has a slowest path. */
  paths: boolean;
  many: boolean;
  isWithin: (place: { x: number; y: number }, margin: number) => boolean;
  turns: Turns;
  onSelect: (id: number) => void;
  onFold: (id: number) => void;
  onFocus: (id: number) => void;
}

/** Return the cards that are in sight or near it. */
export function useCards(all: Cards): VNode[] {
  const { plan, byId, layout, current, selected, far, paths, many, isWithin, turns } = all;
  const cards = useRef({ key: [] as unknown[], made: new Map<number, Made>() });
  const key = [layout, far, paths, plan.udfs];
  if (key.some((part, index) => part !== cards.current.key[index])) cards.current = { key, made: new Map() };
  const { made } = cards.current;
  // A kept card has the callbacks of the time it was made: it looks up what to call.
  const latest = useRef(all);
  latest.current = all;

  const isFresh = (id: number) => isWithin(layout.places.get(id)!, FRESH);
  const shown = layout.order.filter(
    (id) => byId.has(id) && (id === current || isWithin(layout.places.get(id)!, MARGIN)),
  );
  const stale = shown.filter((id) => made.has(id) && made.get(id)!.of !== byId.get(id) && isFresh(id));
  stale.sort((a, b) => made.get(a)!.at - made.get(b)!.at);
  const waiting = useWaiting({ of: plan, stale, many, turns });

  return shown.map((id) => {
    const operator = byId.get(id)!;
    const isMarked = id === current || id === selected;
    const known = isMarked ? undefined : made.get(id);
    if (known && (known.of === operator || waiting.has(id) || !isFresh(id))) return known.node;
    const at = layout.places.get(id)!;
    const udf = all.actors.get(id)?.[1];
    const node = (
      <Card
        key={id}
        operator={operator}
        x={at.x}
        y={at.y}
        current={id === current}
        selected={id === selected}
        far={far}
        slowest={paths && operator.slowest === true}
        actors={udf ? udfWords(udf) : undefined}
        hidden={all.hidden.get(id)}
        onSelect={() => latest.current.onSelect(id)}
        onFold={() => latest.current.onFold(id)}
        onFocus={() => latest.current.onFocus(id)}
      />
    );
    if (!isMarked) made.set(id, { of: operator, node, at: performance.now() });
    return node;
  });
}
