import assert from "node:assert/strict";
import { test } from "node:test";
import { copied, download } from "../src/preview/asks.ts";
import { found } from "../src/preview/columns.tsx";
import { caption, told } from "../src/preview/statistics.ts";
import {
  filtered,
  filterWords,
  hidden,
  moved,
  operatorsOf,
  pinned,
  shown,
  sorted,
  whole,
} from "../src/preview/view.ts";
import { asAnswer, asNode, asTable, KINDS, safeLink } from "../src/preview/wire.ts";
import { encode, open, table } from "./preview.ts";

test("a header sorts up, down, not at all; with shift beside what sorts already", () => {
  let view = sorted(whole(3), 1, false);
  assert.deepEqual(view.sort, [{ column: 1, descending: false }]);
  view = sorted(view, 1, false);
  assert.deepEqual(view.sort, [{ column: 1, descending: true }]);
  view = sorted(view, 2, true);
  assert.deepEqual(view.sort, [
    { column: 1, descending: true },
    { column: 2, descending: false },
  ]);
  assert.deepEqual(sorted(view, 1, true).sort, [{ column: 2, descending: false }]);
  assert.deepEqual(sorted(view, 0, false).sort, [{ column: 0, descending: false }]);
  let many = whole(20);
  for (let column = 0; column < 20; column++) many = sorted(many, column, true);
  assert.equal(many.sort.length, 8);
});

test("columns: hidden, shown where they were, moved within their part, pinned", () => {
  const all = whole(5);
  assert.deepEqual(hidden(all, 2).columns, [0, 1, 3, 4]);
  assert.deepEqual(shown(hidden(all, 2), 2).columns, [0, 1, 2, 3, 4]);
  assert.deepEqual(shown(hidden(all, 0), 0).columns, [0, 1, 2, 3, 4]);
  assert.deepEqual(hidden(whole(1), 0).columns, [0], "one stays");
  assert.deepEqual(moved(all, 0, 3).columns, [1, 2, 3, 0, 4]);
  const pins = pinned(pinned(all, 3, true), 1, true);
  assert.deepEqual([pins.columns, pins.pinned], [[3, 1, 0, 2, 4], 2]);
  assert.deepEqual(moved(pins, 4, 0).columns, [3, 1, 4, 0, 2], "not over the edge of those that are pinned");
  assert.deepEqual([pinned(pins, 3, false).columns, pinned(pins, 3, false).pinned], [[1, 3, 0, 2, 4], 1]);
  assert.deepEqual([hidden(pins, 3).columns, hidden(pins, 3).pinned], [[1, 0, 2, 4], 1]);
});

test("filters: as many as the kernel takes, of the operators that a kind has, in words", () => {
  let view = whole(1);
  for (let times = 0; times < 40; times++) view = filtered(view, { column: 0, op: "null" });
  assert.equal(view.filters.length, 32);
  const known = new Set([
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "contains",
    "starts",
    "ends",
    "null",
    "not_null",
    "nan",
    "true",
    "false",
  ]);
  for (const kind of KINDS) for (const op of operatorsOf(kind)) assert.ok(known.has(op));
  assert.deepEqual(operatorsOf("boolean"), ["true", "false", "null", "not_null"]);
  assert.ok(operatorsOf("float").includes("nan") && !operatorsOf("integer").includes("nan"));
  const columns = [{ name: "a\u202eb", type: "Int64", kind: "integer" as const }];
  assert.equal(filterWords({ column: 0, op: "le", value: "3" }, columns), "a‹U+202E›b ≤ 3");
  assert.equal(filterWords({ column: 0, op: "eq", value: "" }, columns), 'a‹U+202E›b = ""');
  assert.equal(filterWords({ column: 0, op: "not_null" }, columns), "a‹U+202E›b is not null");
});

test("the first page comes with the table; requests for others have just the contract's keys, two at a time", (t) => {
  const { store, of, page } = open(t, { table: table(2, 1000), page: encode({ v0: [[0, 1]], v1: [[1, 2]] }) });
  assert.equal(store.pages.part(1, 1)!.value(1), 2);
  store.want(500, 620, [0, 1], true);
  const asked = of("page");
  assert.deepEqual(
    asked.map(({ id, ...rest }) => rest),
    [
      { type: "page", view: 0, start: 500, count: 100, columns: [0, 1] },
      { type: "page", view: 0, start: 600, count: 100, columns: [0, 1] },
    ],
  );
  assert.ok(asked.every(({ id }) => Number.isInteger(id) && id >= 1 && id < 2 ** 31));
  store.want(900, 920, [0, 1], true);
  assert.equal(of("page").length, 2, "no third at a time");
  page(asked[0]!);
  assert.deepEqual(
    of("page")
      .slice(2)
      .map(({ start }) => start),
    [900],
    "what was passed is not asked for",
  );
  assert.equal(store.pages.part(550, 1)!.value(550), 550_001);
});

