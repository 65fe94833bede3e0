/** What `check` says where two URLs lead to one bus, which a run would read once only. */
import assert from "node:assert/strict";
import { check } from "../../src/control/check.ts";
import { REGISTRY } from "../../src/runtime/registry.ts";
import { QUIET } from "../contract/sink_samples.ts";
import { sourcesOf } from "../settings/sources.ts";
import { temporaryDirectory } from "../support/executable.ts";
import { FaultyServer, respond, respondAsBus } from "../support/http_faults.ts";
import { connectToRedis, RedisServerProcess } from "../support/redis_server.ts";

function bus(log: string, tells = true): FaultyServer {
  return FaultyServer.start((request) =>
    tells || request.path !== "/healthz" ? respondAsBus(request, [], log) : respond(404, "{}")
  );
}

/** The findings about the buses. */
async function found(...urls: string[]) {
  await using directory = await temporaryDirectory();
  const environment = {
    STATE_DIR: directory.path,
    VABUS_URL: urls.join(","),
    STORAGE_TYPE: "stdout",
    METRICS_INTERVAL: "0",
  };
  const config = REGISTRY.configure(sourcesOf({ environment }));
  const installation = { config, registry: REGISTRY, logger: QUIET };
  const { findings } = await check(installation, [], new AbortController().signal);
  return findings.filter(({ title }) => title.startsWith("bus "));
}

Deno.test("check finds a bus that two URLs lead to", async () => {
  await using server = bus("one");
  await using other = bus("two");
  const urls = [server.url, server.url.replace("127.0.0.1", "localhost"), other.url];
  const findings = await found(...urls);
  const failed = findings.filter(({ outcome }) => outcome === "failed");
  assert.equal(failed.length, 1);
  assert.match(
    failed[0]!.detail!,
    /^it has the same log as http:\/\/\S+: name this bus only once in VABUS_URL$/,
  );
  assert.deepEqual((await found(server.url, other.url)).map(({ outcome }) => outcome), ["ok", "ok"]);
});

Deno.test("a bus that does not tell its log apart from its events is as well as another", async () => {
  await using silent = bus("one", false);
  assert.deepEqual((await found(silent.url)).map(({ outcome }) => outcome), ["ok"]);
});

Deno.test("check finds a file that two URLs lead to, by whatever names", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await Deno.writeTextFile(`${path}/a1.ndjson`, "");
  await Deno.writeTextFile(`${path}/b1.ndjson`, "");
  await Deno.symlink(`${path}/b1.ndjson`, `${path}/c1`);
  for (
    const urls of [
      [`file://${path}/*.ndjson`, `file://${path}/a*.ndjson`],
      [`file://${path}/b1.ndjson`, `file://${path}/c1`],
      [`file://${path}/a1.ndjson`, `file:${path}/a1.ndjson`],
    ]
  ) {
    const failed = (await found(...urls)).filter(({ outcome }) => outcome === "failed");
    assert.equal(failed.length, 1, urls.join());
    assert.match(
      failed[0]!.detail!,
      /(?:a1\.ndjson|b1\.ndjson|c1) is read by file:\S+ too, and would count twice: name it in one URL only$/,
    );
  }
  const apart = await found(`file://${path}/a*.ndjson`, `file://${path}/b*.ndjson`);
  assert.deepEqual(apart.map(({ outcome }) => outcome), ["ok", "ok"]);
});

Deno.test("check finds a stream of Redis that two URLs lead to", async () => {
  await using server = await RedisServerProcess.start();
  const connection = await connectToRedis(server.port);
  try {
    for (const key of ["k", "l"]) await connection.ask(["XADD", key, "*", "name", "a"]);
    const address = `127.0.0.1:${server.port}`;
    const urls = [`redis://${address}/k`, `redis://${address.replace("127.0.0.1", "localhost")}/k;l`];
    const failed = (await found(...urls)).filter(({ outcome }) => outcome === "failed");
    assert.equal(failed.length, 1);
    assert.match(failed[0]!.detail!, /^stream k is read by redis:\S+ too, and would count twice/);
    const apart = await found(
      `redis://${address}/k`,
      `redis://${address.replace("127.0.0.1", "localhost")}/l`,
    );
    assert.deepEqual(apart.map(({ outcome }) => outcome), ["ok", "ok"]);
  } finally {
    connection.close();
  }
});
