/**
 * Compares orders of the key for the sinks' tables: the cost of writing a row, and of the two queries of
 * users: one series over a day, and all series of one window.
 *
 *   scripts/deno.sh run -A bench/table_keys.ts --store sqlite --names 100000 --windows 144
 *
 * The table is filled with the windows first, in bulk. Then further windows are written as the sinks write
 * them.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import process from "node:process";
import { parseArgs } from "node:util";
import postgres from "postgres";
import { startPostgres } from "../tests/support/postgres_server.ts";
import { temporaryDirectory } from "../tests/support/executable.ts";
import { cpuSeconds } from "./process_usage.ts";

const { values: options } = parseArgs({
  options: {
    store: { type: "string", default: "sqlite" },
    names: { type: "string", default: "100000" },
    windows: { type: "string", default: "144" },
    written: { type: "string", default: "3" },
    batch: { type: "string", multiple: true, default: ["5000", "20000"] },
    only: { type: "string" },
  },
});
const NAMES = Number(options.names);
const WINDOWS = Number(options.windows);
const WRITTEN = Number(options.written);
/**
 * Rows of a batch in the table that is filled in bulk. Within a batch they are in the order of their names.
 */
const BATCH = Number(options.batch.at(-1));
const WINDOW_SECONDS = 60;
/** Repetitions of each query. */
const ROUNDS = 5;
const NAME_SQL = (n: string) => `'plant.line' || (${n} % 20) || '.sensor' || ${n} || '.temperature'`;
const nameOf = (n: number) => `plant.line${n % 20}.sensor${n}.temperature`;

interface Layout {
  readonly key: string;
  readonly sqliteIndex?: string;
  readonly postgresIndex: string;
}

const LAYOUTS: Readonly<Record<string, Layout>> = {
  "name first": {
    key: "name, labels, agg_func, window_start, window_end, instance",
    sqliteIndex: "(window_start)",
    postgresIndex: "using brin (window_start)",
  },
  "window first": {
    key: "window_start, name, labels, agg_func, window_end, instance",
    postgresIndex: "using brin (window_start, name) with (pages_per_range = 4)",
  },
};

interface Store {
  readonly rowCpuMicros: (batch: number, windows: readonly number[]) => Promise<number>;
  /** Runs a query. Returns its milliseconds, its number of rows and its plan. */
  readonly ask: (question: string) => Promise<{ ms: number; rows: number; plan: string }>;
  readonly bytes: () => Promise<number>;
}

/** Rows of a window in the order of the outbox, which is by a hash and so random. */
function rowsOf(window: number): { name: string; start: number; value: number }[] {
  const rows = Array.from({ length: NAMES }, (_, n) => ({
    name: nameOf(n),
    start: window * WINDOW_SECONDS,
    value: n / 7,
    rank: Math.imul(n ^ 0x5bd1e995, 0x9e3779b1),
  }));
  return rows.sort((a, b) => a.rank - b.rank);
}

