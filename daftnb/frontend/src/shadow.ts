// The shadow root that a view is drawn into: its style sheets, its theme, and a line for screen readers.
import { effect, type Signal } from "@preact/signals";
import base from "./base.css";
import { followTheme, type Theme } from "./theme.ts";

export interface Shadow {
  /** The element in the page; the shadow root is in it. */
  host: HTMLElement;
  /** The element that the view is drawn into. */
  root: HTMLElement;
  /** Screen readers say the text that is put here. */
  live: HTMLElement;
  /** The host's theme, followed until `abort`; the root has it as `data-theme`. */
  theme: Signal<Theme>;
}

/** Replace what is in `el` with an empty shadow root for the view of this name. */
export function mountShadow(el: HTMLElement, view: string, style: string, abort: AbortSignal): Shadow {
  const host = document.createElement("div");
  el.replaceChildren(host);
  const shadow = host.attachShadow({ mode: "open" });
  const sheet = document.createElement("style");
  sheet.textContent = base + style;
  const root = document.createElement("div");
  root.className = "root";
  root.dataset.view = view;
  const live = document.createElement("div");
  live.className = "hidden";
  live.setAttribute("role", "status");
  live.setAttribute("aria-live", "polite");
  shadow.append(sheet, root, live);
  const theme = followTheme(abort);
  const dispose = effect(() => {
    root.dataset.theme = theme.value;
  });
  abort.addEventListener("abort", dispose);
  return { host, root, live, theme };
}
