import assert from "node:assert/strict";
import { COMPRESSIONS } from "../../../src/platform/kafka/compression.ts";
import { DECOMPRESSION } from "../../../src/platform/kafka/decompression.ts";
import fc from "../../support/fast_check.ts";

const COMPRESSING = ["gzip", "lz4", "zstd"] as const;

function assertKept(bytes: Uint8Array): void {
  for (const name of COMPRESSING) {
    const compressed = COMPRESSIONS[name].compress(bytes);
    assert.deepEqual(Uint8Array.from(DECOMPRESSION[name](compressed, bytes.length + 1)), bytes, name);
  }
}

/** Bytes that repeat near and far, in runs and in parts. */
const repetitive = fc.array(
  fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 60 })),
  { maxLength: 40 },
).map((parts) =>
  Uint8Array.from(parts.flatMap(([bytes, times]) => Array.from({ length: times }, () => [...bytes]).flat()))
);

Deno.test("property: what was compressed is what is read", () => {
  fc.assert(fc.property(fc.oneof(repetitive, fc.uint8Array({ maxLength: 3000 })), assertKept));
});

Deno.test("so it is for more than a block, for distances that are too long, and at each length of a match", () => {
  const far = new Uint8Array(9 * 1024 * 1024);
  for (let at = 0; at < far.length; at++) far[at] = Math.imul(at % 70_001, 2_654_435_761) >>> 24;
  assertKept(far);
  for (let length = 0; length < 600; length++) {
    assertKept(Uint8Array.from({ length: 2 * length + 20 }, (_, i) => (i % (length + 1)) & 0xff));
  }
});

Deno.test("rows become smaller, and what repeats nothing hardly larger", () => {
  const rows = new TextEncoder().encode(
    Array.from({ length: 1000 }, (_, i) => `{"name":"oven${i}.temperature","value":${20 + i / 7}}`).join(""),
  );
  for (const name of COMPRESSING) assert.ok(COMPRESSIONS[name].compress(rows).length < rows.length / 2, name);
  let state = 1;
  const noise = Uint8Array.from(
    { length: 100_000 },
    () => (state = Math.imul(state, 1_103_515_245) + 12_345 | 0) >>> 16,
  );
  assert.ok(COMPRESSIONS.lz4.compress(noise).length <= noise.length + 15);
});
