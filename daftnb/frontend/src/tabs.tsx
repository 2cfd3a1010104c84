// Tabs as ARIA has them: one of them is in the tab order, arrow keys go to the next, Home and End to the ends.
import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";

interface TabsProps {
  label: string;
  names: readonly string[];
  chosen: Signal<string>;
  children: (name: string) => ComponentChildren;
}

export function Tabs({ label, names, chosen, children }: TabsProps) {
  const current = names.includes(chosen.value) ? chosen.value : names[0]!;
  const onKeyDown = (event: KeyboardEvent) => {
    const at = names.indexOf(current);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + names.length, Home: 0, End: names.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    chosen.value = names[to % names.length]!;
    (event.currentTarget as HTMLElement).querySelector<HTMLElement>(`#tab-${chosen.value}`)?.focus();
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
        {names.map((name) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`tab-${name}`}
            aria-selected={name === current}
            aria-controls="tab-panel"
            tabIndex={name === current ? 0 : -1}
            onClick={() => (chosen.value = name)}
          >
            {name}
          </button>
        ))}
      </div>
      <div class="tab-panel" role="tabpanel" id="tab-panel" aria-labelledby={`tab-${current}`}>
        {children(current)}
      </div>
    </>
  );
}
