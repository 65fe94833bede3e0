import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import { SinkError, type SinkErrorKind, UnexplainedRefusal } from "../../../src/contract/sink.ts";
import { toSqliteRowError, toSqliteSinkError } from "../../../src/sinks/sqlite/sqlite_errors.ts";
import { SqliteSink } from "../../../src/sinks/sqlite/sqlite_sink.ts";
import {
  aggregateOf,
  assertSameAggregates,
  batchOf,
  CONTEXT,
  NEVER,
  QUIET,
  sinkError,
} from "../../contract/sink_samples.ts";
import { temporaryDirectory } from "../../support/executable.ts";
import { readRows } from "../sqlite_rows.ts";
import { execute } from "./sqlite_backends.ts";

const INSTANCE = "plant-1";

/** A test with a sink and a file of its own. */
function test(name: string, body: (sink: SqliteSink, path: string) => Promise<void>): void {
  Deno.test(name, async () => {
    const directory = await Deno.makeTempDir({ prefix: "vabus-sqlite-sink-" });
    const path = join(directory, "aggregates.sqlite");
    const sink = new SqliteSink({ id: "sqlite", path, instance: INSTANCE }, QUIET);
    try {
      await body(sink, path);
    } finally {
      await sink.close();
      await Deno.remove(directory, { recursive: true });
    }
  });
}

test(
  "a file that a killed process has left half written: who reads says so, who opens the sink undoes it",
  async (sink, path) => {
    await sink.open(CONTEXT);
    await sink.write(batchOf([aggregateOf()]), NEVER);
    await sink.close();
    const database = new DatabaseSync(path);
    database.exec(
      "pragma journal_mode = delete; pragma cache_size = 1; begin immediate; create table other (a)",
    );
    // More than the cache holds, so that pages and journal are on disk before the end.
    for (let i = 0; i < 5000; i++) database.exec(`insert into other values ('half written ${i}')`);
    const files = [path, `${path}-journal`].map((file) => [file, Deno.readFileSync(file)] as const);
    database.exec("rollback");
    database.close();
    for (const [file, bytes] of files) Deno.writeFileSync(file, bytes);
    const told = sinkError("unavailable", /was killed while it wrote the file\. Start the handler/);
    await assert.rejects(sink.readBack.sumOfCounts(INSTANCE, 0), told);
    await sink.open(CONTEXT);
    assertSameAggregates(readRows(path, INSTANCE), [aggregateOf()]);
  },
);

/** Opens the sink as one that has confirmed these rows. Returns what it is alarmed about. */
async function alarmsOfOpening(sink: SqliteSink, newest: readonly Aggregate[]): Promise<string[]> {
  const alarms: string[] = [];
  const confirmed = { any: true, newest };
  await sink.open({
    ...CONTEXT,
    confirmed,
    alarm: ({ count, detail }) => alarms.push(`${count}: ${detail}`),
  });
  return alarms;
}

test("a sink that has confirmed rows tells which of them are not there", async (sink, path) => {
  const rows = [aggregateOf(), aggregateOf({ name: "b" })];
  const [again, ...others] = await alarmsOfOpening(sink, rows);
  assert.match(
    again!,
    /^1: the table in .* was not there and had to be created again, though it has confirmed/,
  );
  assert.deepEqual(others, []);
  const [empty] = await alarmsOfOpening(sink, rows);
  assert.match(empty!, /^1: the table in .* is empty, though it has confirmed/);
  await sink.write(batchOf(rows.slice(0, 1)), NEVER);
  const [missing] = await alarmsOfOpening(sink, rows);
  assert.match(
    missing!,
    /^1: 1 of the 2 newest rows that it has confirmed are not there, such as avg\("b"\) /,
  );
  await sink.write(batchOf(rows.slice(1), 1), NEVER);
  assert.deepEqual(await alarmsOfOpening(sink, rows), []);
  assert.equal(readRows(path, INSTANCE).length, 2);
});

