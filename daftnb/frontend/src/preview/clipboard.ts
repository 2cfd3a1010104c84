// Text into the clipboard. A page without a secure address has no clipboard of its own: there the old command does it.
export async function copyText(text: Promise<string>, near: HTMLElement): Promise<void> {
  if (navigator.clipboard && "ClipboardItem" in globalThis) {
    // Given at once, as a promise: what is written later than the key was pressed is refused by some browsers.
    const blob = text.then((words) => new Blob([words], { type: "text/plain" }));
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    return;
  }
  const words = await text;
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(words);
    return;
  }
  const focused = (near.getRootNode() as ShadowRoot).activeElement as HTMLElement | null;
  const field = document.createElement("textarea");
  field.value = words;
  field.className = "hidden";
  near.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  focused?.focus({ preventScroll: true });
  if (!done) throw new Error("The browser does not let this page copy.");
}

/** Save a file as the browser does, without leaving the page. */
export function save(file: Blob, name: string, near: HTMLElement): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  near.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
