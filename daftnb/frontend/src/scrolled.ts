// What part of a box is in sight: told when it is scrolled, and when its size or that of its one child changes.
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

export function useScrolled(box: RefObject<HTMLElement | null>, look: (element: HTMLElement) => void): void {
  useEffect(() => {
    const element = box.current!;
    const again = () => look(element);
    const observer = new ResizeObserver(again);
    observer.observe(element);
    if (element.firstElementChild) observer.observe(element.firstElementChild);
    element.addEventListener("scroll", again, { passive: true });
    again();
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", again);
    };
  }, []);
}
