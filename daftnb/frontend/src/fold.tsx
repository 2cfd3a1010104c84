// What scrolls says so: a button over the lower edge of the box, while there is more below it, that goes there.
import type { ComponentChildren, RefObject } from "preact";
import { useState } from "preact/hooks";
import { useScrolled } from "./scrolled.ts";

const SLACK = 6;

interface FoldProps {
  /** The box that scrolls; it has one child. */
  box: RefObject<HTMLElement | null>;
  /** What is below `edge`, in pixels from the top of that child. */
  words: (edge: number) => string;
  children: ComponentChildren;
}

export function Fold({ box, words, children }: FoldProps) {
  const [edge, setEdge] = useState<number | null>(null);
  useScrolled(box, ({ scrollTop, clientHeight, scrollHeight }) =>
    setEdge(scrollTop + clientHeight < scrollHeight - SLACK ? Math.round(scrollTop + clientHeight) : null),
  );
  return (
    <div class="folded">
      {children}
      {edge !== null && (
        <div class="fold">
          <button type="button" onClick={() => box.current?.scrollBy({ top: box.current.clientHeight * 0.8 })}>
            ↓ {words(edge)}
          </button>
        </div>
      )}
    </div>
  );
}
