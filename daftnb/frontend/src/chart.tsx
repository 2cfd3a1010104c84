// A chart in a box: drawn anew when its data, its width or the theme changes, with the line of the moment over it.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Cursor, follow } from "./cursor.tsx";
import { type Plot, plot } from "./plot.ts";
import type { Store } from "./store.ts";
import { coloursOf, type Theme } from "./theme.ts";

export interface ChartProps extends Plot {
  store: Store;
  label: string;
  className: string;
  height: number;
  theme: Theme;
}

export function Chart(props: ChartProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const { range, height, theme } = props;
  const levels = String([
    props.levels?.map(({ value }) => value),
    props.steps?.map(({ points, until }) => [points, until]),
  ]);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    observer.observe(canvas.current!.parentElement!);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (width > 0) plot(canvas.current!, props, width, height, coloursOf(canvas.current!, theme));
  }, [props.times, props.marks, range.from, range.to, props.most, levels, width, theme]);
  return (
    <div
      class={props.className}
      role="img"
      aria-label={props.label}
      style={{ height: `${height}px` }}
      {...follow(props.store, range)}
    >
      <canvas ref={canvas} style={{ height: `${height}px` }} />
      <Cursor store={props.store} range={range} />
    </div>
  );
}
