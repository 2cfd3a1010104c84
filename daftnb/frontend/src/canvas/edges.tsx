// What connects the operators: broad where they run in the same tasks, marked where they are on the slowest path.
import type { Placed } from "../layout.ts";
import { DERIVED, type Drawn, skewShort } from "../planwords.ts";

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

interface LegendProps {
  edges: Edges;
  paths: boolean;
  /** Whether a card says what functions do. */
  calls: boolean;
  operators: Drawn[];
}

/** What the signs in this plan mean. */
export function Legend({ edges, paths, calls, operators }: LegendProps) {
  const legend = [
    edges.fused && "broad line: in the same tasks",
    paths && "⚑ slowest path: of a join's inputs, the one with the most work",
    operators.some((operator) => skewShort(operator.skew)) && "⚠ the slowest task against the median",
    calls && "ƒ a function of yours: rows a second (derived), time in its code",
    operators.some(({ derived_us, derived_rows }) => derived_us || derived_rows) &&
      `${DERIVED}derived: not told by the engine, or not yet`,
  ].filter(Boolean);
  return legend.length > 0 ? <div class="detail">{legend.join(" · ")}</div> : null;
}