test("a row that is missing for its age is no alarm, one that is as old as may be is", async (_, path) => {
  const minute = (n: number, name: string) =>
    aggregateOf({ name, windowStartMs: n * 60_000, windowEndMs: (n + 1) * 60_000 });
  const sink = new SqliteSink({ id: "sqlite", path, instance: INSTANCE, retentionMs: 300_000 }, QUIET);
  try {
    await sink.open(CONTEXT);
    await sink.write(batchOf([minute(0, "old"), minute(10, "new")]), NEVER);
    assert.deepEqual(readRows(path, INSTANCE).map(({ name }) => name), ["new"]);
    assert.deepEqual(await alarmsOfOpening(sink, [minute(10, "new"), minute(4, "old")]), []);
    assert.match(
      (await alarmsOfOpening(sink, [minute(10, "new"), minute(5, "lost")]))[0]!,
      /such as avg\("lost"\) /,
    );
  } finally {
    await sink.close();
  }
});

test(
  "rows that a trigger drops are an alarm; without such rows, and without contradictions, nothing is told",
  async (sink, path) => {
    const told: string[] = [];
    await sink.open({
      ...CONTEXT,
      alarm: ({ count, detail }) => told.push(`${count}: ${detail}`),
      contradicted: (found) => told.push(`${found.length} contradicted`),
    });
    assert.equal(sink.id, "sqlite");
    await sink.write(batchOf([aggregateOf()]), NEVER);
    assert.deepEqual(told, []);
    await execute(
      path,
      "create trigger site before insert on aggregated_events when new.name = 'b' " +
        "begin select raise(ignore); end",
    );
    await sink.write(batchOf([aggregateOf({ name: "b" }), aggregateOf({ name: "c" })], 1), NEVER);
    assert.match(
      told.join("\n"),
      /^1: rows that it has just taken without an error are not there, such as avg\("b"\) /,
    );
  },
);

test(
  "nothing is written by a sink that is closed, nor for a batch that nobody waits for",
  async (sink, path) => {
    const batch = batchOf([aggregateOf()]);
    await assert.rejects(sink.write(batch, NEVER), sinkError("unavailable", /the file is not open/));
    await sink.open(CONTEXT);
    const isInterrupted = sinkError("unavailable", /interrupted before the batch was written/);
    await assert.rejects(sink.write(batch, AbortSignal.abort()), isInterrupted);
    assert.deepEqual(readRows(path, INSTANCE), []);
    const many = Array.from({ length: 2100 }, (_, i) => aggregateOf({ name: `n${i}` }));
    const stop = new AbortController();
    const writing = sink.write(batchOf(many), stop.signal);
    stop.abort();
    await assert.rejects(writing, sinkError("unavailable", /interrupted while the batch was written/));
    assert.deepEqual(readRows(path, INSTANCE), []);
    await sink.write(batchOf(many), NEVER);
    assert.equal(readRows(path, INSTANCE).length, 2100);
  },
);

test("SqliteSink creates the documented table", async (sink, path) => {
  await sink.open(CONTEXT);
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const columns = database.prepare("select name, type, pk from pragma_table_info('aggregated_events')")
      .all();
    assert.deepEqual(columns.map(({ name, type, pk }) => `${name} ${type} ${pk}`), [
      "name TEXT 2",
      "labels TEXT 3",
      "agg_func TEXT 4",
      "window_start REAL 1",
      "window_end REAL 5",
      "instance TEXT 6",
      "value REAL 0",
      "count INTEGER 0",
      "revision INTEGER 0",
      "written_at REAL 0",
    ]);
    assert.equal(database.prepare("pragma journal_mode").get()!.journal_mode, "wal");
    const planOf = (condition: string) =>
      `${
        database.prepare(`explain query plan select * from aggregated_events where ${condition}`).get()!
          .detail
      }`;
    // The two questions that users ask: all series of a window, and one series over a time.
    assert.equal(
      planOf("window_start = 1"),
      "SEARCH aggregated_events USING PRIMARY KEY (window_start=?)",
    );
    assert.equal(
      planOf("name = 'a' and window_start >= 1 and window_start < 86400 order by window_start"),
      "SEARCH aggregated_events USING PRIMARY KEY (ANY(window_start) AND name=?)",
    );
  } finally {
    database.close();
  }
});

