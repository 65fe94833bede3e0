/** Events that are pushed to the built program. */
import assert from "node:assert/strict";
import { type Environment, runCheck, runToEnd, temporaryDirectory } from "../support/executable.ts";
import { testSeed } from "../support/seed.ts";
import { JSON_TYPE, Listener } from "./listener.ts";
import { sqlitePath, sqliteSink } from "./plant.ts";
import { assertProven } from "./proof.ts";
import { pushThroughKills } from "./push_crash.ts";

const HOUR_S = 3600;

Deno.test("what was answered with 2xx is counted once, whatever happens after the answer", async () => {
  await using directory = await temporaryDirectory();
  await using listener = await Listener.start(directory.path);
  const timestamp = Math.floor(Date.now() / 1000) - HOUR_S;
  const event = (value: number) => ({ name: "a", value, timestamp });
  assert.equal((await listener.post("/events", JSON.stringify([event(1), event(2)]), JSON_TYPE)).status, 202);
  await listener.program.kill9();
  await listener.restart();
  const lines = [event(3), event(4)].map((one) => JSON.stringify(one)).join("\n");
  const ndjson = { "content-type": "application/x-ndjson" };
  assert.equal((await listener.post("/events", lines, ndjson)).status, 202);
  await listener.program.kill9();
  const { code, stderr } = await runToEnd(["once", "--flush"], listener.environment);
  assert.equal(code, 0, stderr);
  await assertProven(listener.environment);
  assert.equal(await sqliteSink(sqlitePath(directory.path)).sumOfCounts(), 4);
});

Deno.test("20,000 lines in requests of 50 with 3 × kill -9: each answered request counts once", () =>
  pushThroughKills({ seed: testSeed(8086), requests: 400, linesEach: 50, kills: 3 }));

Deno.test("what was refused later goes back in as it came, by its path, precision and topic", async () => {
  await using directory = await temporaryDirectory();
  const mapping = { EVENT_NAME: "{topic}/{measurement}", EVENT_VALUE: "/v" };
  await using listener = await Listener.start(directory.path, mapping);
  const ahead = Math.floor(Date.now() / 1000) + HOUR_S;
  const sent = [
    ["/write?precision=s&db=plant", `m,a=b f=1 ${ahead}`, {}],
    ["/events?topic=hall", JSON.stringify([{ name: "e", v: 2, timestamp: ahead }]), JSON_TYPE],
    ["/v1/metrics", gaugeAt("g", 3, ahead), JSON_TYPE],
  ] as const;
  for (const [path, body, headers] of sent) {
    const { status, text } = await listener.post(path, body, headers);
    assert.ok(status < 300, text);
  }
  await listener.program.stop();
  const first = await runToEnd(["once"], listener.environment);
  assert.equal(first.code, 0, first.stderr);
  const listed = await runToEnd(["dead-letters", "export"], listener.environment);
  assert.match(listed.stdout, new RegExp(`m,a=b f=1 ${ahead}000000000`));
  const more = { ...listener.environment, MAX_FUTURE_SKEW: "1d" };
  const retried = await runToEnd(["dead-letters", "retry", "--reason", "future"], more);
  assert.equal(retried.code, 0, retried.stderr + retried.stdout);
  const second = await runToEnd(["once", "--flush"], more);
  assert.equal(second.code, 0, second.stderr);
  const rows = await sqliteSink(sqlitePath(directory.path)).rows();
  assert.deepEqual(rows.map(({ name, value }) => [name, value]).sort(), [["e", 2], ["g", 3], ["plant/m", 1]]);
});

/** A request of OTLP with one point. */
function gaugeAt(name: string, asDouble: number, timeS: number): string {
  const gauge = { dataPoints: [{ timeUnixNano: `${timeS}000000000`, asDouble }] };
  return JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name, gauge }] }] }] });
}

Deno.test("what others reach needs a token, and check says what listens", async () => {
  await using directory = await temporaryDirectory();
  await using listener = await Listener.start(directory.path, { VABUS_TOKEN: "secret" });
  assert.equal((await listener.post("/write", "m f=1")).status, 401);
  const running = await runCheck(listener.environment);
  assert.match(running.stdout, /bus listen:\/\/127.*the handler runs.*without TLS, with a token/);
  const open: Environment = { ...listener.environment, VABUS_URL: "listen://0.0.0.0:0" };
  const warned = await runCheck(open);
  assert.match(warned.stdout, /WARNING VABUS_TOKEN .* in the clear/);
  const { VABUS_TOKEN: _, ...bare } = open;
  const refused = await runCheck(bare);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /there is no token: set VABUS_TOKEN/);
  const plain = await runCheck({ ...bare, VABUS_URL: "listens://127.0.0.1:0" });
  assert.match(plain.stderr, /needs VABUS_CERT_FILE and VABUS_KEY_FILE/);
});
