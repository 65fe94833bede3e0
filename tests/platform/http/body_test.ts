import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import fc from "../../support/fast_check.ts";
import { BodyError, readBody } from "../../../src/platform/http/body.ts";
import { ByteBudget } from "../../../src/platform/http/byte_budget.ts";

const MIB = 1024 * 1024;
/** Bytes of a large body: a part of each body is not counted, and memory is counted in whole blocks. */
const LARGE_BYTES = 4 * MIB;

function request(body: BodyInit | null, headers: Readonly<Record<string, string>> = {}): Request {
  return new Request("http://localhost/events", {
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...headers },
  });
}

/** Sends the given bytes and then nothing, without ending. */
function stalled(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({ start: (controller) => controller.enqueue(bytes) });
}

function refusedWith(status: number) {
  return (error: unknown) => error instanceof BodyError && error.status === status;
}

Deno.test("whatever pieces a body comes in, it is put together as it was, and its share is given back", async () => {
  const budget = new ByteBudget(LARGE_BYTES);
  const pieces = fc.array(fc.uint8Array({ maxLength: 9000 }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(pieces, fc.boolean(), async (pieces, isPacked) => {
      const whole = pieces.flatMap((piece) => [...piece]);
      const sent = isPacked ? [Uint8Array.from(gzipSync(Uint8Array.from(whole)))] : pieces;
      const body = ReadableStream.from(sent.map((piece) => Uint8Array.from(piece)));
      const headers = isPacked ? { "content-encoding": "gzip" } : {};
      assert.deepEqual([...await readBody(request(body, headers), budget)], whole);
    }),
    { seed: 12_05, numRuns: 100 },
  );
  assert.ok(budget.take(LARGE_BYTES), "everything was given back");
});

Deno.test("large bodies share a budget, small ones have room whatever others hold", async () => {
  const budget = new ByteBudget(LARGE_BYTES);
  const leaving = readBody(request(stalled(new Uint8Array(LARGE_BYTES))), budget, { maxMs: 1 });
  const refused = readBody(request(new Uint8Array(LARGE_BYTES)), budget);
  const small = readBody(request(new Uint8Array(1000)), budget);
  assert.equal((await small).length, 1000);
  await assert.rejects(Promise.any([refused, leaving]), AggregateError);
  await assert.rejects(leaving, (error) => refusedWith(408)(error) || refusedWith(503)(error));
  assert.equal((await readBody(request(new Uint8Array(LARGE_BYTES)), budget)).length, LARGE_BYTES);
});

Deno.test("a body that does not come to its end in time is given up, its share too", async () => {
  const budget = new ByteBudget(MIB);
  await assert.rejects(
    readBody(request(stalled(new Uint8Array(MIB / 2))), budget, { maxMs: 1 }),
    refusedWith(408),
  );
  const packed = Uint8Array.from(gzipSync(new Uint8Array(MIB / 2)).subarray(0, 100));
  const unfinished = request(stalled(packed), { "content-encoding": "gzip" });
  await assert.rejects(readBody(unfinished, budget, { maxMs: 1 }), refusedWith(408));
  assert.ok(budget.take(MIB));
});

Deno.test("packed bytes that become nothing are bounded as well", async () => {
  // Stored blocks without content, in a stream that does not end.
  const empty = Uint8Array.from({ length: MIB }, (_, i) => [0, 0, 0, 0xff, 0xff][i % 5]!);
  const head = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3);
  let sent = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => controller.enqueue(sent++ === 0 ? head : empty.slice(0, MIB - MIB % 5)),
  });
  await assert.rejects(
    readBody(request(body, { "content-encoding": "gzip" }), new ByteBudget(MIB)),
    refusedWith(413),
  );
  assert.ok(sent < 100);
});

Deno.test("others have their turn while a body is inflated", async () => {
  const packed = Uint8Array.from(gzipSync(new Uint8Array(32 * MIB)));
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await readBody(request(packed, { "content-encoding": "gzip" }), new ByteBudget(64 * MIB));
  clearInterval(timer);
  assert.ok(turns >= 3, `${turns}`);
});

Deno.test("what is no single stream of gzip is refused with the reason, and holds no budget", async () => {
  const packed = gzipSync("m f=1\n");
  const bodies = [
    packed.subarray(0, packed.length - 9),
    Buffer.concat([packed, packed]),
    Buffer.concat([packed, Buffer.from("more")]),
    Buffer.from("m f=1\n"),
    Buffer.alloc(0),
  ];
  const budget = new ByteBudget(MIB);
  for (const body of bodies) {
    await assert.rejects(
      readBody(request(Uint8Array.from(body), { "content-encoding": "gzip" }), budget),
      (error) =>
        error instanceof BodyError && error.status === 400 && /one stream of gzip/.test(error.message),
    );
  }
  assert.ok(budget.take(MIB));
});

Deno.test("a body that is cut off on its way is to be sent again, packed or not, and holds no budget", async () => {
  const packed = gzipSync("m f=1\n".repeat(1000));
  const budget = new ByteBudget(MIB);
  for (const headers of [{}, { "content-encoding": "gzip" }]) {
    let isSent = false;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller) => {
        if (isSent) return controller.error(new Error("connection closed"));
        isSent = true;
        controller.enqueue(Uint8Array.from(packed.subarray(0, 20)));
      },
    });
    await assert.rejects(readBody(request(body, headers), budget), refusedWith(503));
  }
  assert.ok(budget.take(MIB));
});