test("SqliteSink goes on with a table without labels, for series without labels", async (sink, path) => {
  execute(
    path,
    `create table aggregated_events (name text not null, agg_func text not null, window_start real not null,
       window_end real not null, instance text not null, value real not null, count integer not null, revision integer not null,
       written_at real not null default 0, primary key (name, agg_func, window_start, window_end, instance)) without rowid`,
  );
  const [plain, other, labelled] = [
    aggregateOf(),
    aggregateOf({ name: "b" }),
    aggregateOf({ labels: '{"line":"7"}' }),
  ];
  assert.match(await sink.probe(), /Warning: it takes no series with labels\..* run .*: begin; alter table/);
  await sink.open(CONTEXT);
  await sink.write(batchOf([plain]), NEVER);
  await sink.write(batchOf([{ ...plain, revision: 1 }]), NEVER);
  const refused = await sink.write(batchOf([other, labelled]), NEVER).then(() => "", (error) => {
    assert.ok(sinkError("misconfigured", /takes no series with labels, such as avg\(.*"line":"7"/)(error));
    return `${error.message}`;
  });
  assert.deepEqual(await sink.readBack.rowsOfWindow(INSTANCE, plain.windowStartMs, plain.windowEndMs), [
    { ...plain, revision: 1 },
  ]);
  const script = /begin; .*commit;/.exec(refused)![0];
  await sink.close();
  execute(path, script);
  await sink.open(CONTEXT);
  await sink.write(batchOf([other, labelled]), NEVER);
  assertSameAggregates(readRows(path, INSTANCE), [{ ...plain, revision: 1 }, other, labelled]);
  assert.doesNotMatch(await sink.probe(), /Warning/);
});

test("SqliteSink does not create the file to read back what is in it", async (sink, path) => {
  await assert.rejects(sink.readBack.sumOfCounts(INSTANCE, 0), sinkError("unavailable", /unable to open/));
  await assert.rejects(
    sink.readBack.rowsOfWindow(INSTANCE, 0, 1000),
    sinkError("unavailable", /unable to open/),
  );
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
});

test("SqliteSink does not create the file to probe", async (sink, path) => {
  assert.match(await sink.probe(), /will be created/);
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
  execute(path, "create table other (x)");
  assert.match(await sink.probe(), /table aggregated_events will be created/);
  await sink.open(CONTEXT);
  assert.match(await sink.probe(), /table aggregated_events$/);
});

/** Whether somebody has the file open: for as long there are others beside it. */
function isInUse(path: string): boolean {
  return [...Deno.readDirSync(dirname(path))].some(({ name }) => /-(wal|shm)$/.test(name));
}

test("SqliteSink has closed the file after a probe", async (sink, path) => {
  await sink.open(CONTEXT);
  await sink.close();
  assert.match(await sink.probe(), /table aggregated_events$/);
  assert.equal(isInUse(path), false);
});

test("SqliteSink has the file open once, however often it is opened and read back", async (sink, path) => {
  await sink.open(CONTEXT);
  await sink.open(CONTEXT);
  await sink.write(batchOf([aggregateOf({ count: 3 })]), NEVER);
  assert.equal(await sink.readBack.sumOfCounts(INSTANCE, -Infinity), 3);
  await sink.write(batchOf([aggregateOf({ name: "b", count: 4 })], 1), NEVER);
  assert.equal(await sink.readBack.sumOfCounts(INSTANCE, -Infinity), 7);
  assert.equal(isInUse(path), true);
  await sink.close();
  assert.equal(isInUse(path), false);
});

test("SqliteSink says before it starts that its file can never be", async (_sink, path) => {
  Deno.writeTextFileSync(path, "");
  for (const below of [`${path}/sink`, `${path}/deep/sink`]) {
    const sink = new SqliteSink({ id: "sqlite", path: below, instance: INSTANCE }, QUIET);
    await assert.rejects(
      sink.probe(),
      sinkError("misconfigured", /cannot be written: .* is no directory.*SQLITE_PATH/),
    );
  }
  const directory = new SqliteSink({ id: "sqlite", path: dirname(path), instance: INSTANCE }, QUIET);
  await assert.rejects(directory.probe(), sinkError("misconfigured", /is a directory/));
});

test("SqliteSink proves what it holds, and writes again after that", async (sink, path) => {
  const first = aggregateOf({ name: "a", count: 5, value: 5e-324 });
  const later = aggregateOf({
    name: "b",
    count: 2 ** 40,
    windowStartMs: first.windowEndMs,
    windowEndMs: first.windowEndMs + 100,
  });
  await sink.open(CONTEXT);
  await sink.write(batchOf([first, later]), NEVER);
  await sink.close();
  assert.equal(await sink.readBack.sumOfCounts(INSTANCE, -Infinity), 5 + 2 ** 40);
  assert.equal(await sink.readBack.sumOfCounts(INSTANCE, later.windowStartMs), 2 ** 40);
  assert.equal(await sink.readBack.sumOfCounts("plant-2", -Infinity), 0);
  for (const row of [first, later]) {
    assertSameAggregates(await sink.readBack.rowsOfWindow(INSTANCE, row.windowStartMs, row.windowEndMs), [
      row,
    ]);
  }
  await assert.rejects(sink.write(batchOf([first]), NEVER), sinkError("unavailable", /not open/));
  await sink.open(CONTEXT);
  await sink.write(batchOf([aggregateOf({ name: "c" })]), NEVER);
  assert.equal(readRows(path, INSTANCE).length, 3);
});

test("SqliteSink finds the rows of one window of one instance, and no others", async (sink, path) => {
  const rows = [
    aggregateOf({ name: "a" }),
    aggregateOf({ name: "b" }),
    aggregateOf({ name: "same start", windowEndMs: aggregateOf().windowEndMs + 1 }),
    aggregateOf({ name: "same end", windowStartMs: aggregateOf().windowStartMs - 1 }),
  ];
  await sink.open(CONTEXT);
  await sink.write(batchOf(rows), NEVER);
  const other = new SqliteSink({ id: "sqlite", path, instance: "plant-2" }, QUIET);
  await other.open(CONTEXT);
  await other.write(batchOf([aggregateOf({ name: "c" })]), NEVER);
  await other.close();
  const newest = await sink.readBack.newest(INSTANCE, 3);
  assert.deepEqual(newest.map(({ name }) => name), ["a", "b", "same start"]);
  assertSameAggregates(newest, rows.slice(0, 3));
  const { windowStartMs, windowEndMs } = aggregateOf();
  assertSameAggregates(
    await sink.readBack.rowsOfWindow(INSTANCE, windowStartMs, windowEndMs),
    rows.slice(0, 2),
  );
});

test("SqliteSink rejects what a constraint of the table refuses, and stays usable", async (sink, path) => {
  execute(
    path,
    `create table aggregated_events (name, agg_func, window_start, window_end, instance, value check (value < 100),
       count, revision, written_at, primary key (name, agg_func, window_start, window_end, instance))`,
  );
  await sink.open(CONTEXT);
  await assert.rejects(
    sink.write(batchOf([aggregateOf(), aggregateOf({ name: "b", value: 100 })]), NEVER),
    sinkError("rejected", /CHECK constraint failed/),
  );
  assert.deepEqual(readRows(path, INSTANCE), []);
  await sink.write(batchOf([aggregateOf()]), NEVER);
  assertSameAggregates(readRows(path, INSTANCE), [aggregateOf()]);
});

const FOREIGN_TABLES = {
  "other columns": "create table aggregated_events (name text primary key)",
  "no primary key": `create table aggregated_events
    (name, agg_func, window_start, window_end, instance, value, count, revision, written_at)`,
  "a view": "create view aggregated_events as select 1 as name",
};
for (const [what, statement] of Object.entries(FOREIGN_TABLES)) {
  test(`SqliteSink says before writing that a table is not the handler's: ${what}`, async (sink, path) => {
    execute(path, statement);
    await assert.rejects(sink.open(CONTEXT), sinkError("misconfigured", /SQLITE_PATH/));
    await assert.rejects(sink.probe(), sinkError("misconfigured", /SQLITE_PATH/));
  });
}

test(
  "SqliteSink stays down when a column of the table demands more than the handler writes",
  async (sink, path) => {
    await sink.open(CONTEXT);
    await sink.close();
    const columns = "name, agg_func, window_start, window_end, instance";
    execute(
      path,
      "drop table aggregated_events",
      `create table aggregated_events (${columns}, value, count, revision, written_at, site not null,
       primary key (${columns}))`,
    );
    await sink.open(CONTEXT);
    await assert.rejects(sink.write(batchOf([aggregateOf()]), NEVER), sinkError("misconfigured", /site/));
  },
);

test("SqliteSink leaves a file alone that is no database", async (sink, path) => {
  const text = "not a database at all ".repeat(100);
  await Deno.writeTextFile(path, text);
  await assert.rejects(sink.open(CONTEXT), sinkError("misconfigured", /not a database/));
  await assert.rejects(sink.probe(), sinkError("misconfigured", /not a database/));
  assert.equal(await Deno.readTextFile(path), text);
});

test("SqliteSink says of what stands in the way in which words, tried or opened", async (sink, path) => {
  await Deno.mkdir(path);
  const words = sinkError("misconfigured", /aggregates\.sqlite is a directory.* SQLITE_PATH/);
  await assert.rejects(sink.open(CONTEXT), words);
  await assert.rejects(sink.probe(), words);
  await Deno.remove(path);
  await sink.open(CONTEXT);
});

test("SqliteSink tries again when another program holds the lock", async (sink, path) => {
  await sink.open(CONTEXT);
  const other = new DatabaseSync(path);
  try {
    other.exec("begin immediate");
    await assert.rejects(sink.write(batchOf([aggregateOf()]), NEVER), sinkError("unavailable", /locked/));
    other.exec("rollback");
    await sink.write(batchOf([aggregateOf()]), NEVER);
    assertSameAggregates(readRows(path, INSTANCE), [aggregateOf()]);
  } finally {
    other.close();
  }
});

for (
  const [what, lose] of Object.entries({
    "is removed": (path: string) => ["", "-wal", "-shm"].forEach((suffix) => Deno.removeSync(path + suffix)),
    "is replaced by an older copy": (path: string) => {
      Deno.copyFileSync(path, `${path}.copy`);
      Deno.renameSync(`${path}.copy`, path);
    },
    "loses its write-ahead log": (path: string) => Deno.removeSync(`${path}-wal`),
  })
) {
  test(`SqliteSink confirms nothing into a file that ${what}`, async (sink, path) => {
    const [first, lost] = [aggregateOf(), aggregateOf({ name: "b" })];
    await sink.open(CONTEXT);
    await sink.write(batchOf([first]), NEVER);
    lose(path);
    await assert.rejects(
      sink.write(batchOf([lost], 1), NEVER),
      sinkError("unavailable", /was (removed|replaced)/),
    );
    await sink.close();
    await sink.open(CONTEXT);
    await sink.write(batchOf([lost], 1), NEVER);
    assert.ok(readRows(path, INSTANCE).some(({ name }) => name === "b"));
  });
}

for (
  const [when, notice] of Object.entries({
    "while the sink writes": (sink: SqliteSink) =>
      assert.rejects(sink.write(batchOf([aggregateOf({ name: "d" })], 900), NEVER)),
    "before it stops": () => Promise.resolve(),
  })
) {
  test(`a backup that takes the place of the file ${when} stays as it is`, async (sink, path) => {
    await sink.open(CONTEXT);
    await sink.write(batchOf([aggregateOf()]), NEVER);
    execute(path, `vacuum into '${path}.backup'`);
    const others = Array.from({ length: 500 }, (_, i) => aggregateOf({ name: `other ${i}` }));
    await sink.write(batchOf(others, 1), NEVER);
    Deno.renameSync(path, `${path}.former`);
    Deno.renameSync(`${path}.backup`, path);
    await notice(sink);
    await sink.close();

    assertSameAggregates(readRows(path, INSTANCE), [aggregateOf()]);
    await sink.open(CONTEXT);
    await sink.write(batchOf([aggregateOf({ name: "e" })], 901), NEVER);
    assertSameAggregates(readRows(path, INSTANCE), [aggregateOf(), aggregateOf({ name: "e" })]);
    assert.ok(readRows(`${path}.former`, INSTANCE).length >= 501, "the former file has all its rows");
  });
}

test(
  "a backup that takes the place of a file behind a link stays as it is, whoever reads the file",
  async (_, path) => {
    await Deno.mkdir(`${path}.d`);
    const file = `${path}.d/real.sqlite`;
    const sink = new SqliteSink({ id: "sqlite", path: file, instance: INSTANCE }, QUIET);
    await sink.open(CONTEXT);
    await sink.close();
    Deno.symlinkSync(file, path);
    const linked = new SqliteSink({ id: "sqlite", path, instance: INSTANCE }, QUIET);
    await linked.open(CONTEXT);
    await linked.write(batchOf([aggregateOf()]), NEVER);
    execute(path, `vacuum into '${file}.backup'`);
    await linked.write(batchOf([aggregateOf({ name: "later" })], 1), NEVER);
    // As long as it reads, the log cannot be emptied.
    const reader = new DatabaseSync(path, { readOnly: true });
    try {
      reader.exec("begin; select count(*) from aggregated_events");
      await linked.write(batchOf([aggregateOf({ name: "unread" })], 2), NEVER);
      Deno.renameSync(`${file}.backup`, file);
      await linked.close();
      assertSameAggregates(readRows(path, INSTANCE), [aggregateOf()]);
    } finally {
      reader.close();
    }
  },
);

test("a file that takes the place of the sink's file with a log of its own keeps it", async (sink, path) => {
  await sink.open(CONTEXT);
  const other = new SqliteSink({ id: "sqlite", path: `${path}.other`, instance: INSTANCE }, QUIET);
  await other.open(CONTEXT);
  await other.write(batchOf([aggregateOf({ name: "of the other" })]), NEVER);
  for (const suffix of ["", "-wal"]) Deno.copyFileSync(`${path}.other${suffix}`, `${path}.copy${suffix}`);
  await other.close();
  for (const suffix of ["", "-wal"]) Deno.renameSync(`${path}.copy${suffix}`, `${path}${suffix}`);
  Deno.removeSync(`${path}-shm`);
  await sink.close();
  assertSameAggregates(readRows(path, INSTANCE), [aggregateOf({ name: "of the other" })]);
});

/** Counts the rows: in a transaction, there again after a word from stdin, and once more after its end. */
const READER = `
  import { DatabaseSync } from "node:sqlite";
  const database = new DatabaseSync(Deno.args[0], { readOnly: true });
  const count = () => console.log(database.prepare("select count(*) as n from aggregated_events").get().n);
  database.exec("begin");
  count();
  await Deno.stdin.read(new Uint8Array(1));
  count();
  database.exec("commit");
  count();
`;

test("SqliteSink writes while another process reads, which sees whole batches only", async (sink, path) => {
  await sink.open(CONTEXT);
  await sink.write(batchOf([aggregateOf({ name: "a" })]), NEVER);
  const script = `${path}.reader.js`;
  await Deno.writeTextFile(script, READER);
  const reader = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-read", "--allow-write", script, path],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const output = reader.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let seen = (await output.read()).value;
  await sink.write(batchOf([aggregateOf({ name: "b" }), aggregateOf({ name: "c" })], 1), NEVER);
  await reader.stdin.close();
  for (let part = await output.read(); !part.done; part = await output.read()) seen += part.value;
  await reader.status;
  assert.equal(seen, "1\n1\n3\n");
});

Deno.test("SqliteSink's errors have the class of what has to be done", () => {
  const classes: Record<string, SinkErrorKind> = {
    "database or disk is full": "unavailable",
    "disk I/O error": "unavailable",
    "attempt to write a readonly database": "unavailable",
    "unable to open database file": "unavailable",
    "database is locked": "unavailable",
    "No space left on device (os error 28)": "unavailable",
    "database disk image is malformed": "misconfigured",
    "file is not a database": "misconfigured",
    "table aggregated_events has no column named value": "misconfigured",
    "NOT NULL constraint failed: aggregated_events.site": "misconfigured",
    "CHECK constraint failed: value < 100": "rejected",
    "UNIQUE constraint failed: aggregated_events.name": "rejected",
    "datatype mismatch": "rejected",
    "string or blob too big": "rejected",
  };
  // Where whoever runs the tests may write: what cannot be written is asked why.
  const directory = Deno.makeTempDirSync({ prefix: "vabus-sqlite-class-" });
  const path = `${directory}/a.sqlite`;
  try {
    for (const [message, kind] of Object.entries(classes)) {
      const error = toSqliteSinkError(new Error(message), path);
      assert.equal(error.kind, kind, message);
      const told = `SQLite file ${path}: ${message}.`;
      assert.ok(error.message.startsWith(told));
      // What passes by itself, and a row's own fault, need no advice.
      assert.equal(error.message.length > told.length, kind === "misconfigured", error.message);
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

function modesIn(directory: string): Record<string, number> {
  return Object.fromEntries(
    [...Deno.readDirSync(directory)].map((
      { name },
    ) => [name, Deno.statSync(`${directory}/${name}`).mode! & 0o777]),
  );
}

for (const [mode, expected] of [[undefined, 0o600], [0o640, 0o640]] as const) {
  Deno.test(`its files get the mode ${expected.toString(8)}, whatever the umask`, async () => {
    const directory = await Deno.makeTempDir({ prefix: "vabus-sqlite-mode-" });
    const before = Deno.umask(0);
    const sink = new SqliteSink(
      { id: "sqlite", path: `${directory}/a.sqlite`, instance: "one", mode },
      QUIET,
    );
    try {
      await sink.open(CONTEXT);
      assert.deepEqual(modesIn(directory), {
        "a.sqlite": expected,
        "a.sqlite-wal": expected,
        "a.sqlite-shm": expected,
      });
    } finally {
      Deno.umask(before);
      await sink.close();
      await Deno.remove(directory, { recursive: true });
    }
  });
}

Deno.test("a mode that is set changes a file that is there; none leaves it", async () => {
  const directory = await Deno.makeTempDir({ prefix: "vabus-sqlite-mode-" });
  const path = `${directory}/a.sqlite`;
  try {
    for (const [mode, expected] of [[0o640, 0o640], [undefined, 0o640], [0o600, 0o600]] as const) {
      const sink = new SqliteSink({ id: "sqlite", path, instance: "one", mode }, QUIET);
      await sink.open(CONTEXT);
      assert.deepEqual([...new Set(Object.values(modesIn(directory)))], [expected]);
      await sink.close();
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a view or a virtual table by the name of its table is not read; a trigger of the site is allowed", async () => {
  const directory = await Deno.makeTempDir({ prefix: "vabus-sqlite-hostile-" });
  const path = `${directory}/a.sqlite`;
  const prepare = (sql: string) => {
    const database = new DatabaseSync(path);
    database.exec(sql);
    database.close();
  };
  const isRefused = (error: unknown) => error instanceof SinkError && error.kind === "misconfigured";
  try {
    for (
      const sql of [
        "create view Aggregated_Events as with recursive n (x) as (select 1 union all select x + 1 " +
        "from n) select max(x) as count from n",
        "create virtual table aggregated_events using fts5 (name)",
        "create view aggregated_events_writer as select 1",
      ]
    ) {
      prepare(sql);
      const sink = new SqliteSink({ id: "sqlite", path, instance: "one" }, QUIET);
      await assert.rejects(sink.open(CONTEXT), isRefused);
      await assert.rejects(sink.readBack.sumOfCounts("one", 0), isRefused);
      await assert.rejects(sink.probe(), isRefused);
      await sink.close();
      await Deno.remove(path);
    }
    const sink = new SqliteSink({ id: "sqlite", path, instance: "one" }, QUIET);
    await sink.open(CONTEXT);
    prepare(
      "create table seen (name); create trigger t after insert on aggregated_events begin insert " +
        "into seen values (new.name); end",
    );
    await sink.close();
    await sink.open(CONTEXT);
    await sink.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

for (
  const message of [
    "database or disk is full",
    "disk I/O error",
    "attempt to write a readonly database",
    "unable to open database file",
    "database is locked",
    "out of memory",
    "interrupted",
    "locking protocol",
    "No space left on device (os error 28)",
    "database is not open",
  ]
) {
  Deno.test(`SQLite's "${message}" is never a row's fault`, async () => {
    // What may be a matter of rights is looked at: the file could be written.
    await using directory = await temporaryDirectory();
    const error = toSqliteRowError(new Error(message), `${directory.path}/a.sqlite`);
    assert.ok(!(error instanceof UnexplainedRefusal), error.kind);
    assert.equal(error.kind, "unavailable");
  });
}

for (
  const said of [
    "disk 5 is full",
    "the table is locked",
    "malformed",
    "CHECK constraint failed: a",
    "too big",
  ]
) {
  test(`a trigger that says "${said}" may mean a row, and a full file never does`, async (sink, path) => {
    await sink.open(CONTEXT);
    const other = new DatabaseSync(path);
    try {
      other.exec(`create trigger refuse before insert on aggregated_events when new.name = 'refused'
        begin select raise(abort, '${said}'); end`);
      await assert.rejects(
        sink.write(batchOf([aggregateOf({ name: "refused" })]), NEVER),
        (error: unknown) => error instanceof UnexplainedRefusal && error.otherwise === "unavailable",
      );
    } finally {
      other.close();
    }
  });
}

test("a file that may not grow is unavailable, whatever the row", async (sink, path) => {
  await sink.open(CONTEXT);
  const pages = new DatabaseSync(path);
  const { page_count } = pages.prepare("pragma page_count").get() as { page_count: number };
  pages.close();
  limitPages(sink, page_count);
  const names = Array.from({ length: 2000 }, (_, i) => `${"n".repeat(200)}${i}`);
  await assert.rejects(
    sink.write(batchOf(names.map((name) => aggregateOf({ name }))), NEVER),
    (error: unknown) =>
      sinkError("unavailable", /database or disk is full/)(error) && !(error instanceof UnexplainedRefusal),
  );
});

/** `max_page_count` belongs to a connection, so it is set on the sink's own. */
function limitPages(sink: SqliteSink, count: number): void {
  const { database } = sink as unknown as { database: DatabaseSync };
  database.exec(`pragma max_page_count = ${count}`);
}
