import assert from "node:assert/strict";
import { archiveHash, seriesHash, spread } from "../../src/aggregation/series_hash.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("the order of aggregates on disk is that of FNV-1a with 32 bits, with the function as its last byte", () => {
  // The vectors of its authors, of which the last byte is the number of the function here.
  const vectors = [["", 0xe40c292c, "a"], ["", 0xe70c2de5, "b"], ["foo", 0x3f5076ef, "b"], [
    "fooba",
    0xbf9cf968,
    "r",
  ]] as const;
  for (const [name, expected, last] of vectors) {
    const functionId = last.charCodeAt(0);
    assert.equal(archiveHash(bytesOf(name), 0, name.length, functionId) >>> 0, expected, name + last);
    const among = bytesOf(`xy${name}z`);
    assert.equal(archiveHash(among, 2, name.length, functionId) >>> 0, expected, "wherever the name stands");
  }
});

Deno.test("each bit of a name's hash, and each function, makes another hash of the series", () => {
  for (const hash of [0, -1, 0x12345678]) {
    const hashes = new Set([seriesHash(hash, 0)]);
    for (let bit = 0; bit < 32; bit++) hashes.add(seriesHash(hash ^ (1 << bit), 0));
    assert.equal(hashes.size, 33);
    const spreadOut = new Set([...hashes].map(spread));
    assert.equal(spreadOut.size, 33);
    const functions = Array.from({ length: 100 }, (_, functionId) => seriesHash(hash, functionId));
    assert.equal(new Set(functions).size, 100);
  }
});

Deno.test("hashes that differ in their high bits only, or in their low ones, come to different cells", () => {
  for (const shift of [0, 10, 20]) {
    const cells = new Set(Array.from({ length: 1000 }, (_, i) => spread(i << shift) & 1023));
    // Of random ones, about 638 of 1024 cells are taken.
    assert.ok(cells.size > 550, `${shift}: ${cells.size}`);
  }
});
