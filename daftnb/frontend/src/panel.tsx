// A titled box. `bounded`: beside another panel it takes that one's height, and what is in it scrolls; `wide`: alone.
import type { ComponentChildren } from "preact";

interface PanelProps {
  title: string;
  sub?: ComponentChildren;
  bounded?: boolean;
  wide?: boolean;
  class?: string;
  children: ComponentChildren;
}

export function Panel({ title, sub, bounded, wide, class: name, children }: PanelProps) {
  return (
    <section class={["panel", name, bounded && "bounded", wide && "wide"].filter(Boolean).join(" ")} aria-label={title}>
      <div>
        <h3>{title}</h3> <span class="sub">{sub}</span>
      </div>
      {children}
    </section>
  );
}
