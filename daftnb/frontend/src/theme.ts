// Light or dark, as the host says it: JupyterLab, VS Code, then the system; followed while the view lives.
import { type Signal, signal } from "@preact/signals";

export type Theme = "light" | "dark";

export function themeOf(body: HTMLElement, systemDark: boolean): Theme {
  const jupyter = body.dataset.jpThemeLight;
  if (jupyter !== undefined) return jupyter === "true" ? "light" : "dark";
  if (body.classList.contains("vscode-dark") || body.classList.contains("vscode-high-contrast")) return "dark";
  if (body.classList.contains("vscode-light")) return "light";
  return systemDark ? "dark" : "light";
}

export function followTheme(abort: AbortSignal): Signal<Theme> {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const theme = signal<Theme>(themeOf(document.body, system.matches));
  const update = () => (theme.value = themeOf(document.body, system.matches));
  const observer = new MutationObserver(update);
  observer.observe(document.body, { attributes: true, attributeFilter: ["class", "data-jp-theme-light"] });
  system.addEventListener("change", update, { signal: abort });
  abort.addEventListener("abort", () => observer.disconnect());
  return theme;
}

export type Colours = (name: string) => string;
const known = new Map<string, string>();

/** The values of the style sheet's colours in a theme; they are the same in every view. */
export const coloursOf =
  (element: Element, theme: Theme): Colours =>
  (name) => {
    const key = `${theme}${name}`;
    let value = known.get(key);
    if (value === undefined) {
      value = getComputedStyle(element).getPropertyValue(name).trim();
      if (value) known.set(key, value);
    }
    return value;
  };
