// What scrolls says so: a button over the lower edge of the box, while there is more below it, that goes there.
import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

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
  useEffect(() => {
    const element = box.current!;
    const look = () => {
      const { scrollTop, clientHeight, scrollHeight } = element;
      setEdge(scrollTop + clientHeight < scrollHeight - SLACK ? Math.round(scrollTop + clientHeight) : null);
    };
    const observer = new ResizeObserver(look);
    observer.observe(element);
    if (element.firstElementChild) observer.observe(element.firstElementChild);
    element.addEventListener("scroll", look, { passive: true });
    look();
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, []);
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
