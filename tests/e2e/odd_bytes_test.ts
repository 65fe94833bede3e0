/**
 * Bytes from a bus that are no text, or no JSON: they cost the one event they are in, and nothing of them is
 * repaired.
 */
import assert from "node:assert/strict";
import { assertNoStackTrace, runToEnd, temporaryDirectory } from "../support/executable.ts";
import { type FaultyRequest, FaultyServer, respond, respondInLatin1 } from "../support/http_faults.ts";
import { handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";

const TIME = Math.floor(Date.now() / 1000) - 600;
const TRY_AGAIN_LATER = 75;

const named = (name: string) => `{"name":"${name}","value":1,"timestamp":${TIME}}`;
const reading = (value: string) => `{"name":"good","value":${value},"timestamp":${TIME}}`;

/** Elements that are no events, in Latin-1 where a byte is no text. */
const NONE = [
  named("T\xfcr"),
  named("T\xf6r"),
  named("\xed\xa0\x80"),
  named("\xc0\xaf"),
  named("\xf4\x90\x80\x80"),
  named("cut \xe2\x82"),
  `{"name":"good","value":1,"timestamp":${TIME},"id":"\xff"}`,
  `{"name":"good","value":1,"timestamp":${TIME},"agg_func":"s\xfcm"}`,
  `{"name":"good","value":1,"timestamp":${TIME},"unit":"\xb0C"}`,
  `{"name":"good","value":1,"timestamp":${TIME},"id":"\\ud800"}`,
  named("\\udc00"),
  ...["NaN", "Infinity", "-Infinity", "1.", "+1", ".5", "01", "0x1f", "1,5", "None", ""].map(reading),
  named("tab\there"),
  `{'name':'good','value':1,'timestamp':${TIME}}`,
  `{name:"good",value:1,timestamp:${TIME}}`,
  `{"name":"good","value":1,"timestamp":${TIME},}`,
  `{"name":"good",/* unit, V */"value":1,"timestamp":${TIME}}`,
  `\xef\xbb\xbf${named("good")}`,
  "NaN",
  "'text'",
];
const EVENTS = NONE.flatMap((none) => [reading("1"), none, named("T\xc3\xbcr")]);
/** Where they are among the events. */
const OFFSETS = NONE.map((_, i) => 3 * i + 1);

function bus(events: readonly string[], first = 0): (request: FaultyRequest) => string | Uint8Array {
  return ({ path, query }) => {
    const [log, next] = ["odd", first + events.length];
    if (path === "/healthz") return respond(200, JSON.stringify({ status: "ok", log, first, next }));
    if (path === "/metrics") return respond(204, "");
    const offset = Number(query.get("offset") ?? first);
    const limit = Number(query.get("limit"));
    if (offset < first) return respond(410, JSON.stringify({ log, first, next }));
    const elements = events.slice(offset - first, offset - first + limit);
    const end = offset + elements.length;
    return respondInLatin1(200, `{"log":"${log}","offset":${offset},"next":${end},"events":[${elements}]}`);
  };
}

for (const batchSize of ["1", "7", "10000"]) {
  Deno.test(`elements that are no text or no JSON are dead letters as they came, ${batchSize} at a time`, async () => {
    await using directory = await temporaryDirectory();
    await using server = FaultyServer.start(bus(EVENTS));
    const environment = handlerEnvironment(server.url, directory.path, { VABUS_BATCH_SIZE: batchSize });
    const output = await runToEnd(["once", "--flush"], environment);
    assert.equal(output.code, 0, output.stderr);
    await assertRefused(directory.path, environment, OFFSETS);
  });
}

Deno.test("elements that are no text or no JSON are listed, and are put back as they were", async () => {
  await using directory = await temporaryDirectory();
  await using server = FaultyServer.start(bus(EVENTS));
  const environment = handlerEnvironment(server.url, directory.path);
  const output = await runToEnd(["once", "--flush"], environment);
  assert.equal(output.code, 0, output.stderr);
  const list = await runToEnd(["dead-letters", "list", "--limit", "100"], environment);
  assert.match(list.stdout, /"T\\xfcr"/);
  assert.match(list.stdout, /"T\\xf6r"/);
  const retry = await runToEnd(["dead-letters", "retry", "--all"], environment);
  assert.equal(retry.code, 0, retry.stderr);
  assert.match(retry.stdout, new RegExp(`${NONE.length} of them refused again`));
  await assertRefused(directory.path, environment, OFFSETS);
});

Deno.test("queue mode: elements that are no text or no JSON are dead letters as they came", async () => {
  await using directory = await temporaryDirectory();
  const queue = [...EVENTS];
  await using server = FaultyServer.start(({ path }) => {
    if (path !== "/event") return respond(404, "{}");
    const event = queue.shift();
    return event === undefined ? respond(204, "") : respondInLatin1(200, event);
  });
  const environment = handlerEnvironment(server.url, directory.path, { VABUS_MODE: "queue" });
  const output = await runToEnd(["once", "--flush"], environment);
  assert.equal(output.code, 0, output.stderr);
  await assertRefused(directory.path, environment, NONE.map(() => undefined));
});

async function assertRefused(
  directory: string,
  environment: Readonly<Record<string, string>>,
  offsets: readonly (number | undefined)[],
): Promise<void> {
  const rows = await sqliteSink(sqlitePath(directory)).rows();
  assert.deepEqual(
    rows.map(({ name, count }) => ({ name, count })).sort((a, b) => a.name < b.name ? -1 : 1),
    [{ name: "Tür", count: NONE.length }, { name: "good", count: NONE.length }],
  );
  const { stdout } = await runToEnd(["dead-letters", "export"], environment);
  const deadLetters = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(deadLetters.map(({ reason }) => reason), NONE.map(() => "invalid"));
  assert.deepEqual(deadLetters.map(({ offset }) => offset), offsets);
  assert.deepEqual(
    deadLetters.map(({ raw, raw_base64: base64 }) =>
      (raw === undefined ? Buffer.from(base64, "base64") : Buffer.from(raw)).toString("latin1")
    ),
    NONE,
  );
  const verify = await runToEnd(["verify"], environment);
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
}

for (
  const [what, bad] of [["is not closed", '{"name":"half"'], [
    "ends a quote too early",
    '{"name":"a"b","value":1}',
  ]]
) {
  for (const at of [0, 11]) {
    Deno.test(`an element that ${what}, ${at} events after the oldest: \`once\` names it with the way out`, async () => {
      await using directory = await temporaryDirectory();
      const events = Array.from({ length: 30 }, (_, i) => i === at ? bad! : reading("1"));
      await using server = FaultyServer.start(bus(events, 500));
      const environment = handlerEnvironment(server.url, directory.path);
      const output = await runToEnd(["once"], environment);
      assert.equal(output.code, TRY_AGAIN_LATER, output.stderr);
      assertNoStackTrace(output);
      const wayOut = `--skip-to ${server.url}=${500 + at + 1}`;
      assert.ok(output.stderr.includes(wayOut), output.stderr);
      const skipped = await runToEnd(["once", "--flush", ...wayOut.split(" ")], environment);
      assert.equal(skipped.code, 0, skipped.stderr);
      const rows = await sqliteSink(sqlitePath(directory.path)).rows();
      assert.deepEqual(rows.map(({ count }) => count), [29]);
      const status = JSON.parse((await runToEnd(["status", "--json"], environment)).stdout);
      assert.equal(status.lost ?? status.accounting.lost, 1, JSON.stringify(status));
    });
  }
}
