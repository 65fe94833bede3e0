/** PostgreSQL goes away for a while: readiness, metrics, alerts, API and log tell the same of it. */
import assert from "node:assert/strict";
import { assertFires, samplesOf } from "../support/alerts.ts";
import { Program, temporaryDirectory, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { postgresIsExternal, startPostgres } from "../support/postgres_server.ts";
import { Bus, handlerEnvironment } from "./plant.ts";
import { assertProven } from "./proof.ts";

Deno.test({
  name: "PostgreSQL goes away for a while, told by readiness, metrics, alerts, API and log alike",
  ignore: postgresIsExternal,
  async fn() {
    await using servers = new AsyncDisposableStack();
    const postgres = await startPostgres();
    servers.defer(() => postgres.remove());
    await using directory = await temporaryDirectory();
    await using bus = await Bus.start();
    const address = `127.0.0.1:${freePort()}`;
    const environment = handlerEnvironment(bus.url, directory.path, {
      STORAGE_TYPE: "postgres",
      POSTGRES_CONNECTION_STRING: postgres.url,
      HTTP_LISTEN: address,
      AGGREGATION_INTERVAL: "1",
      CHECKPOINT_INTERVAL: "0.1",
    });
    const base = Math.floor(Date.now() / 1000) - 600;
    await using handler = Program.start(["run"], environment);
    const ask = async (path: string) => await (await fetch(`http://${address}${path}`)).text();
    const status = async () => JSON.parse(await ask("/api/status"));
    const readiness = async () => JSON.parse(await ask("/readyz"));
    const metric = async (name: string) =>
      Number(
        new RegExp(`^vabus_handler_${name}\\{sink="postgres"\\} (.*)$`, "m").exec(await ask("/metrics"))![1],
      );
    const waiting = async () => (await status()).outbox.sinks[0].waiting;
    const reaches = (what: string, condition: () => Promise<boolean>) =>
      until(condition, what, undefined, [handler]);
    const publish = (second: number) =>
      bus.publish([`{"name":"oven","value":${second},"timestamp":${base + second}}`]);

    await publish(0);
    await reaches(
      "the first row",
      async () => (await status()).outbox.next_id === 1 && await waiting() === 0,
    );
    assert.equal(await metric("sink_up"), 1);
    await reaches("readiness", async () => (await readiness()).status === "ready");

    await postgres.stop();
    await publish(10);
    await reaches("what waits", async () => await waiting() > 0);
    await reaches(
      "the cause",
      async () =>
        (await readiness()).causes.some(({ name }: { name: string }) => name === "sink_unavailable"),
    );
    assert.equal(await metric("sink_up"), 0);
    assert.ok(await metric("sink_outbox_rows") > 0);
    await reaches("the outage in the state", async () => (await status()).outages.length === 1);
    const [{ since }] = (await status()).outages;
    const { alarms } = JSON.parse(await ask("/api/alarms"));
    assert.deepEqual(
      alarms.filter(({ name }: { name: string }) => /SinkDown|BreakerOpen/.test(name))
        .map((alarm: { since: number }) => alarm.since),
      [since],
      "status and alarms tell the same time",
    );
    const samples = samplesOf(await ask("/metrics"));
    const isBroken = samples.get('vabus_handler_sink_breaker_open{sink="postgres"}') === 1;
    await assertFires(directory.path, samples, {
      VabusNotReady: [{}],
      [isBroken ? "VabusBreakerOpen" : "VabusSinkDown"]: [{ sink: "postgres" }],
    });
    await handler.says(/"level":"(?:warn|error)"[^\n]*"sink":"postgres"/);
    const { aggregates, parts } = JSON.parse(await ask(`/api/aggregates?name=oven&from=${base - 60}`));
    assert.deepEqual(
      aggregates.map(({ value }: { value: number }) => value),
      [0, 10],
      "the archive has them",
    );
    assert.equal(parts[0].answered_by, null);
    assert.match(parts[0].lack, /^postgres: /);
    assert.deepEqual(parts[1].answered_by, "archive");

    await postgres.start();
    await reaches("the rest", async () => await waiting() === 0 && await metric("sink_up") === 1);
    await reaches("readiness", async () => (await readiness()).status === "ready");
    const older = JSON.parse(await ask(`/api/aggregates?name=oven&from=${base - 60}`));
    assert.deepEqual([older.parts[0].answered_by, older.parts[0].lack], ["sink postgres", null]);
    await handler.says(/the sink works again/);
    assert.equal(await handler.stop(), 0, handler.tail());
    await assertProven(environment);
  },
});
