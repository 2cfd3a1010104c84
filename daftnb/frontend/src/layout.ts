// Where the operators stand: sources on top, the root at the bottom. Computed when the plan's shape changes only.
import dagre from "@dagrejs/dagre";

/** What a plan is made of, whatever else is known of it. */
export interface Shape {
  id: number;
  inputs: number[];
  /** px that its card is higher than the others. */
  more?: number;
}

export interface Place {
  x: number;
  y: number;
  /** px of the card's height. */
  high: number;
}

export interface Placed {
  width: number;
  height: number;
  order: number[];
  places: Map<number, Place>;
  edges: { from: number; to: number; path: string }[];
}

export const CARD_WIDTH = 240;
const GAP = { x: 18, y: 26 } as const;
const MARGIN = 6;
/** Dagre takes a second for 1,000 operators; a plan of that size is a tree of few joins, which needs less thought. */
const MOST_FOR_DAGRE = 150;

/** The plan's shape in one string: ids, their inputs, and which cards are higher. */
export const shapeOf = (nodes: Shape[]): string =>
  nodes.map(({ id, inputs, more }) => `${id}<${inputs.join(",")}${more ? `+${more}` : ""}`).join(";");

/** The operators that are not above a collapsed one, and of each collapsed one, how many are hidden above it. */
export function unfolded<T extends Shape>(
  nodes: T[],
  collapsed: ReadonlySet<number>,
): { shown: T[]; hidden: Map<number, number> } {
  if (collapsed.size === 0) return { shown: nodes, hidden: new Map() };
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const fed = new Set(nodes.flatMap((node) => node.inputs));
  const reach = (from: number[], through: (id: number) => boolean): Set<number> => {
    const found = new Set<number>();
    const left = [...from];
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      const node = byId.get(id);
      if (!node || found.has(id)) continue;
      found.add(id);
      if (through(id)) left.push(...node.inputs);
    }
    return found;
  };
  const seen = reach(
    nodes.filter((node) => !fed.has(node.id)).map((node) => node.id),
    (id) => !collapsed.has(id),
  );
  const hidden = new Map<number, number>();
  for (const id of collapsed) {
    if (seen.has(id))
      hidden.set(id, [...reach(byId.get(id)!.inputs, () => true)].filter((above) => !seen.has(above)).length);
  }
  return { shown: nodes.filter((node) => seen.has(node.id)), hidden };
}

/** `top`: what is kept free above, for the signs of operators that are not shown. */
export function layOut(nodes: Shape[], cardHeight: number, top = 0): Placed {
  const known = new Set(nodes.map((node) => node.id));
  const edges = nodes.flatMap((node) =>
    node.inputs.filter((input) => known.has(input)).map((from) => ({ from, to: node.id })),
  );
  const places = nodes.length > MOST_FOR_DAGRE ? asTree(nodes, known, cardHeight) : byDagre(nodes, edges, cardHeight);
  const all = [...places.values()];
  for (const place of all) place.y += top;
  return {
    width: Math.max(0, ...all.map(({ x }) => x)) + CARD_WIDTH + MARGIN,
    height: Math.max(0, ...all.map(({ y, high }) => y + high)) + MARGIN,
    order: [...places.entries()].sort(([, a], [, b]) => a.y - b.y || a.x - b.x).map(([id]) => id),
    places,
    edges: edges.map(({ from, to }) => ({ from, to, path: edgePath(places.get(from)!, places.get(to)!) })),
  };
}

function byDagre(nodes: Shape[], edges: { from: number; to: number }[], height: number): Placed["places"] {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "TB", nodesep: GAP.x, ranksep: GAP.y, marginx: MARGIN, marginy: MARGIN });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id, more = 0 } of nodes) graph.setNode(String(id), { width: CARD_WIDTH, height: height + more });
  for (const { from, to } of edges) graph.setEdge(String(from), String(to));
  dagre.layout(graph);
  return new Map(
    nodes.map(({ id, more = 0 }) => {
      const { x, y } = graph.node(String(id)) as { x: number; y: number };
      const high = height + more;
      return [id, { x: Math.round(x - CARD_WIDTH / 2), y: Math.round(y - high / 2), high }];
    }),
  );
}

