import assert from "node:assert/strict";
import { HttpListener } from "../../src/platform/http/http_listener.ts";

Deno.test("all that is to be slowed down is still there, and does what it did", async () => {
  await import("./slow_down.ts");
  const listener = new HttpListener({
    hostname: "127.0.0.1",
    port: 0,
    closingGraceMs: 1000,
    answer: () => new Response("answered"),
    onError: () => new Response("failed"),
    onInterruption: () => {},
  });
  try {
    assert.equal(await (await fetch(listener.url)).text(), "answered");
  } finally {
    await listener.close();
  }
});
