/** The content of a file as it is read piece by piece, forwards and back. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { GzipContent, PlainContent } from "../../../src/sources/file/file_content.ts";
import { randomNumbers } from "../../support/event_stream.ts";

const SLICE_BYTES = 16 * 1024;

/** A file in memory, which counts how often it is read. */
function fileOf(bytes: Uint8Array) {
  let at = 0;
  const file = {
    bytes,
    reads: 0,
    stat: () => Promise.resolve({ size: file.bytes.length }),
    seek: (offset: number) => Promise.resolve(at = offset),
    read: (into: Uint8Array) => {
      file.reads++;
      const part = file.bytes.subarray(at, at + into.length);
      into.set(part);
      at += part.length;
      return Promise.resolve(part.length === 0 ? null : part.length);
    },
  };
  return Object.assign(file, { asFile: file as unknown as Deno.FsFile });
}

/** Bytes that no compression makes fewer. */
function noise(count: number): Uint8Array {
  const random = randomNumbers(7);
  return Uint8Array.from({ length: count }, () => Math.floor(random() * 256));
}

/** Reads on from there to the end. */
async function rest(content: GzipContent | PlainContent, from = 0): Promise<Uint8Array> {
  const all: number[] = [];
  const into = new Uint8Array(1000);
  for (let count; (count = await content.read(from + all.length, into)) > 0;) {
    all.push(...into.subarray(0, count));
  }
  return Uint8Array.from(all);
}

Deno.test("a compressed file is gone through once, and again for what lies behind", async () => {
  const bytes = noise(60_000);
  const file = fileOf(gzipSync(bytes));
  const content = new GzipContent(file.asFile, "a.gz");
  const once = Math.ceil(file.bytes.length / SLICE_BYTES) + 1;
  assert.deepEqual(await rest(content), bytes);
  assert.deepEqual([file.reads, content.storedBytesAt()], [once, file.bytes.length]);
  assert.equal(await content.read(bytes.length, new Uint8Array(9)), 0);
  assert.equal(file.reads, once);
  assert.deepEqual(await rest(content, 59_000), bytes.subarray(59_000));
  assert.equal(file.reads, 2 * once);
  content.close();
  assert.deepEqual(await rest(content, 30_000), bytes.subarray(30_000));
  assert.equal(file.reads, 3 * once);
  content.close();
});

Deno.test("what is asked for in the middle of a piece begins there", async () => {
  const content = new GzipContent(fileOf(gzipSync(Uint8Array.of(1, 2, 3, 4, 5))).asFile, "a.gz");
  const into = new Uint8Array(2);
  assert.deepEqual([await content.read(1, into), [...into]], [2, [2, 3]]);
  assert.deepEqual([await content.read(1, into), [...into]], [2, [2, 3]]);
  assert.deepEqual([await content.read(4, into), [...into]], [1, [5, 3]]);
  assert.deepEqual([await content.read(0, into), [...into]], [2, [1, 2]]);
  content.close();
});

Deno.test("a damaged file is not gone through again before it has another size", async () => {
  const bytes = noise(40_000);
  const whole = gzipSync(bytes);
  const file = fileOf(whole.subarray(0, 30_000));
  const content = new GzipContent(file.asFile, "a.gz");
  const said = {
    kind: "garbage",
    message: "a.gz: its compressed content is cut off in the middle: what lies before that is counted; " +
      "replace it by the whole file",
  };
  let at = 0;
  const into = new Uint8Array(5000);
  await assert.rejects(async () => {
    for (;;) at += await content.read(at, into);
  }, said);
  assert.ok(at > 20_000 && at < 30_000, `${at}`);
  const { reads } = file;
  await assert.rejects(content.read(at, into), said);
  assert.equal(file.reads, reads);
  file.bytes = whole;
  assert.deepEqual(await rest(content, at), bytes.subarray(at));
  assert.ok(file.reads > reads);
  content.close();
});

Deno.test("a plain file is read where it is asked for", async () => {
  const content = new PlainContent(fileOf(Uint8Array.of(1, 2, 3)).asFile);
  const into = new Uint8Array(2);
  assert.deepEqual([await content.read(1, into), [...into]], [2, [2, 3]]);
  assert.deepEqual([await content.read(3, into), content.storedBytesAt(2)], [0, 2]);
  assert.deepEqual(await rest(content), Uint8Array.of(1, 2, 3));
  content.close();
});
