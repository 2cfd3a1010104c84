// A canvas as sharp as the screen is.

/** Size a canvas to `width` by `height` CSS pixels, with as many dots as the screen has there, and empty it. Return its
 * context, which draws in CSS pixels. */
export function sizedContext(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const scale = devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d")!;
  context.scale(scale, scale);
  return context;
}
