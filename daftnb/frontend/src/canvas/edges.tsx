// What connects the operators: broad where they run in the same tasks, marked where they are on the slowest path.
import type { Placed } from "../layout.ts";
import { type Drawn, skewShort } from "../planwords.ts";

const KINDS = ["fused", "", "slow"] as const; // as the style sheet names them; the last is drawn on top

export type Edges = Record<(typeof KINDS)[number], string>;

/** Return the edges as one SVG path per kind. `paths`: whether the plan has inputs to choose the slowest path from. */
export function edgesOf(layout: Placed, byId: ReadonlyMap<number, Drawn>, paths: boolean): Edges {
  const edges = { "": "", fused: "", slow: "" };
  for (const { from, to, path } of layout.edges) {
    const [a, b] = [byId.get(from), byId.get(to)];
    if (a?.stage != null && a.stage === b?.stage) edges.fused += path;
    if (paths && a?.slowest && b?.slowest) edges.slow += path;
    else edges[""] += path;
  }
  return edges;
}

export function EdgeLines({ edges, width, height }: { edges: Edges; width: number; height: number }) {
  return (
    <svg width={width} height={height} aria-hidden="true">
      {KINDS.map((kind) => edges[kind] !== "" && <path key={kind} class={kind} d={edges[kind]} />)}
    </svg>
  );
}

/** What the signs in this plan mean. */
export function Legend({ edges, paths, operators }: { edges: Edges; paths: boolean; operators: Drawn[] }) {
  const legend = [
    edges.fused && "broad line: in the same tasks",
    paths && "⚑ slowest path: of a join's inputs, the one with the most work",
    operators.some((operator) => skewShort(operator.skew)) && "⚠ the slowest task against the median",
  ].filter(Boolean);
  return legend.length > 0 ? <div class="detail">{legend.join(" · ")}</div> : null;
}