test("a column of numbers grows with what comes, unless a person has set its width", (t) => {
  const { store, of, page } = open(t, { table: table(2, 2_000_000_000), page: encode({ v0: [[0]], v1: [[1]] }) });
  const before = store.widths.of(0);
  store.widths.set(1, 60);
  store.want(1_999_999_900, 1_999_999_910, [0, 1], true);
  page(of("page")[0]!);
  assert.ok(store.widths.of(0) > before);
  assert.equal(store.widths.of(1), 60);
});

test("an answer to another request, or with other rows, is not shown", (t) => {
  const { store, of, tell } = open(t, { table: table(1, 1000) });
  store.want(0, 10, [0], true);
  const [request] = of("page");
  tell(
    { type: "page", id: request!.id + 99, view: 0, start: 0, count: 1, columns: [0], rows: 1000 },
    encode({ v0: [[1]] }),
  );
  assert.equal(store.pages.part(0, 0), null);
  tell(
    { type: "page", id: request!.id, view: 0, start: 0, count: 1, columns: [0], rows: 1000 },
    Uint8Array.of(1, 2, 3),
  );
  assert.match(store.problem.value!, /cannot read/);
  assert.equal(of("page").length, 1, "it is not asked for over and over");
  store.again();
  tell({ type: "view", id: of("view")[0]!.id, view: 0, state: "ready", rows: 1000 });
  store.want(0, 10, [0], true);
  assert.equal(of("page").length, 2);
});

test("where another page has made another view of it, the view is asked for again, once; its rows stay", (t) => {
  const { store, of, tell } = open(t, { table: table(1, 1000) });
  store.want(500, 510, [0], true);
  store.scroll.top = 500;
  tell({ type: "error", id: of("page")[0]!.id, message: "That view was replaced by another." });
  assert.equal(store.problem.value, null);
  tell({ type: "view", id: of("view")[0]!.id, view: 4, state: "ready", rows: 1000 });
  store.want(500, 510, [0], true);
  assert.deepEqual([of("page")[1]!.view, store.scroll.top], [4, 500]);
  tell({ type: "error", id: of("page")[1]!.id, message: "A part is gone." });
  assert.deepEqual([of("view").length, store.problem.value], [1, "A part is gone."]);
});

test("a view: asked for, made, its rows fetched; the summaries stay where the same rows are kept", (t) => {
  const { store, of, tell } = open(t, { table: table(3, 1000), page: encode({ v0: [[0]], v1: [[0]], v2: [[0]] }) });
  store.sum([0, 1]);
  assert.deepEqual(
    of("summary").map(({ id, ...rest }) => rest),
    [{ type: "summary", view: 0, columns: [0, 1] }],
  );
  const figure = { value: 3, how: "exact" };
  tell({ type: "summary", id: of("summary")[0]!.id, view: 0, columns: { 0: { nulls: figure } }, done: false });
  tell({
    type: "summary",
    id: of("summary")[0]!.id,
    view: 0,
    columns: { 0: { min: figure }, 1: { max: { value: 1, how: "guessed" } } },
    done: true,
  });
  assert.deepEqual(
    [...store.summaries.value],
    [
      [0, { nulls: figure, min: figure }],
      [1, {}],
    ],
  );

  store.change(sorted(store.view.peek(), 2, false));
  const [asked] = of("view");
  assert.deepEqual(
    { ...asked, id: 0 },
    { type: "view", id: 0, sort: [{ column: 2, descending: false }], filters: [], search: "", columns: [0, 1, 2] },
  );
  assert.ok(store.busy.value);
  tell({ type: "view", id: asked!.id, view: 1, state: "running" });
  assert.ok(store.pages.part(0, 0), "the rows before stay until then");
  tell({ type: "view", id: asked!.id, view: 1, state: "ready", rows: 1000 });
  assert.equal(store.busy.value, null);
  assert.equal(store.pages.part(0, 0), null);
  assert.equal(store.summaries.value.size, 2);
  store.want(0, 10, [0], true);
  assert.equal(of("page").at(-1)!.view, 1);

  store.change(filtered(store.view.peek(), { column: 0, op: "gt", value: "5" }));
  assert.deepEqual(of("view")[1]!.filters, [{ column: 0, op: "gt", value: "5" }]);
  tell({ type: "view", id: of("view")[1]!.id, view: 2, state: "ready", rows: 7 });
  assert.deepEqual([store.rows.value, store.summaries.value.size], [7, 0]);
});

