// How large the canvas's box is, without its borders and scroll bars.
import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

export type Box = RefObject<HTMLDivElement | null>;

/** In px; zero until the box has been measured. */
export interface Size {
  width: number;
  height: number;
}

export function useSize(box: Box): Size {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const element = box.current!;
    const observer = new ResizeObserver(() => setSize({ width: element.clientWidth, height: element.clientHeight }));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return size;
}
