/** What `flink --submit` and `flink check` make of an address where no SQL gateway is, or a strange one. */
import assert from "node:assert/strict";
import { SqlGateway } from "../../src/flink/sql_gateway.ts";
import { systemClock } from "../../src/platform/clock/clock.ts";
import { HastyClock } from "../delivery/delivery_rig.ts";
import { freePort } from "../support/free_port.ts";
import { FakeGateway } from "./fake_gateway.ts";
import { assertGatewayContract, MISSING_CLASS } from "./gateway_contract.ts";

const NEVER = { signal: new AbortController().signal, clock: systemClock, wait: () => {} };

/** Has something answer at an address, and opens a session there. */
async function openAt(answer: (request: Request) => Response | Promise<Response>) {
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer);
  await using gateway = await SqlGateway.open(`http://127.0.0.1:${server.addr.port}`, NEVER);
  return await gateway.version();
}

const FOREIGN = {
  name: "GatewayError",
  kind: "foreign",
  message: /^http:.* is no SQL gateway of Flink\. .*port 8083/,
};
const ABSENT = {
  name: "GatewayError",
  kind: "absent",
  message: /^No SQL gateway answers at http\S+: (?!fetch failed).*\. Is it started/,
};

Deno.test("what is no gateway is told as such, and nothing of its answer is shown", async () => {
  const answers = [
    () => new Response("<html>\u001b[2J</html>"),
    () => new Response(""),
    () => new Response('{"sessionHandle":'),
    () => Response.json({ sessionHandle: 7 }),
    () => Response.json([]),
    // As a JobManager does.
    () => Response.json({ errors: ["Not found: /v1/sessions"] }, { status: 404 }),
    () => new Response("busy", { status: 503 }),
    () => new Response(null, { status: 204 }),
    (request: Request) =>
      Response.json(request.method === "POST" ? { sessionHandle: "s" } : { version: "2" }),
  ];
  for (const answer of answers) await assert.rejects(openAt(answer), FOREIGN);
});

Deno.test("an answer that does not end is given up, and one that is cut off is nobody's", async () => {
  const piece = new Uint8Array(1_000_000).fill(32);
  const endless = () => new Response(new ReadableStream({ pull: (stream) => stream.enqueue(piece) }));
  await assert.rejects(openAt(endless), FOREIGN);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const cutOff = listener.accept().then(async (connection) => {
    await connection.read(new Uint8Array(1000));
    await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"));
    connection.close();
  });
  await assert.rejects(SqlGateway.open(`http://127.0.0.1:${listener.addr.port}`, NEVER), ABSENT);
  await cutOff;
});

Deno.test("nobody, and a server that wants TLS or has none, are told with the address", async () => {
  await assert.rejects(SqlGateway.open(`http://127.0.0.1:${freePort()}`, NEVER), ABSENT);
  await using plain = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(),
  );
  await assert.rejects(SqlGateway.open(`https://127.0.0.1:${plain.addr.port}`, NEVER), ABSENT);
});

Deno.test("a gateway that hangs is left when the operator ends the command", async () => {
  const ended = new AbortController();
  const hangs = () => {
    ended.abort(new Error("ended"));
    return new Promise<Response>(() => {});
  };
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {}, onError: () => new Response() },
    (request) => Promise.race([hangs(), gone(request.signal)]),
  );
  await assert.rejects(
    SqlGateway.open(`http://127.0.0.1:${server.addr.port}`, { ...NEVER, signal: ended.signal }),
    /ended/,
  );
});

Deno.test("the fake of the tests is as a real gateway", async () => {
  await using gateway = new FakeGateway({ missing: [MISSING_CLASS] });
  await assertGatewayContract(gateway.url);
  assert.equal(gateway.openSessions, 0);
});

Deno.test("a statement that does not end is told every ten seconds, and cancelled after minutes", async () => {
  await using fake = new FakeGateway({ stays: { at: "EXECUTE ", as: "RUNNING" } });
  const told: [string, number][] = [];
  const surroundings = {
    signal: NEVER.signal,
    clock: new HastyClock(),
    wait: (...words: [string, number]) => told.push(words),
  };
  await using gateway = await SqlGateway.open(fake.url, surroundings);
  await gateway.run("SET 'a' = 'b'");
  await assert.rejects(gateway.run("-- A comment.\nEXECUTE STATEMENT SET BEGIN\nINSERT"), {
    kind: "slow",
    message: "EXECUTE STATEMENT SET BEGIN is not done after 5 minutes, and was cancelled.",
  });
  assert.deepEqual(fake.cancelled, [1]);
  assert.deepEqual(told.slice(0, 2), [["EXECUTE STATEMENT SET BEGIN", 10], [
    "EXECUTE STATEMENT SET BEGIN",
    20,
  ]]);
  assert.deepEqual(told.at(-1)![1], 300);
});

Deno.test("a statement that ends without a result is refused, in each state that it may end in", async () => {
  for (const as of ["CANCELED", "CLOSED", "TIMEOUT"]) {
    await using fake = new FakeGateway({ stays: { at: "EXECUTE ", as } });
    await using gateway = await SqlGateway.open(fake.url, NEVER);
    await assert.rejects(gateway.run("EXECUTE STATEMENT SET BEGIN END"), {
      kind: "refused",
      message: RegExp(as),
    });
  }
});

Deno.test("an operator who ends the command leaves no session at the gateway", async () => {
  await using fake = new FakeGateway({ stays: { at: "EXECUTE ", as: "RUNNING" } });
  const ended = new AbortController();
  const surroundings = { ...NEVER, signal: ended.signal, clock: new HastyClock(), wait: () => ended.abort() };
  const run = async () => {
    await using gateway = await SqlGateway.open(fake.url, surroundings);
    await gateway.run("EXECUTE STATEMENT SET BEGIN END");
  };
  await assert.rejects(run(), { name: "AbortError" });
  assert.equal(fake.openSessions, 0);
});

function gone(signal: AbortSignal): Promise<Response> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(new Response())));
}
