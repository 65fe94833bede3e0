import assert from "node:assert/strict";
import { sendMetrics, tryReceiver } from "../../../src/platform/telemetry/receiver.ts";
import { freePort } from "../../support/free_port.ts";

const NEVER = new AbortController().signal;
const TOKEN = "receiver-token";

function addressOf(endpoint: string) {
  return {
    endpoint,
    headers: [["authorization", `Bearer ${TOKEN}`]],
    isJson: false,
    authority: undefined,
  } as const;
}

function asked(endpoint: string) {
  return tryReceiver(addressOf(endpoint), ["traces"], NEVER);
}

Deno.test("a receiver is asked with the headers, and what it answers is told without them", async () => {
  let status = 200;
  let got: readonly string[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    got = [new URL(request.url).pathname, request.headers.get("authorization") ?? ""];
    return new Response("", { status, headers: { location: "/elsewhere" } });
  });
  const endpoint = `http://127.0.0.1:${server.addr.port}`;
  assert.equal(await asked(endpoint), undefined);
  assert.deepEqual(got, ["/v1/traces", `Bearer ${TOKEN}`]);
  for (const taken of [202, 400, 415]) {
    status = taken;
    assert.equal(await asked(endpoint), undefined);
  }
  for (const refused of [307, 401, 403, 404, 429, 500, 503]) {
    status = refused;
    const problem = await asked(endpoint);
    assert.match(problem!, new RegExp(`it answers ${refused}`));
    assert.ok(!problem!.includes(TOKEN));
  }
});

Deno.test("each signal that is sent is asked for, and those that are not taken are named", async () => {
  const paths: string[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    paths.push(`${pathname} ${request.headers.get("content-type")}`);
    return new Response("", { status: pathname === "/v1/traces" ? 200 : 404 });
  });
  const receiver = addressOf(`http://127.0.0.1:${server.addr.port}`);
  const problem = await tryReceiver(receiver, ["traces", "metrics", "logs"], NEVER);
  assert.deepEqual(paths.sort(), [
    "/v1/logs application/x-protobuf",
    "/v1/metrics application/json",
    "/v1/traces application/x-protobuf",
  ]);
  assert.match(problem!, /^it answers 404 to \S*\/v1\/metrics; it answers 404 to \S*\/v1\/logs$/);
  assert.equal(await tryReceiver(receiver, [], NEVER), undefined);
});

Deno.test("metrics are sent as JSON, and each answer but success says why they are not taken", async () => {
  let status = 200;
  let got: readonly string[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { headers, url } = request;
    got = [
      new URL(url).pathname,
      headers.get("authorization")!,
      headers.get("content-type")!,
      await request.text(),
    ];
    return new Response("", { status });
  });
  const receiver = addressOf(`http://127.0.0.1:${server.addr.port}`);
  assert.equal(await sendMetrics(receiver, '{"a":1}', NEVER), undefined);
  assert.deepEqual(got, ["/v1/metrics", `Bearer ${TOKEN}`, "application/json", '{"a":1}']);
  for (const refused of [400, 404, 415, 503]) {
    status = refused;
    assert.match(
      (await sendMetrics(receiver, "{}", NEVER))!,
      new RegExp(`^it answers ${refused} to .*/v1/metrics$`),
    );
  }
  await assert.rejects(sendMetrics(receiver, "{}", AbortSignal.abort(new Error("stop"))), /stop/);
});

Deno.test("one that is away, or speaks another protocol, is told as such", async () => {
  assert.match((await asked(`http://127.0.0.1:${freePort()}`))!, /refused/i);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    const connection = await listener.accept();
    await connection.read(new Uint8Array(1024));
    await connection.write(new TextEncoder().encode("\x00garbage\r\n\r\n"));
    connection.close();
  })();
  const problem = await asked(`http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`);
  await serving;
  assert.ok(problem !== undefined && problem.length <= 300);
});
