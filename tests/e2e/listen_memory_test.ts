/** Bodies that become a thousand times their size, sent to the built program by a sender with its token. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { temporaryDirectory } from "../support/executable.ts";
import { Listener } from "./listener.ts";

const MIB = 1024 * 1024;
const BODY_BYTES = 64 * MIB;
const BOMBS = 12;
/** Some 80 MiB are the program itself, 128 those of bodies. Without the bounds it was 1,600 MiB. */
const PEAK_MAX_MIB = 640;

Deno.test({
  name: "memory is bounded, whatever is packed into what is sent at once",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using directory = await temporaryDirectory();
    await using listener = await Listener.start(directory.path);
    const gzip = { "content-encoding": "gzip" };
    const snappy = { "content-encoding": "snappy", "content-type": "application/x-protobuf" };
    const lines = Uint8Array.from(gzipSync(new Uint8Array(BODY_BYTES).fill(0x0a).fill(0x78, 0, 1)));
    const short = Uint8Array.from(gzipSync("x\n".repeat(BODY_BYTES / 2)));
    const block = blockOfZeros(BODY_BYTES);
    for (
      const [path, body, headers] of [["/write", lines, gzip], ["/write", short, gzip], [
        "/api/v1/write",
        block,
        snappy,
      ]] as const
    ) {
      const answers = await Promise.all(
        // Requests that say the same would be one.
        Array.from({ length: BOMBS }, (_, i) => listener.post(`${path}?number=${i}`, body, headers)),
      );
      for (const { status } of answers) assert.ok([400, 413, 503].includes(status), `${path}: ${status}`);
    }
    const peak = peakMib(listener.program.pid);
    assert.ok(peak < PEAK_MAX_MIB, `${peak} MiB`);
    assert.equal((await listener.post("/write", "m f=1")).status, 204);
  },
});

/** A block of Snappy that becomes so many zeros. */
function blockOfZeros(count: number): Uint8Array<ArrayBuffer> {
  const length: number[] = [];
  for (let rest = count; rest > 0; rest >>>= 7) length.push((rest & 127) | (rest >= 128 ? 128 : 0));
  const copy = Uint8Array.of((63 << 2) | 2, 1, 0);
  const copies = Math.floor((count - 1) / 64);
  const literals = count - 64 * copies;
  const block = new Uint8Array(length.length + 1 + literals + copies * copy.length);
  block.set([...length, (literals - 1) << 2]);
  for (let at = length.length + 1 + literals; at < block.length; at += copy.length) block.set(copy, at);
  return block;
}

/** The most memory that a process ever had. */
function peakMib(pid: number): number {
  const [, kib] = /^VmHWM:\s+(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
  return Number(kib) / 1024;
}