/** Give each source a column, from left to right; any other operator stands in the middle of its inputs, a layer below
 * them. */
function asTree(nodes: Shape[], known: ReadonlySet<number>, height: number): Placed["places"] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const fed = new Set(nodes.flatMap((node) => node.inputs));
  const column = new Map<number, number>();
  let columns = 0;
  const stack: [number, boolean][] = nodes.filter((node) => !fed.has(node.id)).map((node) => [node.id, false]);
  for (let top = stack.pop(); top; top = stack.pop()) {
    const [id, inputsDone] = top;
    if (column.has(id)) continue;
    const inputs = byId.get(id)!.inputs.filter((input) => known.has(input));
    if (!inputsDone) {
      stack.push([id, true]);
      for (const input of [...inputs].reverse()) if (!column.has(input)) stack.push([input, false]);
      continue;
    }
    const at = inputs.map((input) => column.get(input) ?? 0);
    column.set(id, inputs.length === 0 ? columns++ : (Math.min(...at) + Math.max(...at)) / 2);
  }
  const below = new Map<number, number>(); // how many layers are
  for (const id of [...column.keys()].reverse()) {
    const layers = below.get(id) ?? 0;
    below.set(id, layers);
    for (const input of byId.get(id)!.inputs) below.set(input, Math.max(below.get(input) ?? 0, layers + 1));
  }
  const last = Math.max(0, ...below.values());
  const high = (id: number): number => height + (byId.get(id)!.more ?? 0);
  const highest = Array<number>(last + 1).fill(height);
  for (const [id, layers] of below) highest[last - layers] = Math.max(highest[last - layers]!, high(id));
  const tops = [MARGIN];
  for (const most of highest) tops.push(tops.at(-1)! + most + GAP.y);
  const free = new Map<number, number>(); // by layer, the first column: what feeds two may bring two to one place
  const places: Placed["places"] = new Map();
  for (const [id, wanted] of [...column].sort(([, a], [, b]) => a - b)) {
    const layer = last - below.get(id)!;
    const at = Math.max(wanted, free.get(layer) ?? 0);
    free.set(layer, at + 1);
    places.set(id, { x: MARGIN + Math.round(at * (CARD_WIDTH + GAP.x)), y: tops[layer]!, high: high(id) });
  }
  return places;
}

function edgePath(from: Place, to: Place): string {
  const [x0, y0] = [from.x + CARD_WIDTH / 2, from.y + from.high];
  const [x1, y1] = [to.x + CARD_WIDTH / 2, to.y];
  const middle = y1 - GAP.y / 2; // an edge over several layers goes straight down first
  if (x0 === x1) return `M${x0} ${y0}V${y1}`;
  const bend = `C${x0} ${middle} ${x1} ${middle - GAP.y / 4} ${x1} ${y1}`;
  return y1 - y0 > GAP.y ? `M${x0} ${y0}V${y1 - GAP.y}${bend}` : `M${x0} ${y0}${bend}`;
}

/** The operator that is next in a direction, by where they stand; null at the edge. */
export function nextTo(placed: Placed, id: number, key: string): number | null {
  const from = placed.places.get(id);
  if (!from) return null;
  let best: number | null = null;
  let least = Infinity;
  for (const [other, { x, y }] of placed.places) {
    const [dx, dy] = [x - from.x, y - from.y];
    const [along, across] =
      key === "ArrowDown" ? [dy, dx] : key === "ArrowUp" ? [-dy, dx] : key === "ArrowRight" ? [dx, dy] : [-dx, dy];
    if (along <= 0) continue;
    const far = along + 2 * Math.abs(across);
    if (far < least) [best, least] = [other, far];
  }
  return best;
}
