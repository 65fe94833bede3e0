/**
 * Mistakes of users, and servers that are no bus: a clear message, the right exit code, never a stack trace,
 * never a lost event.
 */
import assert from "node:assert/strict";
import {
  assertNoStackTrace,
  type Output,
  PATIENCE_MS,
  Program,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { eventStream, recentBaseMs } from "../support/event_stream.ts";
import { type FaultyRequest, FaultyServer, respond, respondAsBus } from "../support/http_faults.ts";
import { Oracle } from "../support/oracle.ts";
import { arrival, Bus, handlerEnvironment, INSTANCE, observed, sqlitePath, sqliteSink } from "./plant.ts";

const WINDOW_MS = 60_000;
const FAILED = 1;
const WRONG_USAGE = 2;
const TRY_AGAIN_LATER = 75;

Deno.test("wrong settings: every one is named in one message, exit code 2", async () => {
  await using directory = await temporaryDirectory();
  for (const command of ["run", "once", "check"]) {
    const output = await runToEnd([command], {
      STATE_DIR: directory.path,
      STORAGE_TYPE: "kafka,postgres,oracle",
      POSTGRES_CONNECTION_STRING: "not a url with hunter2 in it",
      AGGREGATION_INTERVAL: "soon",
      ALLOWED_LATENESS: "-1",
      VABUS_URL: "ftp://bus",
      VABUS_BATCH_SIZE: "0",
      ROUTES: "orders.*=kafka",
      LOG_LEVEL: "loud",
    });
    assertRefused(output, WRONG_USAGE);
    for (
      const variable of [
        "STORAGE_TYPE",
        "AGGREGATION_INTERVAL",
        "ALLOWED_LATENESS",
        "VABUS_URL",
        "VABUS_BATCH_SIZE",
        "LOG_LEVEL",
      ]
    ) assert.ok(output.stderr.includes(variable), `${command} does not name ${variable}: ${output.stderr}`);
    assert.doesNotMatch(output.stderr + output.stdout, /hunter2/);
  }
});

Deno.test("misspelt variables and lines that are not understood are named, exit code 2; other programs' are let pass", async () => {
  await using directory = await temporaryDirectory();
  const envFile = `${directory.path}/settings.env`;
  await Deno.writeTextFile(
    envFile,
    "\uFEFFMAX_WAIT=10s\r\nVABUS_URL=http://x # hunter2\r\nKAFKA_TOPICS=hunter2\r\n",
  );
  const args = ["status", "--env-file", envFile];
  const of = { STATE_DIR: directory.path, KAFKA_URL: "x", VABUS_SERVICE_HOST: "x", TEXT: "x\nVABUS_NO=1" };
  const output = await runToEnd(args, { ...of, STORAGE_TYP: "hunter2" });
  assertRefused(output, WRONG_USAGE);
  assert.match(output.stderr, /^3 faults/);
  assert.match(output.stderr, /STORAGE_TYP \(environment\) is no setting; did you mean STORAGE_TYPE\?/);
  assert.match(output.stderr, /KAFKA_TOPICS \(.*settings\.env:3\) is no setting; did you mean KAFKA_TOPIC\?/);
  assert.match(output.stderr, /VABUS_URL \(.*settings\.env:2\) has a comment behind its value/);
  assert.doesNotMatch(output.stderr + output.stdout, /hunter2/);
});

Deno.test("settings that a sink needs are asked for together, exit code 2", async () => {
  const output = await runToEnd(["run"], { STORAGE_TYPE: "kafka,postgres" });
  assertRefused(output, WRONG_USAGE);
  assert.match(output.stderr, /KAFKA_BOOTSTRAP_SERVERS/);
  assert.match(output.stderr, /POSTGRES_CONNECTION_STRING/);
});

for (
  const args of [["--no-such-flag"], ["fly"], ["run", "--aggregation-interval"], ["dead-letters", "burn"]]
) {
  Deno.test(`\`${args.join(" ")}\` is wrong usage, exit code 2`, async () => {
    await using directory = await temporaryDirectory();
    assertRefused(await runToEnd(args, { STATE_DIR: directory.path }), WRONG_USAGE);
  });
}

Deno.test("a bus that is no bus is told by name, without an end of the service", async () => {
  await using directory = await temporaryDirectory();
  const page = "<!doctype html><title>Welcome to nginx!</title><h1>It works</h1>";
  await using server = FaultyServer.start(() => respond(200, page, { "content-type": "text/html" }));
  const environment = handlerEnvironment(server.url, directory.path);
  for (const command of ["check", "once"]) {
    const output = await runToEnd([command], environment, PATIENCE_MS);
    assert.ok([FAILED, TRY_AGAIN_LATER].includes(output.code), `${command}: exit code ${output.code}`);
    assertRefused(output, output.code);
    assert.ok((output.stderr + output.stdout).includes(server.url), output.stderr + output.stdout);
  }
  await using handler = Program.start(["run"], environment);
  const before = server.requests.length;
  await until(() => server.requests.length >= before + 3, "three attempts", PATIENCE_MS, [handler]);
  assert.equal(await handler.stop(), 0, handler.tail());
  assertNoStackTrace(handler);
  assert.ok(handler.stderr.includes(server.url), handler.stderr);
});

Deno.test("replies of every kind of wrong: retried until they are right, and each event counted once", async () => {
  await using directory = await temporaryDirectory();
  const { oracle, texts } = smallStream(21);
  const faults: ((request: FaultyRequest) => string)[] = [
    () => respond(500, "Internal Server Error"),
    () => respond(200, "<html>Bad Gateway</html>", { "content-type": "text/html" }),
    () => respond(200, ""),
    () => respond(200, "not JSON at all"),
    () => respond(200, '"a text"'),
    () => respond(200, "[]"),
    () => respond(200, "{}"),
    () => respond(200, '{"log":"faulty","offset":0,"next":"many","events":[]}'),
    () => respond(200, '{"log":"faulty","offset":0,"next":5,"events":{}}'),
    () => respond(404, "{}"),
    () => respond(502, "<html>"),
    () => respond(503, "", { "retry-after": "1" }),
    () => "HTTP/1.1 200 OK\r\n",
    () => "\u0000\u0001\u0002 this is not HTTP\r\n\r\n",
    () => "",
    (request) => cutOff(respondAsBus(request, texts)),
    // The right length, but the end of the JSON is missing.
    (request) => {
      const body = respondAsBus(request, texts).split("\r\n\r\n")[1]!;
      return respond(200, body.slice(0, body.length * 0.7));
    },
    // One event in the middle has a bracket too many; the next time the reply is right.
    (request) => {
      const body = respondAsBus(request, texts).split("\r\n\r\n")[1]!;
      return respond(200, body.replace(/"value":-?[\d.]+/, '"value":[1'));
    },
  ];
  const pending = [...faults];
  let turn = 0;
  await using server = FaultyServer.start((request) => {
    if (request.path !== "/events") return respondAsBus(request, texts);
    // A wrong reply, then a right one, and so on, while there are wrong ones left.
    return turn++ % 2 === 0 && pending.length > 0 ? pending.shift()!(request) : respondAsBus(request, texts);
  });
  const environment = handlerEnvironment(server.url, directory.path, {
    VABUS_BATCH_SIZE: `${Math.floor(texts.length / faults.length) - 1}`,
    MAX_WAIT: "86400",
  });
  await using handler = Program.start(["run"], environment);
  const inSqlite = sqliteSink(sqlitePath(directory.path));
  await arrival(inSqlite, oracle.counts.aggregated, "SQLite", PATIENCE_MS, [handler]);
  assert.equal(await handler.stop(), 0, handler.tail());
  assert.equal(pending.length, 0, "some faults were never asked for");
  oracle.assertRows(await inSqlite.rows(), "SQLite", INSTANCE);
  assertNoStackTrace(handler);
});

Deno.test("429 with Retry-After: the bus is left alone for that long", async () => {
  await using directory = await temporaryDirectory();
  const { oracle, texts } = smallStream(22);
  let refusedAtMs: number | undefined;
  let nextAtMs: number | undefined;
  await using server = FaultyServer.start((request) => {
    if (request.path !== "/events") return respondAsBus(request, texts);
    if (refusedAtMs === undefined) {
      refusedAtMs = request.atMs;
      return respond(429, "", { "retry-after": "2" });
    }
    nextAtMs ??= request.atMs;
    return respondAsBus(request, texts);
  });
  await using handler = Program.start(["run"], handlerEnvironment(server.url, directory.path));
  const inSqlite = sqliteSink(sqlitePath(directory.path));
  await arrival(inSqlite, oracle.counts.aggregated, "SQLite", PATIENCE_MS, [handler]);
  assert.ok(nextAtMs! - refusedAtMs! >= 1950, `asked again after ${nextAtMs! - refusedAtMs!} ms`);
});

Deno.test("names of 10 MB, dates in year 9999, numbers beyond a double: dead letters, and the rest goes on", async () => {
  await using directory = await temporaryDirectory();
  const time = Math.floor(Date.now() / 1000) - 600;
  const year9999 = Date.UTC(9999, 11, 31) / 1000;
  const events = [
    `{"name":"good","value":1,"timestamp":${time}}`,
    `{"name":"${"x".repeat(10_000_000)}","value":1,"timestamp":${time}}`,
    `{"name":"good","value":1e400,"timestamp":${time}}`,
    `{"name":"good","value":"NaN","timestamp":${time}}`,
    `{"name":"good","value":1,"timestamp":${year9999}}`,
    `{"name":"good","value":1,"timestamp":1e300}`,
    `{"name":"good","value":1,"timestamp":${time}123456789123456789}`,
    `{"name":"good","value":2,"timestamp":${time}}`,
  ];
  await using server = FaultyServer.start((request) => respondAsBus(request, events));
  const environment = handlerEnvironment(server.url, directory.path);
  const output = await runToEnd(["once"], environment);
  assert.equal(output.code, 0, output.stderr);
  assertNoStackTrace(output);
  const rows = await sqliteSink(sqlitePath(directory.path)).rows();
  assert.deepEqual(rows.map(({ name, value, count }) => ({ name, value, count })), [
    { name: "good", value: 3, count: 2 },
  ]);
  const deadLetters = await runToEnd(["dead-letters", "export"], environment);
  const reasons = deadLetters.stdout.trimEnd().split("\n").map((line) => JSON.parse(line).reason);
  assert.deepEqual(reasons.sort(), ["future", "future", "future", "invalid", "invalid", "invalid"]);
  assertDone(await runToEnd(["verify"], environment));
});

Deno.test("a second start on the same state ends at once, names the first one, and leaves it alone", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path);
  const { oracle, texts } = smallStream(23);
  await using first = Program.start(["run"], environment);
  const inSqlite = sqliteSink(sqlitePath(directory.path));
  await bus.publish(texts.slice(0, texts.length / 2));
  await until(async () => await inSqlite.sumOfCounts() > 0, "the first rows", PATIENCE_MS, [first]);
  for (const command of ["run", "once"]) {
    const output = await runToEnd([command], environment);
    assertRefused(output, TRY_AGAIN_LATER);
    assert.match(output.stderr, new RegExp(`\\b${first.pid}\\b`));
  }
  await bus.publish(texts.slice(texts.length / 2));
  await arrival(inSqlite, oracle.counts.aggregated, "SQLite", PATIENCE_MS, [first]);
  assert.equal(await first.stop(), 0, first.tail());
  oracle.assertRows(await inSqlite.rows(), "SQLite", INSTANCE);
});

