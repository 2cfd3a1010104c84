// Whether JupyterLab has left a view behind. When an output is updated, it draws the widget once more and takes what it
// drew before out of the page, but keeps that view: without this a view of each cell's end would live, and listen, on.

const LOOK_MS = 1_000;
const OUTPUT = ".jp-OutputArea";
const LOOKS = 2;
const LOOKS_NEVER = 4; // a view that is drawn and left between two looks was seen nowhere; one may also come late

/** Call `leave` once `element`, which was in an output, is in none for longer than a moment. (Of a cell that is out of
 * sight the output is not in the page either, but the element is in it.) */
export function whenLeft(element: HTMLElement, abort: AbortSignal, leave: () => void): void {
  let was = false;
  let gone = 0;
  const timer = setInterval(() => {
    if (element.closest(OUTPUT)) {
      was = true;
      gone = 0;
    } else if (element.isConnected) gone = 0;
    else if (++gone >= (was ? LOOKS : LOOKS_NEVER)) leave();
  }, LOOK_MS);
  abort.addEventListener("abort", () => clearInterval(timer));
}
