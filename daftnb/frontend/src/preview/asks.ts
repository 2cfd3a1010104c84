// What is asked of the kernel now and then: a value in full, a range as text, the view as code or as a file.
import { COPIED_AT_ONCE } from "../limits.ts";
import type { Busy, PreviewStore } from "./store.ts";
import type { Answer, Cell, Request } from "./wire.ts";

export const MOST_COPIED = 100_000; // rows

/** The whole of a value; `hear` gets it, or why not. Gives what ends the waiting. */
export function cellOf(
  { line, number }: PreviewStore,
  row: number,
  column: number,
  hear: (cell: Cell | string) => void,
): () => void {
  const id = line.ask({ type: "cell", view: number, row, column }, (answer) => {
    if (answer.type === "cell") hear(answer.cell);
    else if (answer.type === "error") hear(answer.message);
  });
  return () => line.drop(id);
}

function answered<T>({ line }: PreviewStore, request: Request, read: (answer: Answer) => T | null): Promise<T> {
  return new Promise((done, fail) => {
    line.ask(request, (answer) => {
      const value = read(answer);
      if (value !== null) done(value);
      else
        fail(
          new Error(answer.type === "error" ? answer.message : "The answer of the kernel does not match the request."),
        );
    });
  });
}

/** A range as tab-separated text, asked for in parts that the kernel gives. */
export async function copied(store: PreviewStore, start: number, count: number, columns: number[]): Promise<string> {
  const parts: string[] = [];
  const view = store.number;
  for (let from = start; from < start + count; from += COPIED_AT_ONCE) {
    const some = Math.min(COPIED_AT_ONCE, start + count - from);
    const text = await answered(store, { type: "copy", view, start: from, count: some, columns }, (answer) =>
      answer.type === "copy" ? answer.text : null,
    );
    parts.push(text.replace(/\r?\n$/, ""));
  }
  return parts.join("\n");
}

export const codeOf = (store: PreviewStore): Promise<{ python: string; sql: string | null }> =>
  answered(store, { type: "code" }, (answer) =>
    answer.type === "code" ? { python: answer.python, sql: answer.sql } : null,
  );

/** The view as a file, in parts; `hear` gets all of it. */
export function download(
  store: PreviewStore,
  format: "csv" | "parquet",
  hear: (file: Blob, name: string) => void,
): void {
  const { line } = store;
  const parts: Uint8Array[] = [];
  const since = performance.now();
  const tell = (busy: Busy | null) => (store.download.value = busy);
  store.download.peek()?.stop();
  const id = line.ask({ type: "download", format }, (answer) => {
    if (answer.type === "download" && answer.part === parts.length) {
      parts.push(answer.data);
      tell({ words: `Downloading ${answer.name}: part ${parts.length} of ${answer.of}`, since, stop });
      if (parts.length < answer.of) return;
      hear(new Blob(parts as Uint8Array<ArrayBuffer>[], { type: answer.mime }), answer.name);
      store.said.value = `${answer.name} is downloaded.`;
    } else {
      line.drop(id);
      store.problem.value =
        answer.type === "error" ? answer.message : "A part of the file is missing. Try the download again.";
    }
    tell(null);
  });
  const stop = () => {
    line.cancel(id);
    line.drop(id);
    tell(null);
    store.said.value = "The download is stopped.";
  };
  tell({ words: `Making the ${format === "csv" ? "CSV" : "Parquet"} file`, since, stop });
}