test("a view that is refused, or stopped, leaves the one before; a newer one ends the older", (t) => {
  const { store, of, tell } = open(t, { table: table(2, 1000) });
  store.change(filtered(store.view.peek(), { column: 0, op: "eq", value: "x" }));
  tell({ type: "error", id: of("view")[0]!.id, message: "c0 is an Int64: 'x' is no whole number." });
  assert.deepEqual([store.view.value.filters, store.problem.value], [[], "c0 is an Int64: 'x' is no whole number."]);
  store.change(sorted(store.view.peek(), 0, false));
  store.change(sorted(store.view.peek(), 0, false));
  const [, first, second] = of("view");
  assert.deepEqual(of("cancel"), [{ type: "cancel", id: first!.id }]);
  tell({ type: "view", id: first!.id, view: 1, state: "ready", rows: 3 });
  assert.equal(store.rows.value, 1000, "it was replaced");
  store.busy.value!.stop();
  assert.deepEqual(of("cancel")[1], { type: "cancel", id: second!.id });
  tell({ type: "view", id: second!.id, view: 2, state: "cancelled" });
  assert.deepEqual([store.view.value.sort, store.busy.value], [[], null]);
});

test("columns alone: told to the kernel when they have settled, without rows anew", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { store, of } = open(t, { table: table(3, 1000), page: encode({ v0: [[0]], v1: [[0]], v2: [[0]] }) });
  store.change(moved(store.view.peek(), 0, 1));
  store.change(moved(store.view.peek(), 0, 2));
  assert.equal(of("view").length, 0);
  t.mock.timers.tick(1000);
  assert.deepEqual(
    of("view").map(({ columns }) => columns),
    [[1, 2, 0]],
  );
  assert.ok(store.pages.part(0, 0));
  assert.equal(store.busy.value, null);
});

test("a copy is joined of the parts that the kernel gives", async (t) => {
  const { store, of, tell } = open(t, { table: table(3, 100_000) });
  const text = copied(store, 5, 25_000, [2, 0]);
  for (const [index, count] of [10_000, 10_000, 5_000].entries()) {
    await new Promise((done) => setImmediate(done));
    const request = of("copy")[index]!;
    assert.deepEqual(
      { ...request, id: 0 },
      { type: "copy", id: 0, view: 0, start: 5 + index * 10_000, count, columns: [2, 0] },
    );
    tell({ type: "copy", id: request.id, text: `a${index}\tb\nc\td\n` });
  }
  assert.equal(await text, "a0\tb\nc\td\na1\tb\nc\td\na2\tb\nc\td");
  const failed = copied(store, 0, 1, [0]);
  tell({ type: "error", id: of("copy").at(-1)!.id, message: "It is gone." });
  await assert.rejects(failed, /It is gone\./);
});

test("a file is put together of its parts, in order; a part that is missing fails it", async (t) => {
  const { store, of, tell } = open(t, { table: table(1, 10) });
  const got: [Blob, string][] = [];
  download(store, "parquet", (file, name) => got.push([file, name]));
  const { id } = of("download")[0]!;
  assert.deepEqual(of("download")[0], { type: "download", id, format: "parquet" });
  const part = (number: number, of_: number, text: string) =>
    tell(
      { type: "download", id, part: number, of: of_, name: "df.parquet", mime: "x/y" },
      new TextEncoder().encode(text),
    );
  part(0, 2, "one ");
  assert.equal(got.length, 0);
  part(1, 2, "two");
  assert.deepEqual(
    [await got[0]![0].text(), got[0]![0].type, got[0]![1], store.download.value],
    ["one two", "x/y", "df.parquet", null],
  );
  download(store, "csv", () => assert.fail("it is not whole"));
  tell({ type: "download", id: of("download")[1]!.id, part: 1, of: 2, name: "df.csv", mime: "x/y" }, Uint8Array.of(1));
  assert.match(store.problem.value!, /missing/);
});

test("a run: its progress, then the table; a failure says why", (t) => {
  const { store, of, tell, change } = open(t, { table: table(2, 0, "integer", { state: "lazy", rows: null }) });
  store.run();
  store.run();
  assert.deepEqual(of("run"), [{ type: "run", id: of("run")[0]!.id }]);
  tell({ type: "run", id: of("run")[0]!.id, state: "running", elapsed: 2.5, text: "half" });
  assert.deepEqual(store.running.value, { elapsed: 2.5, text: "half" });
  store.stopRun();
  assert.equal(of("cancel").length, 1);
  tell({ type: "run", id: of("run")[0]!.id, state: "cancelled", elapsed: 3, text: "" });
  assert.equal(store.running.value, null);
  store.run();
  assert.equal(of("run").length, 2);
  change({ table: table(2, 5, "integer", { limit: 1000 }), page: encode({ v0: [[1]], v1: [[2]] }) });
  assert.deepEqual([store.running.value, store.table.value!.state, store.rows.value], [null, "ready", 5]);
  assert.equal(store.pages.part(0, 1)!.value(0), 2);
});

