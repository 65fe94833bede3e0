import assert from "node:assert/strict";
import { deflateSync } from "node:zlib";
import { lengthField, varintField } from "../../../src/codec/protobuf/wire_writer.ts";
import { Payload } from "../../../src/codec/sparkplug/payload.ts";

const [TIMESTAMP, METRICS, SEQUENCE, UUID, BODY] = [1, 2, 3, 4, 5];

const joined = (parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const textField = (field: number, text: string) => lengthField(field, new TextEncoder().encode(text));
const textMetric = (name: string, text: string) =>
  lengthField(METRICS, joined([textField(1, name), textField(15, text)]));

/** Time and sequence number of a payload. */
const headOf = (...fields: Uint8Array[]) => {
  const { timeMs, sequence } = Payload.of(joined(fields));
  return { timeMs, sequence };
};

const compressed = (inner: readonly Uint8Array[], ...outer: Uint8Array[]) =>
  headOf(textField(UUID, "SPBV1.0_COMPRESSED"), lengthField(BODY, deflateSync(joined(inner))), ...outer);

Deno.test("a sequence number is one of those from 0 to 255, and any other is none", () => {
  const cases = [[0, 0], [1, 1], [255, 255], [256, undefined], [1000, undefined]] as const;
  for (const [written, sequence] of cases) {
    assert.deepEqual(headOf(varintField(SEQUENCE, written)), { timeMs: undefined, sequence }, `${written}`);
  }
  assert.deepEqual(headOf(varintField(TIMESTAMP, 5)), { timeMs: 5, sequence: undefined });
});

Deno.test("a compressed payload has its own time and number, or else those of the one around it", () => {
  const inner = [varintField(TIMESTAMP, 5), varintField(SEQUENCE, 0)];
  const outer = [varintField(TIMESTAMP, 6), varintField(SEQUENCE, 7)];
  assert.deepEqual(compressed(inner, ...outer), { timeMs: 5, sequence: 0 });
  assert.deepEqual(compressed([], ...outer), { timeMs: 6, sequence: 7 });
  assert.deepEqual(compressed(inner), { timeMs: 5, sequence: 0 });
  assert.deepEqual(compressed([]), { timeMs: undefined, sequence: undefined });
});

Deno.test("only the metric algorithm says how a payload is compressed", () => {
  const inner = [varintField(SEQUENCE, 3)];
  const others = [textMetric("place", "GZIP"), textMetric("algorithm", "deflate"), textMetric("unit", "C")];
  assert.equal(compressed(inner, ...others).sequence, 3);
  assert.throws(() => compressed(inner, textMetric("algorithm", "gzip")), { name: "UnreadablePayload" });
});

Deno.test("a compressed payload without a body is not readable", () => {
  assert.throws(() => headOf(textField(UUID, "SPBV1.0_COMPRESSED")), {
    name: "UnreadablePayload",
    message: "a compressed Sparkplug payload that is not DEFLATE",
  });
});
