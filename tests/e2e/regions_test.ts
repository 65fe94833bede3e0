/** Two sites with mirrored buses and sinks, through a cut, a death and a fail-back: docs/multi-region.md. */
import assert from "node:assert/strict";
import postgres from "postgres";
import { PATIENCE_MS, Program, temporaryDirectory, until } from "../support/executable.ts";
import { eventStream, recentBaseMs, type StreamEvent } from "../support/event_stream.ts";
import { Oracle, type Row } from "../support/oracle.ts";
import { postgresIsExternal, type PostgresServer, startPostgres } from "../support/postgres_server.ts";
import { testSeed } from "../support/seed.ts";
import { sharedPostgres } from "../support/shared_servers.ts";
import { arrival, postgresSink } from "./plant.ts";
import { Mirror, Region, RegionsPage } from "./region.ts";

const [WINDOW_MS, WINDOWS, EVENTS, NAMES] = [60_000, 5, 3000, 12];
const baseMs = recentBaseMs(WINDOW_MS, WINDOWS);

/** As an older form of the document made them: with other columns. */
const OLDER_VIEWS = `
  create view aggregated_events_by_site as select instance as site from aggregated_events;
  create view aggregated_events_once as
    select distinct on (name, labels, agg_func, window_start, window_end) *
    from aggregated_events
    where instance in ('north', 'south')
    order by name, labels, agg_func, window_start, window_end, count desc, instance`;

/** Makes the rows of north those of two instances that have read half of each series. */
const SPLIT_OVER_INSTANCES = `
  create temporary table split as
    select * from aggregated_events where instance = 'north' and agg_func in ('sum', 'count') and count > 1;
  update split set instance = 'north-1', count = 1, value = 1;
  update aggregated_events set count = count - 1, value = value - 1
    where instance = 'north' and agg_func in ('sum', 'count') and count > 1;
  update aggregated_events set instance = 'north-0' where instance = 'north';
  insert into aggregated_events select * from split`;

Deno.test({
  name: "two regions lose nothing by a cut, a death and a fail-back, and repeat what the document says",
  ignore: postgresIsExternal,
  async fn(t) {
    await using servers = new AsyncDisposableStack();
    const [first, second] = await Promise.all([sharedPostgres(), startPostgres()]);
    for (const server of [first, second]) servers.defer(() => server.remove());
    await t.step("both at work", () => bothAtWork(first, second));
    await t.step("one at work", () => oneAtWork(first, second));
  },
});

async function bothAtWork(...servers: [PostgresServer, PostgresServer]): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const site = await Site.start(servers, stack);
  const { north, south, page } = site;
  const [check, view, status, verify, compare, redeliver, ...others] = page.commands;
  assert.deepEqual(others, [], "commands of the document that are not run here");
  assert.equal((await site.does(check!)).match(/^ok {6}sink (?:north|south): /gm)?.length, 4);

  // Both write, and make the one table at the same time.
  let northern = stack.use(site.handler(north));
  const southern = stack.use(site.handler(south));
  await site.publish(0, 1 / 3);
  for (const region of [north, south]) {
    for (const { name } of [north, south]) {
      await until(async () => (await region.rowsOf(name)).length > 0, `rows of ${name}`, PATIENCE_MS, [
        northern,
        southern,
      ]);
    }
  }
  for (const { url } of [north, south]) await changed(url, OLDER_VIEWS);
  await site.does(view!);

  site.cut();
  await site.publish(1 / 3, 2 / 3);
  await north.delivers(northern, true);
  await south.delivers(southern, true);
  assert.match(await site.does(status!), /south/);
  assert.doesNotMatch(await site.does(compare!), /\(0 rows\)/, "what the cut keeps apart shows");

  await site.mend();
  await site.publish(2 / 3, 1);
  await site.assertEqual([northern, southern]);
  assert.equal((await site.does(verify!)).match(/^PROVEN: no event is lost/gm)?.length, 2);
  assert.match(await site.does(compare!), /\(0 rows\)/);
  for (const { url } of [north, south]) {
    const once = await postgresSink(url, "aggregated_events_once").rows();
    site.oracle.assertRows(once, "the view", "north");
  }

  // North comes back without its tables.
  await northern.kill9();
  await changed(north.url, "drop table aggregated_events, aggregated_events_writer cascade");
  northern = stack.use(site.handler(north));
  await site.does(redeliver!.replaceAll("2026-01-31T06:00Z", `${baseMs / 1000 - 600}`));
  await site.assertEqual([northern, southern]);

  await site.does(view!);
  await changed(south.url, SPLIT_OVER_INSTANCES);
  const joined = (await postgresSink(south.url, "aggregated_events_once").rows())
    .filter(({ instance }) => instance === "north");
  site.oracle.assertRows(joined, "the view of two instances", "north");
  assert.match(await site.does(compare!), /\(0 rows\)/, "two instances of north have what south has");
}

