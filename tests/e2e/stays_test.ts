/**
 * Routes that change and sinks that come and go, on the built executable: what a right sink holds is proven.
 */
import assert from "node:assert/strict";
import { type Environment, runToEnd, temporaryDirectory } from "../support/executable.ts";
import { Bus, handlerEnvironment, postgresSink, sqlitePath, sqliteSink } from "./plant.ts";
import { startPostgres } from "../support/postgres_server.ts";

/** A minute that is over, whenever this runs. */
const TIME = Math.floor(Date.now() / 60_000) * 60 - 600;

async function take(bus: Bus, environment: Environment, count: number, name = "a"): Promise<void> {
  await bus.publish(Array.from({ length: count }, () => `{"name":"${name}","value":1,"timestamp":${TIME}}`));
  const output = await runToEnd(["once", "--flush"], environment);
  assert.equal(output.code, 0, output.stderr);
}

async function assertProven(environment: Environment, what: string): Promise<string> {
  const output = await runToEnd(["verify"], environment);
  assert.equal(output.code, 0, `${what}: ${output.stdout}${output.stderr}`);
  assert.match(output.stdout, /^PROVEN/m);
  return output.stdout;
}

Deno.test("a name that is routed, excluded while late events come, and routed again is proven at each step", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const routed = handlerEnvironment(bus.url, directory.path);
  const excluded = { ...routed, ROUTES: "a*=none;*=sqlite" };
  const counts = async () => (await sqliteSink(sqlitePath(directory.path)).rows()).map(({ count }) => count);
  for (
    const [environment, events, inSink] of [
      [routed, 10, 10],
      [excluded, 5, 10],
      [excluded, 1, 10],
      [routed, 3, 19],
      [excluded, 2, 19],
      [routed, 4, 25],
    ] as const
  ) {
    await take(bus, environment, events);
    assert.deepEqual(await counts(), [inSink]);
    await assertProven(environment, `${inSink} in the sink`);
  }
});

Deno.test("a sink that is taken out of STORAGE_TYPE and put back is proven, and its older rows with it", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const postgres = await startPostgres();
  try {
    const table = `stays_${crypto.randomUUID().slice(0, 8)}`;
    const base = handlerEnvironment(bus.url, directory.path, {
      POSTGRES_CONNECTION_STRING: postgres.url,
      POSTGRES_TABLE: table,
    });
    const withSinks = (types: string) => ({ ...base, STORAGE_TYPE: types });
    const counts = async () =>
      (await postgresSink(postgres.url, table).rows()).map(({ name, count }) => `${name} ${count}`).sort();
    await take(bus, withSinks("postgres,sqlite"), 10);
    await take(bus, withSinks("postgres,sqlite"), 4, "old");
    await take(bus, withSinks("sqlite"), 5);
    assert.deepEqual(await counts(), ["a 10", "old 4"]);
    await assertProven(withSinks("sqlite"), "without PostgreSQL");
    await assertProven(withSinks("postgres,sqlite"), "a sink that is away");
    // Another sink has its place in the meantime.
    await take(bus, withSinks("stdout,sqlite"), 1);
    await take(bus, withSinks("sqlite"), 1);
    await take(bus, withSinks("postgres,sqlite"), 0);
    await assertProven(withSinks("postgres,sqlite"), "put back");
    await take(bus, withSinks("postgres,sqlite"), 2);
    assert.deepEqual(await counts(), ["a 19", "old 4"]);
    await assertProven(withSinks("postgres,sqlite"), "corrected");
  } finally {
    await postgres.remove();
  }
});
