/** Buses behind proxies of HTTP, as the environment names them. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { runCheck, runToEnd, temporaryDirectory } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { FaultyServer, respond } from "../support/http_faults.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";
import { Bus, handlerEnvironment, sqlitePath } from "./plant.ts";

/**
 * Nobody has this address (RFC 5737) or this name (RFC 6761): who gets an answer has gone through a proxy.
 */
const FAR_BUS = "http://192.0.2.1:8000";
const NAMED_BUS = "http://bus.invalid:8000";

Deno.test("a bus is reached through the proxy that the environment names, and check names it without its password", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  await using proxy = TcpProxy.start();
  proxy.leadTo(Number(new URL(bus.url).port));
  await bus.publishBatch(`[{"name":"a","value":2,"timestamp":${Math.floor(Date.now() / 1000)}}]`);
  const environment = {
    ...handlerEnvironment(FAR_BUS, directory.path),
    HTTP_PROXY: `http://user:hunter2@${proxy.address}`,
  };
  const check = await runCheck(environment);
  assert.equal(check.code, 0, check.stdout + check.stderr);
  assert.ok(
    check.stdout.includes(
      `ok      bus ${FAR_BUS} through the proxy http://user:***@${proxy.address} (HTTP_PROXY): `,
    ),
    check.stdout,
  );
  const once = await runToEnd(["once", "--flush"], environment);
  assert.equal(once.code, 0, once.stderr);
  const sink = new DatabaseSync(sqlitePath(directory.path), { readOnly: true });
  try {
    assert.equal(sink.prepare("select sum(value) as total from aggregated_events").get()!.total, 2);
  } finally {
    sink.close();
  }

  const excepted = await runCheck({
    ...environment,
    VABUS_URL: NAMED_BUS,
    NO_PROXY: "other,.invalid",
  });
  assert.equal(excepted.code, 1);
  assert.match(excepted.stdout, /FAILED {2}bus http:\/\/bus\.invalid:8000: .*no connection: /);
  for (const { stdout, stderr } of [check, once, excepted]) assert.doesNotMatch(stdout + stderr, /hunter2/);
});

Deno.test("this host is reached directly, whatever the environment says", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const nowhere = `http://127.0.0.1:${freePort()}`;
  const environment = {
    ...handlerEnvironment(bus.url, directory.path),
    HTTP_PROXY: nowhere,
    http_proxy: nowhere,
    ALL_PROXY: nowhere,
  };
  const check = await runCheck(environment);
  assert.equal(check.code, 0, check.stdout + check.stderr);
  assert.doesNotMatch(check.stdout, /proxy/);
});

Deno.test("a proxy that wants a login, and one that is not there, are named", async () => {
  await using directory = await temporaryDirectory();
  await using server = FaultyServer.start(() => respond(407, ""));
  const environment = handlerEnvironment(FAR_BUS, directory.path);
  const login = await runCheck({ ...environment, HTTP_PROXY: server.url });
  assert.match(
    login.stdout,
    /answered with 407 \(through the proxy .* of HTTP_PROXY\): the proxy wants a login/,
  );
  const nowhere = `http://127.0.0.1:${freePort()}`;
  const gone = await runCheck({ ...environment, HTTP_PROXY: nowhere });
  assert.ok(gone.stdout.includes(`no connection (through the proxy ${nowhere} of HTTP_PROXY)`), gone.stdout);
  assert.deepEqual([login.code, gone.code], [1, 1]);
});
