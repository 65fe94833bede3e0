import assert from "node:assert/strict";
import { Access, isLoopback, type Refusal } from "../../src/http/access.ts";
import { Rarely } from "../../src/http/rarely.ts";

const TOKEN = "correct horse".replace(" ", "-");

function request(headers: Readonly<Record<string, string>>, path = "/events"): Request {
  return new Request(`http://localhost${path}`, { headers });
}

/** Those who gave a wrong token wait until they are let go. */
function guarded() {
  const told: [Refusal["cause"], number][] = [];
  const waiting: (() => void)[] = [];
  const access = new Access({
    allowedHosts: [],
    token: TOKEN,
    onRefusal: ({ cause }, _, count) => told.push([cause, count]),
    pause: () => new Promise((resolve) => waiting.push(resolve)),
  });
  return { access, told, waiting };
}

Deno.test("wrong tokens wait, so many and no more, and are told of once a minute", async () => {
  const { access, told, waiting } = guarded();
  const guess = () => access.refusal(request({ authorization: "Bearer wrong" }), "10.0.0.1");
  const slow = Array.from({ length: 256 }, guess);
  assert.equal((await guess())!.status, 429);
  assert.equal(waiting.length, 256);
  assert.deepEqual(told, [["wrong token", 1]]);
  assert.equal(await access.refusal(request({ authorization: `Bearer ${TOKEN}` }), "10.0.0.2"), undefined);
  for (const go of waiting.splice(0)) go();
  assert.deepEqual(new Set((await Promise.all(slow)).map((refusal) => refusal!.status)), new Set([403]));
  const next = guess();
  assert.equal(waiting.length, 1, "there is room again");
  waiting[0]!();
  assert.equal((await next)!.status, 403);
});

Deno.test("a token is a bearer token, in any case, and nothing else", async () => {
  const { access, waiting } = guarded();
  for (const given of [`Bearer ${TOKEN}`, `bearer ${TOKEN}`, `BEARER   ${TOKEN} `]) {
    assert.equal(await access.refusal(request({ authorization: given }), ""), undefined, given);
  }
  for (
    const given of [
      "Bearer",
      "",
      TOKEN,
      `Basic ${TOKEN}`,
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN.slice(1)}`,
      `Bearer x ${TOKEN}`,
    ]
  ) {
    const refusal = access.refusal(request({ authorization: given }), "");
    waiting.pop()!();
    assert.equal((await refusal)!.status, 403, given);
  }
  assert.equal((await access.refusal(request({}), ""))!.status, 401);
  for (const path of ["/healthz", "/readyz?x"]) {
    assert.equal(await access.refusal(request({}, path), ""), undefined);
  }
  for (const path of ["/healthz/", "//healthz", "/events?/healthz", "/%68ealthz"]) {
    assert.equal((await access.refusal(request({}, path), ""))!.status, 401, path);
  }
});

Deno.test("loopback is what no other host reaches", () => {
  for (
    const name of [
      "127.0.0.1",
      "127.9.8.7",
      "::1",
      "localhost",
      "LocalHost.",
      "a.localhost",
      "::ffff:127.0.0.1",
    ]
  ) {
    assert.ok(isLoopback(name), name);
  }
  for (
    const name of [
      "0.0.0.0",
      "::",
      "10.0.0.1",
      "127.0.0.1.example",
      "localhost.example",
      "128.0.0.1",
      "notlocalhost",
    ]
  ) {
    assert.ok(!isLoopback(name), name);
  }
});

Deno.test("what happens rarely enough is told at once, the rest once a minute with its number", () => {
  let nowMs = 5;
  const told: number[] = [];
  const rarely = new Rarely(() => nowMs);
  for (const ms of [0, 1, 59_998, 1, 30_000, 30_000, 60_000]) {
    nowMs += ms;
    rarely.happened((count) => told.push(count));
  }
  assert.deepEqual(told, [1, 3, 2, 1]);
});
