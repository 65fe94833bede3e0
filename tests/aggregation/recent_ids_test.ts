import assert from "node:assert/strict";
import fc from "fast-check";
import { RecentIds } from "../../src/aggregation/recent_ids.ts";
import { hashBytes } from "../../src/vabus/text_hash.ts";

Deno.test("the last ids are remembered, no more and no fewer", () => {
  const id = fc.oneof(fc.string({ maxLength: 3 }), fc.nat({ max: 30 }).map((n) => `id-${n}`.repeat(n)));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.array(id, { maxLength: 200 }), (capacity, ids) => {
      const recent = new RecentIds(capacity);
      let expected: string[] = [];
      for (const text of ids) {
        const bytes = new TextEncoder().encode(`..${text}`);
        const length = bytes.length - 2;
        const hash = hashBytes(bytes, 2, length) & 7;
        assert.equal(recent.has(bytes, 2, length, hash), expected.includes(text));
        if (expected.includes(text)) continue;
        recent.add(bytes, 2, length, hash);
        expected = [...expected, text].slice(-capacity);
        assert.deepEqual([...recent.since(0)].map((kept) => new TextDecoder().decode(kept)), expected);
      }
    }),
  );
});