function* batchesOf(windows: readonly number[], size: number) {
  let batch: ReturnType<typeof rowsOf> = [];
  for (const window of windows) {
    for (const row of rowsOf(window)) {
      batch.push(row);
      if (batch.length < size) continue;
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

const byName = (a: { name: string }, b: { name: string }) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

function sqliteStore(path: string, { key, sqliteIndex }: Layout): Store {
  const database = new DatabaseSync(path);
  const upsert = prepareSqlite(database, key, sqliteIndex);
  return {
    rowCpuMicros(batchSize, windows) {
      let micros = 0;
      for (const batch of batchesOf(windows, batchSize)) {
        const before = process.cpuUsage();
        database.exec("begin immediate");
        for (const { name, start, value } of batch.toSorted((a, b) => a.start - b.start || byName(a, b))) {
          upsert.run(name, "{}", "sum", start, start + WINDOW_SECONDS, "i", value, 10, 0);
        }
        database.exec("commit");
        const after = process.cpuUsage();
        micros += after.user + after.system - before.user - before.system;
      }
      return Promise.resolve(micros / (windows.length * NAMES));
    },
    ask(question) {
      const plan = database.prepare(`explain query plan ${question}`).all().map((row) => row.detail).join(
        "; ",
      );
      const started = performance.now();
      const rows = database.prepare(question).all().length;
      return Promise.resolve({ ms: performance.now() - started, rows, plan });
    },
    bytes: () => Promise.resolve(Deno.statSync(path).size),
  };
}

function prepareSqlite(database: DatabaseSync, key: string, index: string | undefined): StatementSync {
  database.exec(`pragma journal_mode = wal; pragma synchronous = full;
    create table t (name text not null, labels text not null default '{}', agg_func text not null,
      window_start real not null, window_end real not null, instance text not null, value real not null,
      count integer not null, revision integer not null,
      written_at real not null default ((julianday('now') - 2440587.5) * 86400.0), primary key (${key})) without rowid;
    with recursive n(n) as (select 0 union all select n + 1 from n where n + 1 < ${NAMES}),
      w(w) as (select 0 union all select w + 1 from w where w + 1 < ${WINDOWS})
    insert into t select ${
    NAME_SQL("n")
  } as name, '{}' as labels, 'sum' as agg_func, w * ${WINDOW_SECONDS}.0 as window_start,
      (w + 1) * ${WINDOW_SECONDS}.0 as window_end, 'i' as instance, n / 7.0, 10, 0, 0.0 from w, n order by ${key};`);
  if (index !== undefined) database.exec(`create index t_window_start on t ${index}`);
  // The statistics that the sink writes, so that the planner skips from window to window.
  database.exec("analyze sqlite_schema");
  if (index === undefined) {
    database.exec(
      "insert into sqlite_stat1 values ('t', 't', '100000000 50000 1 1 1 1 1'); analyze sqlite_schema",
    );
  }
  return database.prepare(
    `insert into t (name, labels, agg_func, window_start, window_end, instance, value, count, revision)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (${key}) do update set value = excluded.value, count = excluded.count,
    revision = excluded.revision where excluded.revision > t.revision`,
  );
}

async function postgresStore(url: string, { key, postgresIndex }: Layout): Promise<Store> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql.unsafe(`drop table if exists t;
    create table t (name text not null, labels jsonb not null default '{}', agg_func text not null,
      window_start timestamptz not null, window_end timestamptz not null, instance text not null, value float8 not null,
      count bigint not null, revision int not null, written_at timestamptz not null default now())`);
  await sql.unsafe(`insert into t select ${NAME_SQL("n")}, '{}', 'sum', to_timestamp(w * ${WINDOW_SECONDS}),
    to_timestamp((w + 1) * ${WINDOW_SECONDS}), 'i', n / 7.0, 10, 0 from generate_series(0, ${
    WINDOWS - 1
  }) as w,
    generate_series(0, ${NAMES - 1}) as n order by w, n % ${Math.max(1, Math.round(NAMES / BATCH))}, 1`);
  await sql.unsafe(`alter table t add primary key (${key}); create index on t ${postgresIndex}`);
  await sql.unsafe("vacuum analyze t");
  await sql.unsafe("checkpoint");
  return {
    async rowCpuMicros(batchSize, windows) {
      let seconds = 0;
      for (const batch of batchesOf(windows, batchSize)) {
        const rows = batch.toSorted((a, b) => a.start - b.start || byName(a, b));
        const before = serverSeconds(url);
        await sql`insert into t as stored (name, labels, agg_func, window_start, window_end, instance, value, count, revision)
          select name, '{}'::jsonb, 'sum', to_timestamp(start), to_timestamp(start + ${WINDOW_SECONDS}), 'i', value, 10, 0
          from unnest(${`{${rows.map(({ name }) => `"${name}"`).join(",")}}`}::text[],
            ${`{${rows.map(({ start }) => start).join(",")}}`}::float8[],
            ${`{${rows.map(({ value }) => value).join(",")}}`}::float8[]) as r (name, start, value)
          on conflict (name, labels, agg_func, window_start, window_end, instance) do update
          set value = excluded.value, count = excluded.count, revision = excluded.revision
          where excluded.revision > stored.revision`;
        seconds += serverSeconds(url) - before;
      }
      return seconds * 1e6 / (windows.length * NAMES);
    },
    async ask(question) {
      const pg = question.replace(/window_start (>=|<|=) (\d+)\b/g, "window_start $1 to_timestamp($2)");
      const plan = (await sql.unsafe(`explain ${pg}`)).map((row) => row["QUERY PLAN"].trim()).join("; ");
      const started = performance.now();
      const rows = (await sql.unsafe(pg)).length;
      return { ms: performance.now() - started, rows, plan: plan.slice(0, 160) };
    },
    async bytes() {
      const [row] = await sql`select pg_total_relation_size('t')::float8 as bytes`;
      await sql.end();
      return row!.bytes;
    },
  };
}

/** CPU time of all processes of the server, seconds. */
function serverSeconds(url: string): number {
  const port = new URL(url).port;
  const isServer = (pid: string) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/cmdline`);
    } catch {
      return "";
    }
  };
  postmaster ??= [...Deno.readDirSync("/proc")].map(({ name }) => name)
    .find((pid) => /^\d+$/.test(pid) && new RegExp(`postgres\0.*\0-p\0${port}\0`).test(isServer(pid)))!;
  const children = Deno.readTextFileSync(`/proc/${postmaster}/task/${postmaster}/children`).trim().split(" ");
  return children.reduce((sum, pid) => {
    try {
      return sum + cpuSeconds(Number(pid));
    } catch {
      return sum;
    }
  }, 0);
}
let postmaster: string | undefined;

await using directory = await temporaryDirectory();
const server = options.store === "postgres" ? await startPostgres(["shared_buffers=128MB"]) : undefined;
try {
  console.log(
    `| ${options.store}, ${NAMES} names × ${WINDOWS} windows | batch | µs CPU a row |`,
  );
  for (const [title, layout] of Object.entries(LAYOUTS)) {
    if (options.only !== undefined && !title.startsWith(options.only)) continue;
    const path = `${directory.path}/${title.replaceAll(" ", "_")}.sqlite`;
    const store = server === undefined ? sqliteStore(path, layout) : await postgresStore(server.url, layout);
    let next = WINDOWS;
    for (const batch of options.batch) {
      const windows = Array.from({ length: WRITTEN }, () => next++);
      const micros = await store.rowCpuMicros(Number(batch), windows);
      console.log(`| ${title} | ${batch} | ${micros.toFixed(1)} |`);
    }
    const day = `window_start >= 0 and window_start < ${WINDOWS * WINDOW_SECONDS}`;
    const name = nameOf(Math.floor(NAMES / 3));
    const questions = {
      "one series over a day": `select * from t where name = '${name}' and ${day} order by window_start`,
      "the same, windows listed": options.store === "postgres"
        ? `select * from t where name = '${name}' and window_start = any(array(select
           generate_series(to_timestamp(0), to_timestamp(${(WINDOWS - 1) * WINDOW_SECONDS}), '1 min')))`
        : undefined,
      "one window": `select * from t where window_start = ${Math.floor(WINDOWS / 2) * WINDOW_SECONDS}`,
    };
    for (const [what, question] of Object.entries(questions)) {
      if (question === undefined) continue;
      const answers = [];
      for (let round = 0; round < ROUNDS; round++) answers.push(await store.ask(question));
      const times = answers.map(({ ms }) => ms);
      console.log(
        `${title}: ${what}: first ${times[0]!.toFixed(1)} ms, then ${Math.min(...times).toFixed(1)} ms, ` +
          `${answers[0]!.rows} rows; ${answers[0]!.plan}`,
      );
    }
    console.log(`${title}: ${(await store.bytes() / (NAMES * next)).toFixed(0)} bytes a row`);
  }
} finally {
  await server?.remove();
}
