// What each widget carries: gets the bundle from the kernel's one library model, once per page, and draws with it.
interface Library {
  get(name: string): unknown;
  once(event: string, callback: () => void): void;
  send(content: unknown): void;
}
interface Model {
  get(name: string): unknown;
  widget_manager: { get_model(id: string): Promise<Library> };
}
type Render = (context: { model: unknown; el: HTMLElement }) => unknown;

async function bundle(model: Model): Promise<{ render: Render }> {
  const key = `daftnb:${String(model.get("_library_hash"))}`;
  const page = globalThis as unknown as Record<string, Promise<{ render: Render }> | undefined>;
  page[key] ??= (async () => {
    const library = await model.widget_manager.get_model(String(model.get("_library_id")));
    // The kernel takes it back after a cell, so that it is in no notebook: it comes again when it is asked for.
    while (!library.get("code")) {
      const came = new Promise<void>((done) => library.once("change:code", done));
      library.send({ type: "code" });
      await came;
    }
    const url = URL.createObjectURL(new Blob([String(library.get("code"))], { type: "text/javascript" }));
    try {
      return (await import(/* @vite-ignore */ url)) as { render: Render };
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
    el.textContent = "daftnb: this live view cannot be drawn (its kernel may be gone). Run the cell again.";
    return undefined;
  }
}

export default { render };
