// uPlot in a preact component: one chart, redrawn when its data, its width or the theme changes, and only when seen.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { Theme } from "./theme.ts";
import type { Range } from "./window.ts";

export type Draw = (chart: uPlot, colour: (name: string) => string) => void;

export interface ChartProps {
  label: string;
  className: string;
  height: number;
  data: uPlot.AlignedData;
  series: { colour: string; fill?: string; width?: number; dash?: number[]; stepped?: boolean }[];
  range: Range;
  most: number;
  theme: Theme;
  draw?: Draw;
}

const AXIS_WIDTH = 38;

export function Chart(props: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const visible = useRef(true);

  useEffect(() => {
    const element = box.current!;
    const colour = (name: string) => getComputedStyle(element).getPropertyValue(name).trim() || "gray";
    const make = () => {
      chart.current?.destroy();
      chart.current = new uPlot(options(latest.current, element.clientWidth, colour, latest), latest.current.data, element);
    };
    make();
    const resize = new ResizeObserver(() => {
      if (element.clientWidth > 0) chart.current?.setSize({ width: element.clientWidth, height: latest.current.height });
    });
    resize.observe(element);
    const seen = new IntersectionObserver(([entry]) => {
      visible.current = entry?.isIntersecting ?? true;
      if (visible.current) refresh(chart.current, latest.current);
    });
    seen.observe(element);
    return () => {
      resize.disconnect();
      seen.disconnect();
      chart.current?.destroy();
      chart.current = null;
    };
  }, [props.theme]);

  useEffect(() => {
    if (visible.current && !document.hidden) refresh(chart.current, props);
  }, [props.data, props.range.from, props.range.to, props.most]);

  return <div class={props.className} ref={box} role="img" aria-label={props.label} />;
}

function refresh(chart: uPlot | null, props: ChartProps): void {
  chart?.setData(props.data, true);
}

function options(
  props: ChartProps,
  width: number,
  colour: (name: string) => string,
  latest: { current: ChartProps },
): uPlot.Options {
  const text = colour("--muted");
  const axis: uPlot.Axis = {
    stroke: text,
    grid: { show: false },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
  return {
    width: Math.max(width, 60),
    height: props.height,
    padding: [16, 8, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: () => [latest.current.range.from, latest.current.range.to] },
      y: { range: () => [0, latest.current.most] },
    },
    axes: [
      {
        ...axis,
        size: 18,
        gap: 2,
        space: 60,
        incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600],
        splits: (_chart, _axis, _min, _max, increment) => ticks(latest.current.range, increment),
        values: (_chart, values) => values.map((t) => `${Math.round(t - zero(latest.current.range))} s`),
      },
      { ...axis, size: AXIS_WIDTH, gap: 4, space: 26 },
    ],
    series: [
      {},
      ...props.series.map((series): uPlot.Series => ({
        stroke: colour(series.colour),
        ...(series.fill ? { fill: colour(series.fill) } : {}),
        width: series.width ?? 1.5,
        ...(series.dash ? { dash: series.dash } : {}),
        ...(series.stepped ? { paths: uPlot.paths.stepped!({ align: 1 }) } : {}),
        points: { show: false },
        spanGaps: false,
      })),
    ],
    hooks: { draw: [(chart) => latest.current.draw?.(chart, colour)] },
  };
}

// The axis counts from the query's start, which is one second after the range's.
const zero = (range: Range): number => range.from + 1;

function ticks(range: Range, increment: number): number[] {
  const found: number[] = [];
  for (let t = zero(range); t <= range.to; t += increment) found.push(t);
  return found;
}
