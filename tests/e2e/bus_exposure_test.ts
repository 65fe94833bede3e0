/**
 * The built `bus` before strangers: what it starts with, whom it answers, and what a small request may cost.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { parse } from "yaml";
import { residentBytes } from "../soak/sample.ts";
import {
  PATIENCE_MS,
  Program,
  runCheck,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { BusProgram, handlerEnvironment } from "./plant.ts";

const WRONG_USAGE = 2;
const TOKEN = "a-token-that-is-long-enough";
const JSON_TYPE = { "content-type": "application/json" };

Deno.test("an open bus does not start without a word, and says why and the ways out", async () => {
  for (
    const [host, environment] of [["0.0.0.0", {}], ["[::]", {}], ["0.0.0.0", { VABUS_TOKEN: TOKEN }]] as const
  ) {
    const { code, stderr } = await runToEnd(["bus", "--listen", `${host}:0`], environment);
    assert.equal(code, WRONG_USAGE, stderr);
    for (const word of ["VABUS_TOKEN", "--tls-cert-file", "127.0.0.1", "--insecure"]) {
      assert.ok(stderr.includes(word), stderr);
    }
    assert.ok(!stderr.includes(TOKEN));
  }
});

Deno.test("with the word it starts and warns; by a name it answers only where that was allowed", async () => {
  const port = freePort();
  const host = { hostname: "127.0.0.1", port };
  await using bus = Program.start(["bus", "--listen", `0.0.0.0:${port}`, "--insecure"], {
    HTTP_ALLOWED_HOSTS: "Bus",
  });
  await until(
    () => bus.stderr.includes("listening") && /warn.*no token/i.test(bus.stderr),
    "the start",
    PATIENCE_MS,
    [bus],
  );
  const ask = async (name: string) => {
    using connection = await Deno.connect(host);
    await connection.write(
      new TextEncoder().encode(`GET /events HTTP/1.1\r\nhost: ${name}\r\nconnection: close\r\n\r\n`),
    );
    return await new Response(connection.readable).text();
  };
  assert.match(await ask(`bus:${port}`), /^HTTP\/1.1 200 /);
  const refused = await ask("evil.example");
  assert.match(refused, /^HTTP\/1.1 403 /);
  assert.match(refused, /HTTP_ALLOWED_HOSTS/);
  await until(() => bus.stderr.includes("evil.example"), "the refusal in the log", PATIENCE_MS, [bus]);
});

Deno.test("a handler that calls the bus by a name that is not allowed is told what to change", async () => {
  await using directory = await temporaryDirectory();
  const port = freePort();
  await using bus = Program.start(["bus", "--listen", `127.0.0.1:${port}`]);
  await until(() => bus.stderr.includes("listening"), "the start", PATIENCE_MS, [bus]);
  // A name that every machine has for itself, and the bus was not told of.
  const name = Deno.hostname();
  const reached = await fetch(`http://${name}:${port}/healthz`).then(
    (reply) => reply.text(),
    () => undefined,
  );
  if (reached === undefined) return;
  const { stdout, stderr } = await runCheck(handlerEnvironment(`http://${name}:${port}`, directory.path));
  assert.match(stdout + stderr, /HTTP_ALLOWED_HOSTS/);
});

Deno.test("compose's bus starts as it says, is healthy, and answers who has the token", async () => {
  await using directory = await temporaryDirectory();
  const file = fileURLToPath(new URL("../../deploy/compose.yaml", import.meta.url));
  const { services: { bus } } = parse(await Deno.readTextFile(file), { merge: true });
  const port = `${freePort()}`;
  const here = (args: string[]) =>
    args.map((arg) => arg.replace(/\b8000$/, port).replace("/var/lib/vabus-data-handler", directory.path));
  await using program = Program.start(here(bus.command), bus.environment);
  await until(() => program.stderr.includes("listening"), "the start", PATIENCE_MS, [program]);
  const { code, stderr } = await runToEnd(here(bus.healthcheck.test.slice(2)), bus.environment);
  assert.equal(code, 0, stderr);
  const ask = async (headers: HeadersInit) => {
    const reply = await fetch(`http://localhost:${port}/events`, { headers });
    await reply.body?.cancel();
    return reply.status;
  };
  assert.equal(await ask({}), 401);
  assert.equal(await ask({ authorization: `Bearer ${bus.environment.VABUS_TOKEN}` }), 200);
});

Deno.test("a small POST neither fills the memory nor takes the place of events", async () => {
  await using bus = await BusProgram.start();
  await bus.publish(['{"name":"kept","value":1,"timestamp":1}']);
  const before = residentBytes(bus.program.pid);
  for (const unit of ["{},", "[],", "1,", '{"a":', "["]) {
    for (const path of ["/events", "/metrics"]) {
      const body = Uint8Array.from(gzipSync(`[${unit.repeat(60_000_000 / unit.length)}`));
      assert.ok(body.length < 500_000);
      const reply = await fetch(bus.url + path, {
        method: "POST",
        body,
        headers: { ...JSON_TYPE, "content-encoding": "gzip" },
      });
      assert.ok([400, 413].includes(reply.status), `${unit} ${reply.status}`);
      await reply.body?.cancel();
    }
  }
  // Twice what one body has when it is put together, and what the runtime has not yet swept up; it was 2.2
  // GB.
  assert.ok(residentBytes(bus.program.pid) - before < 600 * 1024 * 1024);
  const { first, next } = await (await fetch(`${bus.url}/healthz`)).json();
  assert.deepEqual([first, next], [0, 1]);
});

Deno.test("over a restart of the bus, what the handler has not read stays, and publishers are told to wait", async () => {
  await using directory = await temporaryDirectory();
  const port = freePort();
  const start = async () => {
    const program = Program.start(
      ["bus", "--listen", `127.0.0.1:${port}`, "--data-dir", directory.path, "--max-events", "3"],
    );
    await until(() => program.stderr.includes("listening"), "the start", PATIENCE_MS, [program]);
    return program;
  };
  const url = `http://127.0.0.1:${port}/events`;
  const publish = async () => {
    const reply = await fetch(url, { method: "POST", headers: JSON_TYPE, body: "[{},{}]" });
    await reply.body?.cancel();
    return [reply.status, reply.headers.get("retry-after") !== null];
  };
  {
    await using _ = await start();
    await (await fetch(`${url}?consumer=handler&ack=0`)).text();
    assert.deepEqual(await publish(), [202, false]);
    assert.deepEqual(await publish(), [429, true]);
  }
  await using _ = await start();
  assert.deepEqual(await publish(), [429, true]);
  await (await fetch(`${url}?consumer=handler&offset=2&ack=2`)).text();
  assert.deepEqual(await publish(), [202, false]);
});
