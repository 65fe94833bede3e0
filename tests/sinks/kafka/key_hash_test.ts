import assert from "node:assert/strict";
import { keyHash } from "../../../src/sinks/kafka/key_hash.ts";

/** What Kafka's own client says, with its sign. */
const KNOWN: readonly (readonly [key: string, hash: number])[] = [
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
  ["abc", 479470107],
];

Deno.test("the hash of a key is that of Kafka's own producers, wherever the key lies", () => {
  for (const [key, hash] of KNOWN) {
    const bytes = new TextEncoder().encode(`xy${key}zzzz`);
    assert.equal(keyHash(bytes, 2, 2 + key.length), hash & 0x7fffffff, key);
  }
});
