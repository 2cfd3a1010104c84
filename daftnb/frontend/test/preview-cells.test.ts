import assert from "node:assert/strict";
import { test } from "node:test";
import { binary, bool, float32, float64, int64, list, nullType, uint64, utf8 } from "@uwdata/flechette";
import { partsOf } from "../src/preview/arrow.ts";
import { exact, grouped, onOneLine, short } from "../src/preview/cell.ts";
import { lookOf } from "../src/preview/kinds/registry.ts";
import type { Kind } from "../src/preview/wire.ts";
import { bytesOf } from "../src/preview/wire.ts";
import { encode } from "./preview.ts";

const looks = (kind: Kind, fields: Parameters<typeof encode>[0], rows: number) => {
  const part = partsOf(encode(fields), 0, [0]).get(0)!;
  return Array.from({ length: rows }, (_, row) => lookOf(kind, part, row));
};
const said = (kind: Kind, fields: Parameters<typeof encode>[0], rows: number) =>
  looks(kind, fields, rows).map(({ text, note, mark }) => [text, note, mark].filter(Boolean).join("|"));

test("whole numbers are exact, with their digits in groups where they are pointed at", () => {
  const large = 9007199254740993n;
  const [first, second, third] = looks("integer", { v0: [[large, -(2n ** 63n), null], int64()] }, 3);
  assert.deepEqual([first!.text, first!.title], ["9007199254740993", "9,007,199,254,740,993"]);
  assert.equal(second!.text, "-9223372036854775808");
  assert.equal(third!.mark, "null");
  assert.deepEqual(said("integer", { v0: [[2n ** 64n - 1n], uint64()] }, 1), ["18446744073709551615"]);
  assert.deepEqual(said("integer", { v0: [Int8Array.of(-128, 127)] }, 2), ["-128", "127"]);
  assert.equal(grouped(-1234567n), "-1,234,567");
});

test("floats are short, and whole where they are pointed at; what is no number is told apart", () => {
  const values = [0.1 + 0.2, NaN, Infinity, -Infinity, -0, 3, 1e300, 123456.789, 0.00001234567, null];
  assert.deepEqual(said("float", { v0: [values, float64()] }, values.length), [
    "0.3",
    "NaN|nan",
    "+∞|inf",
    "−∞|inf",
    "-0.0",
    "3.0",
    "1e+300",
    "123456.8",
    "1.2346e-5",
    "null|null",
  ]);
  assert.equal(looks("float", { v0: [[0.1 + 0.2], float64()] }, 1)[0]!.title, "0.30000000000000004");
  assert.deepEqual(said("float", { v0: [[0.1, 16777216, 1 / 3], float32()] }, 3), ["0.1", "16777216.0", "0.333333"]);
  assert.equal(exact(Math.fround(1 / 3), true), "0.33333334");
  for (const value of [0, 1, -1.5, 123.456, 5e-324, 1.2345678e300]) {
    assert.equal(Number(exact(value, false)), value);
    assert.ok(Math.abs(Number(short(value)) - value) <= Math.abs(value) * 1e-4, `${value} became ${short(value)}`);
  }
});

test("texts: empty, cut, with line ends and what is not to be seen", () => {
  assert.deepEqual(
    said(
      "string",
      {
        v0: [["", "a\r\nb\tc\u0000", null, "cut", "null"], utf8()],
        n0: [[null, null, null, 5_000_000n, null], int64()],
      },
      5,
    ),
    ["empty|empty", "a⏎b⇥c␀", "null|null", "cut…|5,000,000 chars", "null"],
  );
  assert.deepEqual(said("list", { v0: [["[1,2"], utf8()], n0: [[5n], int64()] }, 1), ["[1,2…"]);
  assert.equal(onOneLine("\u202egnp.exe"), "‹U+202E›gnp.exe");
  assert.equal(onOneLine("\u007f\u001b"), "␡␛");
});

test("truths, bytes, embeddings, pictures and nothing at all", () => {
  assert.deepEqual(said("boolean", { v0: [[true, false, null], bool()] }, 3), ["✓ true", "✗ false", "null|null"]);
  assert.deepEqual(
    said(
      "binary",
      {
        v0: [["89504e47", "", null], utf8()],
        n0: [[4200n, 0n, null], int64()],
        s0: [["PNG image", null, null], utf8()],
      },
      3,
    ),
    ["89504e47…|PNG image, 4.20 kB", "0 B|empty", "null|null"],
  );
  const [vector, none] = looks(
    "embedding",
    { v0: [[[1, 2, 3], null], list(float32())], n0: [[3.7416573867739413, null], float64()] },
    2,
  );
  assert.deepEqual([[...(vector!.points as Float32Array)], vector!.note, none!.mark], [[1, 2, 3], "‖ 3.74166", "null"]);
  const part = partsOf(encode({ v0: [[Uint8Array.of(1, 2, 3)], binary()], n0: [["640×480 RGB"], utf8()] }), 0, [0]).get(
    0,
  )!;
  const picture = lookOf("image", part, 0);
  assert.deepEqual([[...picture.image!], picture.note], [[1, 2, 3], "640×480 RGB"]);
  assert.equal(lookOf("image", part, 0).image, picture.image, "the same picture has one address");
  assert.deepEqual(said("null", { v0: [[null], nullType()] }, 1), ["null|null"]);
});

test("a value of another type than its kind has is not shown as one", () => {
  assert.deepEqual(said("integer", { v0: [["1"], utf8()] }, 1), ["?|no"]);
  assert.deepEqual(said("image", { v0: [["1"], utf8()] }, 1), ["?|no"]);
});

test("a page is read from anywhere in a larger buffer, and its rows count from where it starts", () => {
  const data = encode({ v3: [[5n, 6n], int64()] });
  const larger = new Uint8Array(data.length + 13);
  larger.set(data, 5);
  const bytes = bytesOf(new DataView(larger.buffer, 5, data.length))!;
  const part = partsOf(bytes, 700, [3, 4]).get(3)!;
  assert.deepEqual([part.value(700), part.value(701), part.count], [5n, 6n, 2]);
  assert.throws(() => partsOf(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 0, [0]));
});
