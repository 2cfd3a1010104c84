// A panel over the grid: it takes the focus, Escape closes it, and so does a press elsewhere in the view.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface PopupProps {
  label: string;
  /** px from the left of the grid; it keeps within it. */
  x: number;
  onClose: (back: boolean) => void;
  children: ComponentChildren;
  wide?: boolean;
}

export function Popup({ label, x, onClose, children, wide }: PopupProps) {
  const box = useRef<HTMLDivElement>(null);
  const close = useRef(onClose);
  close.current = onClose;
  useEffect(() => {
    const element = box.current!;
    (
      element.querySelector<HTMLElement>("[data-first]") ?? element.querySelector<HTMLElement>("input, select, button")
    )?.focus({ preventScroll: true });
    const root = element.getRootNode() as ShadowRoot;
    const onPress = (event: Event) => {
      const [target] = event.composedPath();
      if (!(target instanceof Node) || !element.contains(target)) close.current(false);
    };
    root.addEventListener("pointerdown", onPress);
    return () => root.removeEventListener("pointerdown", onPress);
  }, []);
  const width = wide ? 460 : 320;
  return (
    <div
      class={wide ? "popup wide" : "popup"}
      role="dialog"
      aria-label={label}
      ref={box}
      style={{ left: `max(0px, min(${Math.max(0, x)}px, 100% - ${width + 8}px))` }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        event.preventDefault();
        onClose(true);
      }}
    >
      {children}
    </div>
  );
}
