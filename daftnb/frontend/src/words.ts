// States as a sign and a word: never a colour alone.
export const GLYPHS: Record<string, string> = {
  planning: "◌", waiting: "○", running: "●", finished: "✓", failed: "✕", cancelled: "⊘",
  busy: "●", idle: "○", warm: "◐", starting: "◌", retired: "–", died: "✕", gone: "–", "no worker": "–",
};
export const glyph = (state: string): string => GLYPHS[state] ?? "·";
export const NATIVE =
  "Daft's native runner runs queries in this process: it has no workers and no backlog. %daft start gives it a Ray cluster.";
