import assert from "node:assert/strict";
import { crc32c } from "../../../src/platform/kafka/crc32c.ts";
import fc from "../../support/fast_check.ts";

Deno.test("the checksums of RFC 3720", () => {
  const counting = Uint8Array.from({ length: 32 }, (_, i) => i);
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(counting), 0x46dd794e);
  assert.equal(crc32c(counting.toReversed()), 0x113fdb5c);
  assert.equal(crc32c(new Uint8Array(0)), 0);
});

Deno.test("property: any bytes have the checksum that bit by bit gives", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    let crc = 0xffffffff;
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    assert.equal(crc32c(bytes), (crc ^ 0xffffffff) >>> 0);
  }));
});
