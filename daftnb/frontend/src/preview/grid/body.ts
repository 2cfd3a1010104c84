// The grid's elements, and the body that draws rows into them.
import { effect, type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Body } from "../body.ts";
import type { Span } from "../geometry.ts";
import type { PreviewStore } from "../store.ts";
import { Thumbnails } from "../thumbnails.ts";

const SETTLED_MS = 120; // without scrolling, before summaries are asked for

type Ref = RefObject<HTMLDivElement | null>;

interface GridBody {
  scroller: Ref;
  space: Ref;
  pane: Ref;
  head: Ref;
  rows: Ref;
  /** Null until the elements are there. */
  body: RefObject<Body | null>;
  /** The columns in sight. */
  span: Signal<Span>;
}

/** Make the body once its elements are there, and draw it again when the store changes. */
export function useBody(store: PreviewStore): GridBody {
  const scroller = useRef<HTMLDivElement>(null);
  const space = useRef<HTMLDivElement>(null);
  const pane = useRef<HTMLDivElement>(null);
  const head = useRef<HTMLDivElement>(null);
  const rows = useRef<HTMLDivElement>(null);
  const body = useRef<Body | null>(null);
  const span = useSignal<Span>({ from: 0, to: 0 });
  const [, ready] = useState(false);

  useLayoutEffect(() => {
    const abort = new AbortController();
    let settled: ReturnType<typeof setTimeout> | undefined;
    const parts = {
      scroller: scroller.current!,
      space: space.current!,
      pane: pane.current!,
      rows: rows.current!,
      head: head.current!,
    };
    const sum = () => {
      clearTimeout(settled);
      settled = setTimeout(() => {
        const { columns, pinned } = store.view.peek();
        store.sum([...columns.slice(0, pinned), ...columns.slice(span.peek().from, span.peek().to)]);
      }, SETTLED_MS);
    };
    const onSpan = (to: Span) => {
      span.value = { ...to };
      sum();
    };
    const drawn = new Body(store, parts, new Thumbnails(abort.signal), onSpan, abort.signal);
    body.current = drawn;
    const disposers = [
      effect(() => {
        void [store.view.value, store.widths.chosen.value, store.rows.value, store.table.value];
        drawn.layOut();
      }),
      effect(() => {
        void store.stamp.value;
        drawn.soon();
        sum();
      }),
      effect(() => {
        void [store.active.value, store.anchor.value];
        drawn.mark();
      }),
    ];
    ready(true); // the header is drawn with the body's edges
    return () => {
      abort.abort();
      clearTimeout(settled);
      for (const dispose of disposers) dispose();
    };
  }, [store]);

  return { scroller, space, pane, head, rows, body, span };
}
