/**
 * The built executable at full speed for a long time, with outages, to see whether anything grows that should
 * not.
 *
 *   make soak ARGS="--minutes 30"
 *
 * The bus is in memory. The sinks are SQLite and a real PostgreSQL, whose rows an operator deletes after a
 * while. Each half minute something fails for some seconds: PostgreSQL, the bus, or the handler itself
 * (SIGSTOP). Prints samples and a verdict. Exits with 1 when something has grown or events are missing. Linux
 * only.
 */
import { DatabaseSync } from "node:sqlite";
import postgres from "postgres";
import { flagsOf } from "../../scripts/flags.ts";
import { BusProgram, handlerEnvironment, sqlitePath } from "../e2e/plant.ts";
import { PATIENCE_MS, pause, Program, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { startPostgres } from "../support/postgres_server.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";
import { Load } from "./load.ts";
import { descriptorCount, fileBytes, residentBytes, type Sample } from "./sample.ts";
import { judge } from "./verdict.ts";

/** Rows of windows that are older than this are deleted from both sinks, seconds. */
const RETENTION_SECONDS = 90;
const SAMPLE_MS = 5000;
const OUTAGE_EVERY_MS = 30_000;
const OUTAGE_MS = 6000;
/**
 * Several times what the publisher may be ahead: it is full soon after the start, and grows no more from then
 * on.
 */
const BUS_MAX_BYTES = 128 * 1024 * 1024;

const values = flagsOf({
  minutes: { type: "string", default: "30" },
  seed: { type: "string", default: "1" },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
if (!(minutes >= 1) || !Number.isSafeInteger(seed)) {
  console.error('usage: make soak ARGS="[--minutes M (1 or more)] [--seed N]"');
  Deno.exit(2);
}

/** Everything that runs, and what has been deleted of the sinks. */
class Soak {
  readonly samples: Sample[] = [];
  readonly outages = new Map<string, number>();
  /** Events in the rows that were deleted. */
  deletedOf = { sqlite: 0, postgres: 0 };
  private readonly startedMs = performance.now();

  constructor(
    private readonly directory: string,
    private readonly bus: BusProgram,
    private readonly handler: Program,
    private readonly wire: TcpProxy,
    private readonly sql: postgres.Sql,
    private readonly listen: string,
  ) {}

  /** Events that the handler has taken so far; undefined while it does not answer. */
  readonly received = async (): Promise<number | undefined> => {
    try {
      const reply = await fetch(`http://${this.listen}/metrics`, { signal: AbortSignal.timeout(5000) });
      const count = /^vabus_handler_events_received_total (\S+)$/m.exec(await reply.text())?.[1];
      return count === undefined ? undefined : Number(count);
    } catch {
      // It is just frozen.
      return undefined;
    }
  };

  async watch(signal: AbortSignal): Promise<void> {
    console.log(
      "   time    events       RSS   bus RSS   fds     state state-wal      sink  sink-wal",
    );
    for (let turn = 0; !signal.aborted; turn++) {
      await pause(SAMPLE_MS);
      const state = `${this.directory}/state/state.sqlite`;
      const sink = sqlitePath(this.directory);
      const sample: Sample = {
        seconds: (performance.now() - this.startedMs) / 1000,
        received: await this.received() ?? this.samples.at(-1)?.received ?? 0,
        resident: residentBytes(this.handler.pid),
        busResident: residentBytes(this.bus.program.pid),
        descriptors: descriptorCount(this.handler.pid),
        state: fileBytes(state),
        stateLog: fileBytes(`${state}-wal`),
        sink: fileBytes(sink),
        sinkLog: fileBytes(`${sink}-wal`),
      };
      this.samples.push(sample);
      if (turn % 6 === 0) console.log(lineOf(sample));
      await this.deleteOldRows();
    }
  }

  async breakThings(signal: AbortSignal): Promise<void> {
    const outages: readonly (readonly [string, () => void, () => void])[] = [
      ["PostgreSQL out of reach", () => this.wire.cut(), () => this.wire.mend()],
      ["bus frozen", () => this.bus.program.signal("SIGSTOP"), () => this.bus.program.signal("SIGCONT")],
      ["handler frozen", () => this.handler.signal("SIGSTOP"), () => this.handler.signal("SIGCONT")],
      ["PostgreSQL stalled", () => this.wire.stall(), () => this.wire.mend()],
    ];
    for (let turn = 0; !signal.aborted; turn++) {
      await pause(OUTAGE_EVERY_MS - OUTAGE_MS);
      const [what, begin, end] = outages[turn % outages.length]!;
      begin();
      await pause(OUTAGE_MS);
      end();
      this.outages.set(what, (this.outages.get(what) ?? 0) + 1);
    }
  }

  /** Waits until both sinks account for every event. @throws when they do not. */
  async settled(published: number): Promise<void> {
    await until(
      async () => (await this.accountedFor()).every((count) => count === published),
      () => `both sinks to account for ${published} events, what was deleted included`,
      PATIENCE_MS,
      [this.handler],
    );
  }

  /** As an operator's retention does. */
  private async deleteOldRows(): Promise<void> {
    const before = Math.floor(Date.now() / 1000) - RETENTION_SECONDS;
    const [deleted] = await this.sql<{ count: number }[]>`
      WITH gone AS (DELETE FROM aggregated_events WHERE window_start < to_timestamp(${before}) RETURNING count)
      SELECT coalesce(sum(count), 0)::float8 AS count FROM gone`;
    this.deletedOf.postgres += deleted!.count;
    this.deletedOf.sqlite += this.inSqlite((database) => {
      const rows = database.prepare("DELETE FROM aggregated_events WHERE window_start < ? RETURNING count")
        .all(before);
      return rows.reduce((sum, { count }) => sum + Number(count), 0);
    });
  }

  private async accountedFor(): Promise<number[]> {
    const [row] = await this.sql`SELECT coalesce(sum(count), 0)::float8 AS count FROM aggregated_events`;
    const inSqlite = this.inSqlite((database) =>
      Number(database.prepare("SELECT coalesce(sum(count), 0) AS count FROM aggregated_events").get()!.count)
    );
    return [Number(row!.count) + this.deletedOf.postgres, inSqlite + this.deletedOf.sqlite];
  }

  private inSqlite<T>(work: (database: DatabaseSync) => T): T {
    const database = new DatabaseSync(sqlitePath(this.directory), { timeout: 10_000 });
    try {
      return work(database);
    } finally {
      database.close();
    }
  }
}

function lineOf(sample: Sample): string {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`.padStart(10);
  return `${sample.seconds.toFixed(0).padStart(5)} s${String(sample.received).padStart(12)}` +
    megabytes(sample.resident) + megabytes(sample.busResident) + String(sample.descriptors).padStart(6) +
    megabytes(sample.state) + megabytes(sample.stateLog) + megabytes(sample.sink) + megabytes(sample.sinkLog);
}

/** Whether its log has been full: the oldest events are gone. */
async function hasDropped(bus: BusProgram): Promise<boolean> {
  const reply = await fetch(`${bus.url}/healthz`);
  const { first } = await reply.json() as { first: number };
  return first > 0;
}

async function soak(): Promise<boolean> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory()).path;
  const server = await startPostgres();
  stack.defer(() => server.remove());
  const wire = stack.use(TcpProxy.start());
  const url = new URL(server.url);
  wire.leadTo(Number(url.port));
  url.host = wire.address;
  const bus = stack.use(await BusProgram.start(undefined, freePort(), ["--max-bytes", `${BUS_MAX_BYTES}`]));
  const listen = `127.0.0.1:${freePort()}`;
  const environment = handlerEnvironment(bus.url, directory, {
    STORAGE_TYPE: "sqlite,postgres",
    POSTGRES_CONNECTION_STRING: url.href,
    AGGREGATION_INTERVAL: "1",
    ALLOWED_LATENESS: "1",
    CORRECTION_HORIZON: "30",
    IDLE_TIMEOUT: "10",
    METRICS_INTERVAL: "5",
    HTTP_LISTEN: listen,
  });
  const handler = stack.use(Program.start(["run"], environment));
  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  stack.defer(() => sql.end({ timeout: 1 }));
  const run = new Soak(directory, bus, handler, wire, sql, listen);
  const load = new Load(bus, seed);
  const over = new AbortController();
  const publishing = load.publish(over.signal, run.received);
  await until(
    async () => (await sql`SELECT 1 FROM pg_tables WHERE tablename = 'aggregated_events'`).length > 0,
    "the first row",
    PATIENCE_MS,
    [handler],
  );
  await until(() => hasDropped(bus), "the log of the bus to be full", PATIENCE_MS, [bus.program]);
  const watching = Promise.all([run.watch(over.signal), run.breakThings(over.signal)]);
  await Promise.race([pause(minutes * 60_000), publishing, watching]);
  over.abort();
  await Promise.all([publishing, watching]);
  await run.settled(load.published);
  const since = new Date(Date.now() - RETENTION_SECONDS / 2 * 1000).toISOString();
  const proof = await runToEnd(["verify", "--since", since], environment);
  if (proof.code !== 0) throw new Error(`verify: ${proof.stdout}${proof.stderr}`);
  if (await handler.stop() !== 0) throw new Error(handler.tail());
  return report(run, load.published);
}

function report(run: Soak, published: number): boolean {
  const findings = judge(run.samples);
  console.log("\nmeasure         peak of 2nd quarter   of the last");
  for (const { measure, early, late, isFlat } of findings) {
    const shown = (value: number) =>
      measure === "descriptors" ? String(value) : `${(value / 1e6).toFixed(1)} MB`;
    console.log(
      `${measure.padEnd(16)}${shown(early).padStart(19)}${shown(late).padStart(14)}  ${
        isFlat ? "flat" : "GROWS"
      }`,
    );
  }
  const outages = [...run.outages].map(([what, count]) => `${count} × ${what}`).join(", ");
  const isFlat = findings.every((finding) => finding.isFlat);
  console.log(
    `\n${minutes} minutes, ${published} events, each in both sinks once; ${outages}: ${
      isFlat ? "all flat" : "something grows"
    }`,
  );
  return isFlat;
}

Deno.exit(await soak() ? 0 : 1);
