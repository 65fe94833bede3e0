import assert from "node:assert/strict";
import { Access, isLoopback, type Refusal } from "../../../src/platform/http/access.ts";
import { Rarely } from "../../../src/platform/http/rarely.ts";

const TOKEN = "correct horse".replace(" ", "-");

function request(headers: Readonly<Record<string, string>>, path = "/events"): Request {
  return new Request(`http://localhost${path}`, { headers });
}

/** Those who gave a wrong token wait until they are let go. */
function guarded() {
  const clock = { nowMs: 0 };
  const told: [Refusal["cause"], number][] = [];
  const waiting: (() => void)[] = [];
  const access = new Access({
    allowedHosts: [],
    token: TOKEN,
    onRefusal: ({ cause }, _, count) => told.push([cause, count]),
    pause: () => new Promise((resolve) => waiting.push(resolve)),
    nowMs: () => clock.nowMs,
    sleep: () => new Promise(() => {}),
  }, new AbortController().signal);
  return { access, told, waiting, clock };
}

Deno.test("wrong tokens wait, so many and no more, and are told of once a minute", async () => {
  const { access, told, waiting } = guarded();
  let guesser = 0;
  const guess = () => access.refusal(request({ authorization: "Bearer wrong" }), `10.0.0.${++guesser}`);
  const slow = Array.from({ length: 256 }, guess);
  assert.equal((await guess())!.status, 429);
  assert.equal(waiting.length, 256);
  assert.deepEqual(told, [["wrong token", 1]]);
  assert.equal(await access.refusal(request({ authorization: `Bearer ${TOKEN}` }), "10.9.9.9"), undefined);
  for (const go of waiting.splice(0)) go();
  assert.deepEqual(new Set((await Promise.all(slow)).map((refusal) => refusal!.status)), new Set([401]));
  const next = guess();
  assert.equal(waiting.length, 1, "there is room again");
  waiting[0]!();
  assert.equal((await next)!.status, 401);
});

Deno.test("an address has so many guesses over all of its connections; beyond them a token is not looked at", async () => {
  const { access, told, waiting, clock } = guarded();
  const attempt = async (token: string, from: string) => {
    const refusal = access.refusal(request({ authorization: `Bearer ${token}` }), from);
    for (const go of waiting.splice(0)) go();
    return (await refusal)?.status;
  };
  const network = (host: number) => `2001:db8:0:7::${host.toString(16)}`;
  for (let i = 1; i <= 10; i++) assert.equal(await attempt("wrong", network(i)), 401);
  assert.equal(await attempt("wrong", network(11)), 429);
  assert.equal(await attempt(TOKEN, network(12)), 429, "an answer would tell which guess is right");
  assert.equal(await attempt(TOKEN, "2001:db8:0:8::1"), undefined, "others are not held up");
  assert.deepEqual(told, [["wrong token", 1], ["guessing", 1]]);

  clock.nowMs += 1000;
  assert.equal(await attempt("wrong", network(1)), 401);
  assert.equal(await attempt("wrong", network(2)), 429);
  clock.nowMs += 1000;
  assert.equal(await attempt(TOKEN, network(3)), undefined);
  for (let i = 0; i < 50; i++) await attempt("wrong", network(4));
  assert.equal(await attempt(TOKEN, network(5)), undefined, "who shares its address with a guesser goes on");
});

Deno.test("a crowd of guessers makes nobody forget who has the token", async () => {
  const { access, waiting } = guarded();
  const attempt = (token: string, from: string) => {
    const refusal = access.refusal(request({ authorization: `Bearer ${token}` }), from);
    for (const go of waiting.splice(0)) go();
    return refusal;
  };
  await attempt(TOKEN, "10.0.0.1");
  for (let i = 0; i < 20; i++) await attempt("wrong", "10.0.0.1");
  for (let i = 0; i < 10_000; i++) await attempt("wrong", `10.${1 + (i >> 8)}.0.${i & 255}`);
  assert.equal(await attempt(TOKEN, "::ffff:10.0.0.1"), undefined);
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
    assert.equal((await refusal)!.status, 401, given);
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