for (
  const [damage, apply] of [
    ["cut in half", (bytes: Uint8Array) => bytes.slice(0, bytes.length / 2)],
    [
      "overwritten in its middle",
      (bytes: Uint8Array) => bytes.map((byte, i) => i % 4096 < 8 && i > 4096 ? 0x5a : byte),
    ],
    ["another program's file", () => new TextEncoder().encode("a,b,c\n1,2,3\n".repeat(1000))],
    ["empty", () => new Uint8Array()],
  ] as [string, (bytes: Uint8Array) => Uint8Array][]
) {
  Deno.test(`a state file that is ${damage} is refused with a clear word and left as it is`, async () => {
    await using directory = await temporaryDirectory();
    await using bus = await Bus.start();
    const environment = handlerEnvironment(bus.url, directory.path);
    await bus.publish(smallStream(24).texts);
    assertDone(await runToEnd(["once"], environment));
    const path = await largestFileIn(environment.STATE_DIR!);
    const damaged = apply(await Deno.readFile(path));
    await Deno.writeFile(path, damaged);
    for (const command of ["run", "once", "status", "verify"]) {
      const output = await runToEnd([command], environment);
      assertRefused(output, FAILED);
      assert.ok(output.stderr.includes(path), `${command} does not name the file: ${output.stderr}`);
      assert.deepEqual(await Deno.readFile(path), damaged, `${command} has changed the file`);
    }
  });
}

