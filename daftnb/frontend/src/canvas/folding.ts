// Which operators have what is above them folded away, and where those that remain stand.
import { useMemo, useState } from "preact/hooks";
import { layOut, type Placed, type Shape, shapeOf, unfolded } from "../layout.ts";

const ROOM = 22; // px above a card, for the sign that something is hidden there

interface Folding {
  layout: Placed;
  /** By folded operator: how many operators it hides. */
  hidden: Map<number, number>;
  /** Fold away what is above an operator, or show it again. */
  toggle: (id: number) => void;
}

/** Lay the operators out again only when the plan's shape, the height of a card or what is folded has changed. */
export function useFolding(operators: Shape[], cardHeight: number): Folding {
  const [folded, setFolded] = useState<ReadonlySet<number>>(new Set());
  const shape = shapeOf(operators);
  const { layout, hidden } = useMemo(() => {
    const { shown, hidden } = unfolded(operators, folded);
    return { layout: layOut(shown, cardHeight, hidden.size > 0 ? ROOM : 0), hidden };
  }, [shape, folded, cardHeight]);
  const toggle = (id: number) => {
    const next = new Set(folded);
    if (!next.delete(id)) next.add(id);
    setFolded(next);
  };
  return { layout, hidden, toggle };
}