async function oneAtWork(...servers: [PostgresServer, PostgresServer]): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const site = await Site.start(servers, stack);
  const { north, south, page } = site;
  const [, view, , , compare] = page.commands;

  const northern = stack.use(site.handler(north));
  await site.publish(0, 1 / 2);
  await until(async () => (await south.rowsOf("north")).length > 0, "rows of north in south", PATIENCE_MS, [
    northern,
  ]);
  site.cut();
  // The mirror goes on: what only the bus of north had would come when north comes back.
  await site.mirror.mend();
  await site.publish(1 / 2, 1);
  await north.delivers(northern, true);
  await northern.kill9();

  // South takes over from the oldest event that its bus has; its own wire leads nowhere, since north is gone.
  const southern = stack.use(site.handler(south));
  await south.delivers(southern, true);
  await until(
    async () => sumOfCounts(await south.rowsOf("south")) === site.oracle.counts.aggregated,
    "all events in the rows of south",
    PATIENCE_MS,
    [southern],
  );
  site.oracle.assertRows(await south.rowsOf("south"), "south", "south");
  const delivered = await south.rowsOf("north");
  assert.ok(delivered.length < site.oracle.rowCount, "north had not delivered all");
  const repeated = keysOf(await south.rowsOf("south")).intersection(keysOf(delivered));
  assert.equal(repeated.size, delivered.length, "what is there twice is what north had delivered");

  await site.mend();
  const again = stack.use(site.handler(north));
  await site.assertEqual([again, southern]);
  await site.does(view!);
  assert.match(await site.does(compare!), /\(0 rows\)/);
}

/** Both regions, and the events that they share. */
class Site {
  readonly oracle = new Oracle(WINDOW_MS);
  readonly mirror = new Mirror();
  private readonly events: readonly StreamEvent[];

  private constructor(readonly north: Region, readonly south: Region, readonly page: RegionsPage) {
    this.events = [...eventStream({
      ...{ seed: testSeed(199), eventCount: EVENTS, nameCount: NAMES, baseMs },
      ...{ windowSizeMs: WINDOW_MS, windowCount: WINDOWS, tooLateShare: 0, futureShare: 0 },
    })];
    for (const event of this.events) this.oracle.add(event);
  }

  static async start(
    [first, second]: readonly [PostgresServer, PostgresServer],
    stack: AsyncDisposableStack,
  ): Promise<Site> {
    const directory = stack.use(await temporaryDirectory()).path;
    const north = await Region.start("north", first, directory, stack);
    const south = await Region.start("south", second, directory, stack);
    const page = await RegionsPage.read(`${directory}/etc`);
    await page.writeSettings([north, south]);
    return new Site(north, south, page);
  }

  handler(region: Region): Program {
    return Program.start(["run", "--env-file", this.page.envFile(region)]);
  }

  /** Runs commands of the document. Returns what they print. */
  does(commands: string): Promise<string> {
    return this.page.run(commands, [this.north, this.south]);
  }

  /** Publishes a part of the events, each in the region that its name belongs to. */
  async publish(from: number, to: number): Promise<void> {
    const part = this.events.slice(from * this.events.length, to * this.events.length);
    const isNorthern = ({ name }: StreamEvent) => name.length % 2 === 0;
    const textsOf = (events: StreamEvent[]) => events.map(({ text }) => text);
    await this.mirror.publish(textsOf(part.filter(isNorthern)), this.north, this.south);
    await this.mirror.publish(textsOf(part.filter((event) => !isNorthern(event))), this.south, this.north);
  }

  /** Between the regions nothing passes any more. */
  cut(): void {
    this.mirror.cut();
    for (const { wire } of [this.north, this.south]) wire.cut();
  }

  async mend(): Promise<void> {
    for (const { wire } of [this.north, this.south]) wire.mend();
    await this.mirror.mend();
  }

  /** Waits until each server has all events in the rows of each handler, and compares every row. */
  async assertEqual(handlers: readonly Program[]): Promise<void> {
    for (const { name, url } of [this.north, this.south]) {
      await arrival(postgresSink(url), 2 * this.oracle.counts.aggregated, name, PATIENCE_MS, handlers);
    }
    for (const instance of ["north", "south"]) {
      const [near, far] = [await this.north.rowsOf(instance), await this.south.rowsOf(instance)];
      this.oracle.assertRows(near, `north's rows of ${instance}`, instance);
      assert.deepEqual(sorted(near), sorted(far), `the rows of ${instance} are the same on both servers`);
    }
  }
}

function keyOf({ name, labels, aggFunc, windowStartMs }: Row): string {
  return JSON.stringify([name, labels, aggFunc, windowStartMs]);
}

function keysOf(rows: readonly Row[]): Set<string> {
  return new Set(rows.map(keyOf));
}

function sorted(rows: readonly Row[]): Row[] {
  return rows.toSorted((a, b) => keyOf(a) < keyOf(b) ? -1 : 1);
}

function sumOfCounts(rows: readonly Row[]): number {
  return rows.reduce((sum, { count }) => sum + count, 0);
}

async function changed(url: string, statements: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(statements);
  } finally {
    await sql.end();
  }
}
