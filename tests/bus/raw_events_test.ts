import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { BodyError } from "../../src/platform/http/body.ts";
import { joined, parted, type RawEvents, splitArray } from "../../src/bus/raw_events.ts";

function split(body: string): string[] {
  return texts(splitArray(new TextEncoder().encode(body)));
}

function texts({ bytes, ends }: RawEvents): string[] {
  const starts = [0, ...[...ends].map((end) => end + 1)];
  return [...ends].map((end, i) => new TextDecoder().decode(bytes.subarray(starts[i], end)));
}

Deno.test("elements keep every byte that was sent", () => {
  const elements = [
    '{"value":1e400,"name":"a","name":"b"}',
    '{ "name" : "spaced" }',
    '{"n":-0.000000000000000000000000000000001,"m":123456789012345678901234567890,"k":1E+5,"j":0e0}',
    '{"],[}{\\\\\\"\\u0022 ä 😀":"\\\\"}',
    '{"a":null,"b":true,"c":false}',
    '{"a":[[],[[{}]],{}]}',
    "{}",
    '{"":""}',
  ];
  assert.deepEqual(split(`[${elements.join(",")}]`), elements);
  assert.deepEqual(split(` \r\n[\t${elements.join("\n , ")} ]\n`), elements);
});

Deno.test("an empty array has no elements", () => {
  assert.deepEqual(split("[]"), []);
  assert.deepEqual(split(" [ \n ] "), []);
});

/** Objects, since others are no events. */
const events = fc.array(fc.jsonValue().map((value) => ({ value })), { maxLength: 8 });

Deno.test("whatever JSON.stringify writes is split where it was joined", () => {
  fc.assert(
    fc.property(events, fc.constantFrom(undefined, 2), (values, indent) => {
      const texts = values.map((value) => JSON.stringify(value, undefined, indent));
      assert.deepEqual(split(`[${texts.join(",")}]`), texts);
    }),
    { seed: 12_01 },
  );
});

Deno.test("what is taken is what JSON.parse takes, an array of objects, in UTF-8", () => {
  const isArrayOfObjects = (bytes: Uint8Array) => {
    try {
      const value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
      return Array.isArray(value) &&
        value.every((element) => typeof element === "object" && element !== null && !Array.isArray(element));
    } catch {
      return false;
    }
  };
  const change = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), deleted: fc.nat(2) });
  fc.assert(
    fc.property(
      events,
      fc.constantFrom(undefined, 1),
      fc.array(change, { maxLength: 3 }),
      (values, indent, changes) => {
        let bytes = new TextEncoder().encode(JSON.stringify(values, undefined, indent));
        for (const { at, byte, deleted } of changes) {
          const index = at % bytes.length;
          bytes = Uint8Array.of(...bytes.subarray(0, index), byte, ...bytes.subarray(index + deleted));
        }
        const isTaken = (() => {
          try {
            splitArray(bytes.slice());
            return true;
          } catch (error) {
            assert.ok(error instanceof BodyError);
            return false;
          }
        })();
        assert.equal(isTaken, isArrayOfObjects(bytes), new TextDecoder().decode(bytes));
      },
    ),
    { seed: 12_02, numRuns: 3000 },
  );
});

Deno.test("runs of events may be joined and parted", () => {
  fc.assert(
    fc.property(events, events, fc.integer({ min: 1, max: 60 }), (some, others, maxBytes) => {
      const all = [...some, ...others].map((value) => JSON.stringify(value));
      const [before, after] = [some, others].map((values) =>
        splitArray(new TextEncoder().encode(JSON.stringify(values)))
      ) as [RawEvents, RawEvents];
      if (some.length > 0 && others.length > 0) assert.deepEqual(texts(joined(before, after)), all);
      const parts = parted(after, maxBytes);
      assert.deepEqual(parts.flatMap(texts), all.slice(some.length));
      for (const { bytes, ends } of parts) assert.ok(bytes.length <= maxBytes || ends.length === 1);
    }),
    { seed: 12_03 },
  );
});

for (
  const body of [
    "",
    "{}",
    "1",
    '"[]"',
    "null",
    "[",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1]]",
    "[1][2]",
    '["a]',
    "[01]",
    "[}]",
    "[{}]]",
    "[{}][{}]",
    "[{} {}]",
    "[{},]",
    "[,{}]",
    "[{}",
  ]
) {
  Deno.test(`${JSON.stringify(body)} is no array`, () => {
    assert.throws(() => split(body), BodyError);
  });
}

Deno.test("what is not UTF-8 is refused", () => {
  assert.throws(() => splitArray(new Uint8Array([0x5b, 0x22, 0xff, 0x22, 0x5d])), BodyError);
});
