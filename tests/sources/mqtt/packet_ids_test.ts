import assert from "node:assert/strict";
import { PacketIds } from "../../../src/sources/mqtt/packet_ids.ts";

Deno.test("packet ids as text are what they were, and no other text is taken", () => {
  for (const text of ["", "1", "1-2", "2,4-6,31-33,64", "1-65535", "65535", "1,3,5-65535"]) {
    const ids = PacketIds.parse(text);
    assert.equal(ids?.toString(), text);
    assert.equal(ids?.copy().toString(), text);
  }
  for (
    const wrong of ["0", "65536", "3-2", "2,1", "1,1", "1,2", "1-3,3", "1-3,4", "1,", ",1", "a", "1-", "1 ,3"]
  ) assert.equal(PacketIds.parse(wrong), undefined, wrong);
});

Deno.test("a packet id is added and removed alone", () => {
  const ids = new PacketIds();
  for (const id of [1, 31, 32, 33, 65_535]) ids.add(id);
  ids.delete(32);
  assert.deepEqual([30, 31, 32, 33, 34, 65_535].map((id) => ids.has(id)), [
    false,
    true,
    false,
    true,
    false,
    true,
  ]);
  assert.equal(ids.toString(), "1,31,33,65535");
});
