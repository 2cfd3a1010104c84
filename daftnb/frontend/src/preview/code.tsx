// The view as code: asked of the kernel, shown, and copied.
import { useEffect, useState } from "preact/hooks";
import { codeOf } from "./asks.ts";
import { copyText } from "./clipboard.ts";
import type { PreviewStore } from "./store.ts";

export function CodePanel({ store, onClose }: { store: PreviewStore; onClose: (back: boolean) => void }) {
  const [code, setCode] = useState<{ python: string; sql: string | null } | string | null>(null);
  const [copied, setCopied] = useState("");
  useEffect(() => {
    codeOf(store).then(setCode, (error: unknown) => setCode(error instanceof Error ? error.message : String(error)));
  }, []);
  const copy = (name: string, text: string) => (event: MouseEvent) => {
    copyText(Promise.resolve(text), event.currentTarget as HTMLElement).then(
      () => {
        setCopied(name);
        store.said.value = `Copied the ${name} code.`;
      },
      () => setCopied("not"),
    );
  };
  const part = (name: string, text: string) => (
    <>
      <div class="code-head">
        <h4>{name}</h4>
        <button type="button" onClick={copy(name, text)}>
          {copied === name ? "Copied ✓" : "Copy"}
        </button>
      </div>
      <pre class="source" tabIndex={0}>
        {text}
      </pre>
    </>
  );
  return (
    <>
      <header>
        <h3>This view as code</h3>
        <button type="button" class="close" data-first aria-label="Close" onClick={() => onClose(true)}>
          ×
        </button>
      </header>
      {code === null && <p class="muted">…</p>}
      {typeof code === "string" && <p class="problem">{code}</p>}
      {code !== null && typeof code === "object" && (
        <>
          {part("Python", code.python)}
          {code.sql !== null && part("SQL", code.sql)}
        </>
      )}
      {copied === "not" && <p class="problem">The browser does not let this page copy. Select the text and copy it.</p>}
    </>
  );
}
