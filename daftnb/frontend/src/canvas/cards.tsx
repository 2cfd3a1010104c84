// The cards of the operators: each is kept while its operator is as it was, and some wait for a later frame of the
// screen.
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { actorsShort, type Wait } from "../actors.ts";
import { Card } from "../card.tsx";
import { type Calls, type Work, workWords } from "../functions.ts";
import type { Place, Placed } from "../layout.ts";
import { type ActorsById, type Drawn, udfWords } from "../planwords.ts";
import type { Plan } from "../snapshot.ts";
import type { Turns } from "../turns.ts";
import { MARGIN } from "./sight.ts";
import { useWaiting } from "./waiting.ts";

const FRESH = 120; // px around what is in sight in which cards follow the snapshots; further away they stay as drawn

interface Made {
  of: Drawn;
  /** What it says of functions and their actors. */
  said: string;
  node: VNode;
  /** When it was drawn, ms. */
  at: number;
}

interface Cards {
  plan: Plan;
  byId: ReadonlyMap<number, Drawn>;
  actors: ActorsById;
  calls: Calls;
  waits: ReadonlyMap<number, Wait>;
  layout: Placed;
  hidden: ReadonlyMap<number, number>;
  current: number | null;
  selected: number | null;
  /** Whether the cards are too small to be read. */
  far: boolean;
  /** Whether the plan has a slowest path. */
  paths: boolean;
  many: boolean;
  isWithin: (place: Place, margin: number) => boolean;
  turns: Turns;
  onSelect: (id: number) => void;
  onFold: (id: number) => void;
  onFocus: (id: number) => void;
}

/** Return the cards that are in sight or near it. */
export function useCards(all: Cards): VNode[] {
  const { plan, byId, layout, current, selected, far, paths, many, isWithin, turns } = all;
  const cards = useRef({ key: [] as unknown[], made: new Map<number, Made>() });
  const key = [layout, far, paths];
  if (key.some((part, index) => part !== cards.current.key[index])) cards.current = { key, made: new Map() };
  const { made } = cards.current;
  // A kept card has the callbacks of the time it was made: it looks up what to call.
  const latest = useRef(all);
  latest.current = all;

  const isFresh = (id: number) => isWithin(layout.places.get(id)!, FRESH);
  const shown = layout.order.filter(
    (id) => byId.has(id) && (id === current || isWithin(layout.places.get(id)!, MARGIN)),
  );
  const words = new Map(shown.map((id) => [id, wordsOf(all, id)]));
  const isAsMade = ({ of, said }: Made, id: number) => of === byId.get(id) && said === JSON.stringify(words.get(id));
  const stale = shown.filter((id) => made.has(id) && !isAsMade(made.get(id)!, id) && isFresh(id));
  stale.sort((a, b) => made.get(a)!.at - made.get(b)!.at);
  const waiting = useWaiting({ of: plan, stale, many, turns });

  return shown.map((id) => {
    const operator = byId.get(id)!;
    const isMarked = id === current || id === selected;
    const known = isMarked ? undefined : made.get(id);
    if (known && (isAsMade(known, id) || waiting.has(id) || !isFresh(id))) return known.node;
    const at = layout.places.get(id)!;
    const node = (
      <Card
        key={id}
        operator={operator}
        place={at}
        current={id === current}
        selected={id === selected}
        far={far}
        slowest={paths && operator.slowest === true}
        {...words.get(id)}
        hidden={all.hidden.get(id)}
        onSelect={() => latest.current.onSelect(id)}
        onFold={() => latest.current.onFold(id)}
        onFocus={() => latest.current.onFocus(id)}
      />
    );
    if (!isMarked) made.set(id, { of: operator, said: JSON.stringify(words.get(id)), node, at: performance.now() });
    return node;
  });
}

/** What a card says of the functions that its operator calls, and of their actors. */
function wordsOf({ byId, actors, calls, waits }: Cards, id: number): { actors?: string; work?: Work } {
  const udf = actors.get(id)?.[1];
  const called = calls.get(id)?.map(([, one]) => one);
  const pool = called?.find((one) => Object.keys(one.actors).length > 0);
  return {
    actors: pool ? actorsShort(pool, udf) : udf && udfWords(udf),
    work: called && workWords(called, byId.get(id)!.state, waits.get(id)?.short ?? ""),
  };
}
