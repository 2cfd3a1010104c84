// A preview's store with a kernel that a test plays; pages are encoded as the kernel encodes them.
import type { TestContext } from "node:test";
import { columnFromArray, type DataType, tableFromColumns, tableToIPC } from "@uwdata/flechette";
import { PreviewStore } from "../src/preview/store.ts";
import type { Kind } from "../src/preview/wire.ts";
import type { Model } from "../src/store.ts";

export function encode(fields: Record<string, [values: unknown[] | ArrayLike<number>, type?: DataType]>): Uint8Array {
  const columns = Object.entries(fields).map(
    ([name, [values, type]]) =>
      [name, type ? columnFromArray(values as unknown[], type) : columnFromArray(values as unknown[])] as const,
  );
  return tableToIPC(tableFromColumns(columns as never), { format: "stream" })!;
}

export interface Sent {
  type: string;
  id: number;
  [key: string]: unknown;
}

export const table = (columns: number, rows: number, kind: Kind = "integer", more: object = {}) => ({
  name: "df",
  rows,
  state: "ready",
  runner: "native",
  plan: null,
  note: null,
  limit: null,
  columns: Array.from({ length: columns }, (_, index) => ({ name: `c${index}`, type: "Int64", kind })),
  ...more,
});

export function open(t: TestContext, traits: Record<string, unknown>) {
  const sent: Sent[] = [];
  const handlers = new Map<string, Set<(...values: unknown[]) => void>>();
  const all: Record<string, unknown> = { page: new DataView(new ArrayBuffer(0)), layout: {}, ...traits };
  const model: Model = {
    get: (name) => all[name],
    on: (event, callback) =>
      void (handlers.get(event) ?? handlers.set(event, new Set()).get(event)!).add(callback as never),
    off: (event, callback) => void handlers.get(event)?.delete(callback as never),
    send: (content) => void sent.push(content as Sent),
  };
  const controller = new AbortController();
  t.after(() => controller.abort());
  const store = new PreviewStore(model);
  store.connect(model, controller.signal);
  const tell = (message: object, data?: Uint8Array) => {
    const buffers = data ? [new DataView(data.buffer, data.byteOffset, data.byteLength)] : [];
    for (const hear of handlers.get("msg:custom") ?? []) hear(message, buffers);
  };
  const change = (changed: Record<string, unknown>) => {
    Object.assign(all, changed);
    for (const name of Object.keys(changed)) for (const hear of handlers.get(`change:${name}`) ?? []) hear();
  };
  /** Answers a request for a page with whole numbers: row × 1000 + column. */
  const page = (request: Sent, count = request.count as number) => {
    const { id, view, start, columns } = request as unknown as {
      id: number;
      view: number;
      start: number;
      columns: number[];
    };
    const fields = Object.fromEntries(
      columns.map((column) => [
        `v${column}`,
        [Array.from({ length: count }, (_, row) => (start + row) * 1000 + column)] as [number[]],
      ]),
    );
    tell({ type: "page", id, view, start, count, columns, rows: store.rows.peek() }, encode(fields));
  };
  const of = (type: string) => sent.filter((request) => request.type === type);
  return { store, model, sent, of, tell, change, page, controller };
}
