// Whether anybody can see an element: it is on the screen, and the page is the one in front.

export function followSeen(element: HTMLElement, abort: AbortSignal, tell: (seen: boolean) => void): void {
  let here = true;
  const update = () => tell(here && !document.hidden);
  const observer = new IntersectionObserver((entries) => {
    here = entries.at(-1)?.isIntersecting ?? true;
    update();
  });
  observer.observe(element);
  document.addEventListener("visibilitychange", update, { signal: abort });
  abort.addEventListener("abort", () => observer.disconnect());
  update();
}
