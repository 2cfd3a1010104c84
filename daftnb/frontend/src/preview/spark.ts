// A line through the points of an embedding, as SVG.
const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 96;
const HEIGHT = 18;

/** The path's commands in a box of that size; points that are no numbers leave a gap. */
export function pathOf(points: ArrayLike<number>, width: number, height: number): string {
  let [low, high] = [Infinity, -Infinity];
  for (let index = 0; index < points.length; index++) {
    const value = points[index]!;
    if (Number.isFinite(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
  }
  const step = points.length > 1 ? width / (points.length - 1) : 0;
  const range = high - low || 1;
  let path = "";
  let pen = false;
  for (let index = 0; index < points.length; index++) {
    const value = points[index]!;
    const drawn = Number.isFinite(value);
    const y = high === low ? height / 2 : height - ((value - low) / range) * height;
    if (drawn) path += `${pen ? "L" : "M"}${(index * step).toFixed(1)} ${y.toFixed(1)}`;
    pen = drawn;
  }
  return path;
}

export function spark(points: ArrayLike<number>): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", `0 -1 ${WIDTH} ${HEIGHT + 2}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", pathOf(points, WIDTH, HEIGHT));
  svg.append(path);
  return svg;
}
