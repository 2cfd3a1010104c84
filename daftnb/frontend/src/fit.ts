// Whether texts have room beside one another on a line. A box that cuts off what is too long has a clip, and every clip
// on the page costs each frame of the screen: so only a box in which something is too long has one.
const FAMILY = 'system-ui, -apple-system, "Segoe UI", sans-serif';
const MOST = 2_000; // widths that are kept
const SLACK = 4; // px

export type Width = (text: string) => number;

/** The widths of texts in a font, in pixels; `font`: weight and size. Digits are as wide as each other. */
export function widths(font: string): Width {
  let context: CanvasRenderingContext2D | null = null;
  const known = new Map<string, number>();
  return (text) => {
    const like = text.replace(/\d/g, "0");
    let width = known.get(like);
    if (width === undefined) {
      context ??= document.createElement("canvas").getContext("2d")!;
      context.font = `${font} ${FAMILY}`;
      if (known.size >= MOST) known.clear();
      width = context.measureText(like).width;
      known.set(like, width);
    }
    return width;
  };
}

/** Whether all of them fit into `room` pixels, `gap` apart; those that are empty are not there. */
export function fits(room: number, gap: number, ...texts: [text: string, width: Width][]): boolean {
  const there = texts.filter(([text]) => text !== "");
  return there.reduce((sum, [text, width]) => sum + width(text), gap * (there.length - 1)) <= room - SLACK;
}
