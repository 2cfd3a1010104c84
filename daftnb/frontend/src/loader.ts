// What each widget carries: gets the bundle from the kernel's one library model, once per page, and draws with it.
interface Library {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  once(event: string, callback: () => void): void;
  send(content: unknown): void;
}
interface Model {
  get(name: string): unknown;
  widget_manager: { get_model(id: string): Promise<Library> };
}
type Render = (context: { model: unknown; el: HTMLElement }) => unknown;

const ASK_AGAIN_MS = 1_000;

/** Return the bundle's code. It comes with its model, but no notebook saves it: ask for it where it is missing. */
async function codeOf(library: Library): Promise<string> {
  while (!library.get("code")) {
    const came = new Promise<void>((done) => library.once("change:code", done));
    library.send({ type: "code" });
    // The first message of a page may wait for the cell that runs; a later one takes the subshell that is made for it.
    await Promise.race([came, new Promise((done) => setTimeout(done, ASK_AGAIN_MS))]);
  }
  return String(library.get("code"));
}

async function bundle(model: Model): Promise<{ render: Render }> {
  const key = `daftnb:${String(model.get("_library_hash"))}`;
  const page = globalThis as unknown as Record<string, Promise<{ render: Render }> | undefined>;
  page[key] ??= (async () => {
    const library = await model.widget_manager.get_model(String(model.get("_library_id")));
    const url = URL.createObjectURL(new Blob([await codeOf(library)], { type: "text/javascript" }));
    try {
      const loaded = (await import(/* @vite-ignore */ url)) as { render: Render };
      library.set("code", ""); // here alone: the page has no more use for it, and may be asked to keep its models
      return loaded;
    } finally {
      URL.revokeObjectURL(url);
    }
  })();
  try {
    return await page[key];
  } catch (error) {
    delete page[key];
    throw error;
  }
}

async function render({ model, el }: { model: Model; el: HTMLElement }): Promise<unknown> {
  try {
    return (await bundle(model)).render({ model, el });
  } catch (error) {
    console.error("daftnb:", error);
    el.dataset.daftnbFailed = ""; // where there is a static form, it stays
    el.textContent = "daftnb: this live view cannot be drawn (its kernel may be gone). Run the cell again.";
    return undefined;
  }
}

export default { render };
