// Where the operators stand: sources on top, the root at the bottom. Computed when the plan's shape changes only.
import dagre from "@dagrejs/dagre";
import type { Operator, Plan } from "./frame.ts";

export const CARD = { width: 216, height: 66 } as const;

export interface Placed {
  key: string;
  width: number;
  height: number;
  order: number[];
  places: Map<number, { x: number; y: number }>;
  edges: { from: number; to: number; path: string }[];
}

/** The plan's shape in one string: ids and their inputs. */
export const shapeOf = (plan: Plan): string =>
  Object.values(plan.operators)
    .map((operator) => `${operator.id}<${operator.inputs.join(",")}`)
    .join(";");

export function layOut(plan: Plan): Placed {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 18, ranksep: 22, marginx: 4, marginy: 4 });
  graph.setDefaultEdgeLabel(() => ({}));
  const operators: Operator[] = Object.values(plan.operators);
  const known = new Set(operators.map((operator) => operator.id));
  for (const operator of operators) graph.setNode(String(operator.id), { ...CARD });
  for (const operator of operators) {
    for (const input of operator.inputs) if (known.has(input)) graph.setEdge(String(input), String(operator.id));
  }
  dagre.layout(graph);
  const places = new Map(
    operators.map((operator) => {
      const { x, y } = graph.node(String(operator.id)) as { x: number; y: number };
      return [operator.id, { x: Math.round(x - CARD.width / 2), y: Math.round(y - CARD.height / 2) }];
    }),
  );
  const edges = operators.flatMap((operator) =>
    operator.inputs
      .filter((input) => known.has(input))
      .map((input) => ({ from: input, to: operator.id, path: edgePath(places.get(input)!, places.get(operator.id)!) })),
  );
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  const order = [...places.entries()].sort(([, a], [, b]) => a.y - b.y || a.x - b.x).map(([id]) => id);
  return { key: shapeOf(plan), width: Math.ceil(width), height: Math.ceil(height), order, places, edges };
}

function edgePath(from: { x: number; y: number }, to: { x: number; y: number }): string {
  const [x0, y0] = [from.x + CARD.width / 2, from.y + CARD.height];
  const [x1, y1] = [to.x + CARD.width / 2, to.y];
  const middle = (y0 + y1) / 2;
  return x0 === x1 ? `M${x0} ${y0}V${y1}` : `M${x0} ${y0}C${x0} ${middle} ${x1} ${middle} ${x1} ${y1}`;
}
