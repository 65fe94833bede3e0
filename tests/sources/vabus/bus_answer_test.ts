/** What of an answer of a bus is read, and what is told to be none. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import {
  dateOf,
  explanation,
  readBody,
  retryAfterMs,
  strayForm,
} from "../../../src/sources/vabus/bus_answer.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("an answer that no bus sends is told by its type or its encoding", () => {
  for (
    const [type, encoding, form] of [
      [undefined, undefined, undefined],
      ["application/json", "identity", undefined],
      ["text/plain; charset=utf-8", "gzip", undefined],
      ["application/octet-stream", "X-GZIP", undefined],
      ["application/json", " ", undefined],
      ["text/html; charset=utf-8", undefined, "a page, text/html"],
      ["Application/XHTML+xml", undefined, "a page, Application/XHTML+xml"],
      ["application/xml", undefined, "the type application/xml"],
      ["image/png", undefined, "the type image/png"],
      ["text/event-stream", undefined, "the type text/event-stream"],
      [`text/css${"x".repeat(200)}`, undefined, `the type text/css${"x".repeat(92)}`],
      ["application/json", "br", "the encoding br, which was not asked for"],
      ["application/json", "gzip, gzip", "the encoding gzip, gzip, which was not asked for"],
      ["application/json", "z".repeat(200), `the encoding ${"z".repeat(100)}, which was not asked for`],
    ] as const
  ) {
    const headers = new Headers({
      ...(type !== undefined && { "content-type": type }),
      ...(encoding !== undefined && { "content-encoding": encoding }),
    });
    assert.equal(strayForm(headers), form, `${type} ${encoding}`);
  }
});

Deno.test("a body is read as far as it may go, packed or not, with its length or without", async () => {
  const text = "0123456789";
  const packed = Uint8Array.from(gzipSync(text));
  const read = async (body: Uint8Array | null, max: number, headers: Record<string, string> = {}) => {
    const found = await readBody(new Response(body as Uint8Array<ArrayBuffer>, { headers }), max);
    return found && new TextDecoder().decode(found);
  };
  assert.equal(await read(bytesOf(text), 10), text);
  assert.equal(await read(bytesOf(text), 10, { "content-length": "10" }), text);
  assert.equal(await read(bytesOf(text), 9), undefined);
  assert.equal(await read(bytesOf(text), 9, { "content-length": "10" }), undefined);
  // The length is not that of a body in chunks.
  const inChunks = { "content-length": "5", "transfer-encoding": "chunked" };
  assert.deepEqual([await read(bytesOf(text), 10, inChunks), await read(bytesOf(text), 9, inChunks)], [
    text,
    undefined,
  ]);
  for (const encoding of ["gzip", "GZIP", "x-gzip"]) {
    const headers = { "content-encoding": encoding, "content-length": `${packed.length}` };
    assert.equal(await read(packed, 10, headers), text, encoding);
    assert.equal(await read(packed, 9, headers), undefined, encoding);
  }
  assert.equal(
    await read(packed, 1000, { "content-length": `${packed.length}`, "content-encoding": "gzip" }),
    text,
  );
  assert.equal(await read(null, 10), "");
});

Deno.test("what a bus says of a failure is told in one line of some length", () => {
  assert.equal(explanation(bytesOf('{"error":"disk full"}')), " (disk full)");
  assert.equal(explanation(bytesOf('{"error":"a\\nb\\u001b"}')), " (a b )");
  assert.equal(explanation(bytesOf(`{"error":"${"x".repeat(300)}"}`)), ` (${"x".repeat(200)})`);
  for (const text of ["", "{", "null", "5", '{"error":5}', `{"error":"${"x".repeat(5000)}"}`]) {
    assert.equal(explanation(bytesOf(text)), "", text.slice(0, 20));
  }
});

Deno.test("the time of a bus, and when to come again", () => {
  const at = "Sat, 28 Nov 2026 17:44:30 GMT";
  assert.equal(dateOf(new Headers({ date: at })), Date.UTC(2026, 10, 28, 17, 44, 30));
  assert.equal(dateOf(new Headers()), undefined);
  assert.equal(dateOf(new Headers({ date: "soon" })), undefined);
  const retry = (text?: string) =>
    retryAfterMs(new Headers(text === undefined ? {} : { "retry-after": text }));
  assert.deepEqual(["0", "7", "3600", "3601", "1.5", "-1", "soon", " ", undefined].map(retry), [
    0,
    7000,
    3_600_000,
    3_600_000,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  assert.equal(retry("Thu, 01 Jan 1970 00:00:00 GMT"), undefined);
  assert.equal(retry("Fri, 31 Dec 9999 23:59:59 GMT"), 3_600_000);
});