Deno.test("state of another instance is refused", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path);
  assertDone(await runToEnd(["once"], environment));
  const output = await runToEnd(["once"], { ...environment, INSTANCE_ID: "somebody-else" });
  assert.notEqual(output.code, 0);
  assertRefused(output, output.code);
  assert.match(output.stderr, /INSTANCE_ID/);
});

function smallStream(seed: number): { oracle: Oracle; texts: string[] } {
  const oracle = new Oracle(WINDOW_MS);
  const stream = eventStream({
    seed,
    eventCount: 5000,
    nameCount: 50,
    baseMs: recentBaseMs(WINDOW_MS, 5),
    windowSizeMs: WINDOW_MS,
    windowCount: 5,
  });
  return { oracle, texts: [...observed(stream, oracle)] };
}

/** The head announces more bytes than come. */
function cutOff(reply: string): string {
  return reply.slice(0, reply.indexOf("\r\n\r\n") + (reply.length - reply.indexOf("\r\n\r\n")) / 2);
}

async function largestFileIn(directory: string): Promise<string> {
  const files = await Array.fromAsync(Deno.readDir(directory), async ({ name }) => {
    const path = `${directory}/${name}`;
    return { path, size: (await Deno.stat(path)).size };
  });
  return files.reduce((largest, file) => file.size > largest.size ? file : largest).path;
}

function assertDone(output: Output): void {
  assert.equal(output.code, 0, output.stdout + output.stderr);
}

/** It ended with this code, said why in a few lines on stderr, and left no trace of its insides. */
function assertRefused(output: Output, code: number): void {
  assert.equal(output.code, code, output.stderr);
  assert.notEqual(output.stderr.trim() + output.stdout.trim(), "", "not a word about why");
  assertNoStackTrace(output);
}
