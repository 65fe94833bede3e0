import assert from "node:assert/strict";
import postgres from "postgres";
import { randomNumbers } from "../support/event_stream.ts";
import {
  assertNoStackTrace,
  PATIENCE_MS,
  pause,
  type Program,
  runToEnd,
  until,
} from "../support/executable.ts";
import { Load } from "./load.ts";
import type { Injected, Scenario, ScenarioOptions } from "./scenario.ts";
import { theirServers } from "./servers.ts";
import { Site } from "./site.ts";

/** Data are lost, or are those of an earlier time. */
export const losses: Scenario = {
  name: "losses",
  what: "rows that PostgreSQL loses, a state directory taken away under the handler, a state rolled back " +
    "to a copy of itself",
  obstacle: theirServers,
  run: (options) => lose(options),
};

const ROUND_SECONDS = 12;
/** Without Kafka, whose position must not be ahead of the copy. */
const SINKS = ["postgres", "sqlite"];

async function lose({ servers, seed, seconds, log }: ScenarioOptions): Promise<Injected> {
  const random = randomNumbers(seed ^ 0x1055);
  const rounds = Math.max(3, Math.floor(seconds / ROUND_SECONDS));
  const load = new Load({
    seed,
    seconds: Math.max(seconds, rounds * ROUND_SECONDS),
    windowsPerSecond: 4,
    nameCount: 50,
  });
  let isOver = false;
  await using site = await Site.start(servers);
  const world = new World(site, random, log);
  const meddle = async () => {
    const kinds = [() => world.loseRows(), () => world.takeStateAway(), () => world.rollBack()];
    for (let round = 0; round < rounds; round++) {
      await pause(1000 + random() * 3000);
      await kinds[round % kinds.length]!();
    }
  };
  try {
    await Promise.all([load.feed(site.bus, () => isOver), meddle()]);
    await site.prove(load.oracle, world.handler);
    const { alarms } = JSON.parse((await runToEnd(["status", "--json"], site.environment)).stdout);
    assert.deepEqual(alarms, [], "the proof has settled them");
  } finally {
    isOver = true;
    await world.handler.kill9();
  }
  return new Map([...world.injected, ["events, each in every table once", load.oracle.counts.aggregated]]);
}

/** A site, its handler, and the faults. */
class World {
  handler: Program;
  readonly injected = new Map<string, number>();

  constructor(
    private readonly site: Site,
    private readonly random: () => number,
    private readonly log: (line: string) => void,
  ) {
    this.handler = site.startHandler();
  }

  /** The server is restored to some seconds ago; somebody brings the rows back later. */
  async loseRows(): Promise<void> {
    const table = this.site.environment.POSTGRES_TABLE!;
    await this.end(true);
    const sql = postgres(this.site.servers.postgres.url, { max: 1, onnotice: () => {} });
    try {
      const gone = await sql`
        delete from ${sql(table)} where written_at >= (select max(written_at) from ${
        sql(table)
      }) - interval '2 seconds'
        returning *`;
      if (gone.length === 0) return this.restart();
      this.happens("PostgreSQL loses rows", `${gone.length} rows are gone`);
      this.restart();
      await this.told(
        /ALARM: .* newest rows that it has confirmed are not there|ALARM: the table \S+ is empty/,
      );
      const texts = JSON.stringify(gone.map((row) => ({ ...row, count: Number(row.count) })));
      await sql`
        insert into ${sql(table)} select * from json_populate_recordset(null::${
        sql(table)
      }, ${texts}::text::json)
        on conflict do nothing`;
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  async takeStateAway(): Promise<void> {
    const directory = this.site.environment.STATE_DIR!;
    this.happens("the state is taken away and comes back", "the state is taken away");
    await Deno.rename(directory, `${directory}.away`);
    await this.told(/fetching stops: the state file \S+ was removed/);
    await pause(this.random() * 1000);
    await assert.rejects(Deno.stat(directory), Deno.errors.NotFound);
    await Deno.rename(`${directory}.away`, directory);
  }

  /**
   * A snapshot of the state is put in its place, while the sinks have gone on; then the right one comes back.
   */
  async rollBack(): Promise<void> {
    const directory = this.site.environment.STATE_DIR!;
    const [snapshot, newer] = [`${directory}.snapshot`, `${directory}.newer`];
    await this.end(this.random() < 0.5);
    await copyDirectory(directory, snapshot);
    const before = await this.site.sinks.inPostgres.sumOfCounts();
    this.restart();
    await until(
      async () => await this.site.sinks.inPostgres.sumOfCounts() > before,
      "more to arrive",
      PATIENCE_MS,
      [this.handler],
    );
    await this.end(this.random() < 0.5);
    await Deno.rename(directory, newer);
    await Deno.rename(snapshot, directory);
    this.happens("the state is rolled back", "the state is rolled back");
    this.restart();
    const lines = () =>
      this.handler.stderr.split("\n").filter((line) => /cannot deliver: .*was rolled back/.test(line));
    await until(
      () => SINKS.every((sink) => lines().some((line) => line.includes(`"sink":"${sink}"`))),
      () => `every sink to refuse it; those that have: ${lines().join("\n")}`,
      PATIENCE_MS,
      [this.handler],
    );
    await this.end(this.random() < 0.5);
    await Deno.remove(directory, { recursive: true });
    await Deno.rename(newer, directory);
    this.restart();
  }

  private async end(inOrder: boolean): Promise<void> {
    if (inOrder) assert.equal(await this.handler.stop(), 0, this.handler.tail());
    else await this.handler.kill9();
    assertNoStackTrace(this.handler);
  }

  private restart(): void {
    this.handler = this.site.startHandler();
  }

  private async told(what: RegExp): Promise<void> {
    const { handler } = this;
    await until(() => what.test(handler.stderr), `the handler to say ${what}`, PATIENCE_MS, [handler]);
  }

  private happens(what: string, line: string): void {
    this.log(line);
    this.injected.set(what, (this.injected.get(what) ?? 0) + 1);
  }
}

/** Of a state on which no handler runs. */
async function copyDirectory(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
}