test("a kernel that does not answer is told of, until it does", (t) => {
  const { store, of, page } = open(t, { table: table(1, 1000) });
  store.want(500, 510, [0], true);
  store.line.look(performance.now() + 2_000);
  assert.equal(store.line.silent.value, false);
  store.line.look(performance.now() + 4_000);
  assert.equal(store.line.silent.value, true);
  page(of("page")[0]!);
  assert.equal(store.line.silent.value, false);
});

test("two views on one page share what is known, and each answer is heard once", (t) => {
  const { store, model, controller, of, page, tell } = open(t, { table: table(1, 1000) });
  const other = new AbortController();
  const second = { ...model };
  store.connect(second, other.signal);
  download(store, "csv", () => undefined);
  tell({ type: "download", id: of("download")[0]!.id, part: 0, of: 3, name: "df.csv", mime: "x/y" }, Uint8Array.of(1));
  assert.equal(store.problem.value, null);
  controller.abort();
  store.want(0, 10, [0], true);
  page(of("page")[0]!);
  assert.ok(store.pages.part(0, 0), "the view that is left hears the kernel");
  other.abort();
  store.want(500, 510, [0], true);
  assert.equal(of("page").filter(({ start }) => start === 500).length, 0, "nobody would hear the answer");
});

test("messages are used only as far as they are what the contract says", () => {
  assert.equal(asTable({ columns: [{ name: 1, type: "x", kind: "integer" }], state: "ready" }), null);
  assert.equal(asTable({ columns: [], state: "dancing" }), null);
  assert.equal(
    asTable({ columns: [{ name: "a", type: "x", kind: "new" }], state: "ready" })!.columns[0]!.kind,
    "other",
  );
  assert.equal(asTable({ columns: [], state: "ready", rows: -1 })!.rows, null);
  for (const bad of [
    null,
    3,
    [],
    {},
    { type: "page", id: 1 },
    { type: "view", id: -1 },
    { type: "cell", id: 1, kind: "text" },
  ]) {
    assert.equal(asAnswer(bad, []), null);
  }
  assert.equal(
    asAnswer({ type: "page", id: 1, view: 0, start: 0, count: 1, columns: [0], rows: 1 }, []),
    null,
    "without its rows",
  );
  const deep = Array.from({ length: 100 }).reduce<object>((inner) => ({ t: "list", n: 1, items: [inner] }), {
    t: "null",
  });
  assert.equal(asNode(deep), null);
  assert.deepEqual(asNode({ t: "map", n: 3, items: [["k", { t: "number", v: "1" }]] }), {
    t: "map",
    n: 3,
    items: [["k", { t: "number", v: "1" }]],
  });
  for (const bad of ["javascript:alert(1)", " JAVASCRIPT:x", "data:text/html,x", "file:///x", "//x.org", "", null, 3])
    assert.equal(safeLink(bad), null);
  assert.equal(safeLink("https://x.org/a b"), "https://x.org/a%20b");
});

test("what is known of a column, in words", () => {
  const how = "exact" as const;
  const summary = {
    nulls: { value: 1, how },
    min: { value: 0, how },
    max: { value: 1234567, how },
    histogram: { edges: [0, 1], counts: [1], how },
  };
  assert.equal(caption(summary, 1000), "0 – 1,234,567 · <1 % null");
  assert.equal(caption({ distinct: { value: 5, how: "approximate" } }, 10), "≈ 5 distinct");
  assert.equal(caption(undefined, 10), "");
  const long = {
    min: { value: "9007199254740993", how },
    max: { value: "2026-01-01 00:00:00", how },
    histogram: summary.histogram,
  };
  assert.equal(caption(long, 1), "9.0072e15 – 2026-01-01 …");
  assert.deepEqual(
    told({ ...summary, mean: { value: 0.125, how: "sampled" } }, 4).map(({ name, words, how: by }) => [
      name,
      words,
      by,
    ]),
    [
      ["nulls", "1 (25 %)", "exact"],
      ["least", "0", "exact"],
      ["greatest", "1,234,567", "exact"],
      ["mean", "0.125", "sampled"],
    ],
  );
  const columns = ["price", "net price", "city"].map((name, index) => ({
    name,
    type: index === 2 ? "Price" : "x",
    kind: "other" as const,
  }));
  assert.deepEqual([found(columns, "PRICE"), found(columns, ""), found(columns, "zz")], [[0, 1, 2], [0, 1, 2], []]);
});
