import assert from "node:assert/strict";
import postgres from "postgres";
import type { SinkAlarm } from "../../../src/contract/sink.ts";
import { writerTableOf } from "../../../src/sinks/postgres/postgres_table_name.ts";
import { PostgresSink, type PostgresSinkOptions } from "../../../src/sinks/postgres/postgres_sink.ts";
import { postgresConnection } from "../../support/postgres_connection.ts";
import { postgresIsExternal, startPostgres } from "../../support/postgres_server.ts";
import {
  aggregateOf,
  assertSameAggregates,
  batchOf,
  CONTEXT,
  NEVER,
  sinkError,
  stepWith,
} from "../../contract/sink_samples.ts";
import { until } from "../../support/executable.ts";
import { freePort } from "../../support/free_port.ts";
import { newTable, PostgresBackends } from "./postgres_backends.ts";
import { loggerTo } from "../../support/logs.ts";

/** As releases before labels made it. */
const FORMER_TABLE = `
  create table TABLE (name text not null, agg_func text not null, window_start timestamptz not null,
    window_end timestamptz not null, instance text not null, value float8 not null, count bigint not null, revision int not null,
    written_at timestamptz not null default now(), primary key (name, agg_func, window_start, window_end, instance))`;

Deno.test("PostgresSink", async (t) => {
  const server = await startPostgres();
  const secret = new URL(server.url).password;
  const lines: string[] = [];
  const logger = loggerTo(lines, "debug", "json");
  const backends = new PostgresBackends(server.url, logger);
  const ask = <T>(query: (sql: postgres.Sql) => Promise<T>) => backends.ask(query);

  /** A step with a sink and a table of its own. */
  const step = (
    name: string,
    test: (sink: PostgresSink, table: string) => Promise<void>,
    options: Partial<PostgresSinkOptions> = {},
  ) => {
    const table = newTable();
    const sink = backends.createSink(table, options);
    return stepWith(t, name, sink, () => test(sink, table), () => backends.drop(table));
  };

  try {
    await t.step(
      "writes without a table of its own beside the rows where it may have none, and says so",
      async () => {
        const table = newTable();
        const owner = backends.createSink(table);
        await owner.open(CONTEXT, NEVER);
        await owner.close();
        await ask(async (sql) => {
          await sql.unsafe(`drop table ${table}_writer; create role limited login password 'limited-secret'`);
          await sql.unsafe(
            `grant select, insert, update on ${table} to limited; revoke create on schema public from public`,
          );
        });
        const url = new URL(server.url);
        [url.username, url.password] = ["limited", "limited-secret"];
        for (const createTable of [true, false]) {
          lines.length = 0;
          const sink = backends.createSink(table, { connection: postgresConnection(url.href), createTable });
          await sink.open(CONTEXT, NEVER);
          await sink.write(batchOf([aggregateOf({ name: `${createTable}` })]), NEVER);
          await sink.close();
          assert.ok(
            lines.some((line) => /"level":"warn".*_writer cannot be used.*create table/.test(line)),
            lines.join("\n"),
          );
        }
        assert.equal((await backends.readTable(table, "plant-1")).length, 2);
        await backends.drop(table);
      },
    );

    await step("creates the documented table and its index", async (sink, table) => {
      await sink.open(CONTEXT, NEVER);
      await ask(async (sql) => {
        const columns = await sql<{ name: string; type: string }[]>`
          select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
          where attrelid = ${table}::regclass and attnum > 0 order by attnum`;
        assert.deepEqual(columns.map(({ name, type }) => `${name} ${type}`), [
          "name text",
          "labels jsonb",
          "agg_func text",
          "window_start timestamp with time zone",
          "window_end timestamp with time zone",
          "instance text",
          "value double precision",
          "count bigint",
          "revision integer",
          "written_at timestamp with time zone",
        ]);
        const indexes = await sql<{ definition: string }[]>`
          select pg_get_indexdef(indexrelid) as definition from pg_index
          where indrelid = ${table}::regclass order by indisprimary desc`;
        assert.match(
          indexes[0]!.definition,
          /^CREATE UNIQUE .*\(window_start, name, labels, agg_func, window_end, instance\)$/,
        );
        assert.match(indexes[1]!.definition, /USING brin \(window_start, name\)/);
        assert.equal(indexes.length, 2);
      });
    });

    await step("goes on with a table without labels, for series without labels", async (sink, table) => {
      await ask((sql) => sql.unsafe(FORMER_TABLE.replaceAll("TABLE", `"${table}"`)));
      const [plain, other, labelled] = [
        aggregateOf(),
        aggregateOf({ name: "b" }),
        aggregateOf({ labels: '{"line":"7"}' }),
      ];
      assert.match(await sink.probe(NEVER), /Warning: it takes no series with labels\..* Run: alter table/);
      await sink.open(CONTEXT, NEVER);
      await sink.write(batchOf([plain]), NEVER);
      await sink.write(batchOf([{ ...plain, revision: 1 }]), NEVER);
      const refused = await sink.write(batchOf([other, labelled]), NEVER).then(() => "", (error) => {
        assert.ok(
          sinkError("misconfigured", /takes no series with labels, such as avg\(.*"line":"7"/)(error),
        );
        return `${error.message}`;
      });
      assert.deepEqual(
        await sink.readBack.rowsOfWindow("plant-1", plain.windowStartMs, plain.windowEndMs, NEVER),
        [
          { ...plain, revision: 1 },
        ],
      );
      const alter = /Run: (alter table .*?;)/.exec(refused)![1]!;
      await ask((sql) => sql.unsafe(alter));
      // As the router does after it.
      await sink.open(CONTEXT, NEVER);
      await sink.write(batchOf([other, labelled]), NEVER);
      assertSameAggregates(await backends.readTable(table, "plant-1"), [
        { ...plain, revision: 1 },
        other,
        labelled,
      ]);
      assert.doesNotMatch(await sink.probe(NEVER), /Warning/);
    });

    await step("writes into a table of another schema, quoted", async () => {
      await ask((sql) => sql`create schema "Plant 1"`);
      const sink = backends.createSink("Plant 1.Agg");
      try {
        await sink.open(CONTEXT, NEVER);
        await sink.write(batchOf([aggregateOf()]), NEVER);
        assertSameAggregates(await backends.readTable("Plant 1.Agg", "plant-1"), [aggregateOf()]);
        assert.match(await sink.probe(NEVER), /Plant 1\.Agg is there/);
      } finally {
        await sink.close();
        await ask((sql) => sql`drop schema "Plant 1" cascade`);
      }
    });

    await step("renews written_at with the row, and only then", async (sink, table) => {
      const writtenAt = () =>
        ask(async (sql) => (await sql`select written_at::text as text from ${sql(table)}`)[0]!.text);
      await sink.open(CONTEXT, NEVER);
      await sink.write(batchOf([aggregateOf()]), NEVER);
      const first = await writtenAt();
      await sink.write(batchOf([aggregateOf({ value: 1 })]), NEVER);
      assert.equal(await writtenAt(), first);
      await sink.write(batchOf([aggregateOf({ revision: 1 })]), NEVER);
      assert.notEqual(await writtenAt(), first);
    });

    await step("notices a database that goes back in time under its connection", async (sink, table) => {
      const alarms: SinkAlarm[] = [];
      const confirmed = { any: true, newest: [aggregateOf({ name: "a" })] };
      const context = { ...CONTEXT, confirmed, alarm: (alarm: SinkAlarm) => alarms.push(alarm) };
      const later = [aggregateOf({ name: "b" })];
      const next = batchOf(later, 1);
      await sink.open(context, NEVER);
      alarms.length = 0;
      await sink.write(batchOf(confirmed.newest), NEVER);
      await ask((sql) => sql`delete from ${sql(table)}`);
      await ask((sql) => sql`update ${sql(writerTableOf(table))} set next_id = 0`);
      await assert.rejects(sink.write(next, NEVER), sinkError("unavailable", /of an earlier time/));
      await sink.open(context, NEVER);
      assert.deepEqual(alarms.map(({ kind }) => kind), ["rows_missing"]);
      await sink.write(next, NEVER);
      assertSameAggregates(await backends.readTable(table, "plant-1"), later);
    });

    await step("rejects what a constraint of the table refuses, and stays usable", async (sink, table) => {
      await sink.open(CONTEXT, NEVER);
      await ask((sql) => sql`alter table ${sql(table)} add check (value < 100)`);
      await assert.rejects(
        sink.write(batchOf([aggregateOf(), aggregateOf({ name: "b", value: 100 })]), NEVER),
        sinkError("rejected", /check constraint/),
      );
      assert.deepEqual(await backends.readTable(table, "plant-1"), []);
      await sink.write(batchOf([aggregateOf()]), NEVER);
      assertSameAggregates(await backends.readTable(table, "plant-1"), [aggregateOf()]);
    });

    await step("does not create the table against the user's will", async (sink, table) => {
      const refused = sinkError("misconfigured", new RegExp(`no table ${table}.*create table`, "s"));
      await assert.rejects(sink.open(CONTEXT, NEVER), refused);
      await assert.rejects(sink.probe(NEVER), refused);
      assert.equal(await ask(async (sql) => (await sql`select to_regclass(${table}) as it`)[0]!.it), null);
    }, { createTable: false });

    await step("says before writing that a table is not the handler's", async (sink, table) => {
      const refused = sinkError("misconfigured", /POSTGRES_TABLE/);
      await ask((sql) => sql`create table ${sql(table)} (name text primary key)`);
      await assert.rejects(sink.open(CONTEXT, NEVER), refused);
      await assert.rejects(sink.probe(NEVER), refused);
    });

    await step("warns of columns that do not keep what is written to them", async (sink, table) => {
      await sink.open(CONTEXT, NEVER);
      const alter = (changes: string) => ask((sql) => sql.unsafe(`alter table ${table} ${changes}`));
      const warnings = async () => {
        lines.length = 0;
        await sink.open(CONTEXT, NEVER);
        const said = lines.filter((line) => /does not keep what is written/.test(line));
        assert.equal(/Warning: .*does not keep/.test(await sink.probe(NEVER)), said.length > 0);
        return said.join("\n");
      };
      await ask((sql) => sql.unsafe("drop domain if exists exact; create domain exact as float8"));
      for (const type of ["float8", "exact"]) {
        await alter(`alter value type ${type}, alter window_start type timestamptz(3)`);
        assert.equal(await warnings(), "", type);
      }
      for (const type of ["int", "numeric(12,3)", "real"]) {
        await alter(`alter value type ${type}`);
        assert.match(
          await warnings(),
          /value is .*alter value type double precision; then `redeliver`/,
          type,
        );
      }
      await alter(
        "alter value type float8, alter window_start type timestamp, alter window_end type timestamptz(0)",
      );
      assert.match(
        await warnings(),
        /: window_start is timestamp without.*, window_end is timestamp\(0\) with/,
      );
      await alter(
        "alter name type char(9), alter window_start type timestamptz, alter window_end type timestamptz",
      );
      assert.match(await warnings(), /: name is character\(9\), .*alter name type text; then `redeliver`/);
      await alter("alter name type varchar(99)");
      assert.equal(await warnings(), "");
    });

    await step(
      "warns of a table that does not tell all series apart, until it is mended",
      async (sink, table) => {
        await sink.open(CONTEXT, NEVER);
        await ask((sql) =>
          sql.unsafe(
            `create collation if not exists case_blind (provider = icu, locale = 'und-u-ks-level2',
             deterministic = false);
           alter table ${table} alter name type text collate case_blind;`,
          )
        );
        const said = await sink.probe(NEVER);
        assert.match(said, /Warning: .*name is text in the collation case_blind, .*series .* fall together/);
        await ask((sql) => sql.unsafe(/Run: (alter table .*?); then/.exec(said)![1]!));
        assert.doesNotMatch(await sink.probe(NEVER), /Warning/);
      },
    );

    await step(
      "warns of a table that a crash of the server empties, until it is mended",
      async (sink, table) => {
        await sink.open(CONTEXT, NEVER);
        await ask((sql) => sql.unsafe(`alter table ${table} set unlogged`));
        lines.length = 0;
        await sink.open(CONTEXT, NEVER);
        const said = lines.find((line) => /is unlogged: a crash of the server empties it/.test(line))!;
        await ask((sql) =>
          sql.unsafe(/Run: (alter table .* set logged;)/.exec(said)![1]!.replaceAll("\\", ""))
        );
        assert.doesNotMatch(await sink.probe(NEVER), /Warning/);
      },
    );

    await step("stays down when there is no such schema", async () => {
      const sink = backends.createSink("nowhere.aggregates");
      await assert.rejects(sink.open(CONTEXT, NEVER), sinkError("misconfigured", /Create the schema/));
      await sink.close();
    });

    await step("creates the table once when several handlers start together", async (_, table) => {
      const sinks = Array.from(
        { length: 4 },
        (_, index) => backends.createSink(table, { instance: `plant-${index}` }),
      );
      await Promise.all(sinks.map((sink) => sink.open(CONTEXT, NEVER)));
      await Promise.all(sinks.map((sink) => sink.close()));
    });

    /** Has `work` done while a sink waits for a lock on its table; `waiting` answers who still does. */
    const whileLocked = (
      sink: PostgresSink,
      table: string,
      signal: AbortSignal,
      work: (writing: Promise<void>, waiting: () => Promise<readonly unknown[]>) => Promise<void>,
    ) =>
      ask((sql) =>
        sql.begin(async (transaction) => {
          await transaction`lock table ${transaction(table)} in exclusive mode`;
          const writing = assert.rejects(
            sink.write(batchOf([aggregateOf()]), signal),
            sinkError("unavailable", /interrupted/),
          );
          const waiting = async () =>
            await transaction`select pid from pg_locks where relation = ${table}::regclass and not granted`;
          while ((await waiting()).length === 0);
          await work(writing, waiting);
        })
      );

    await step("leaves a statement that waits for a lock, and takes it back", async (sink, table) => {
      await sink.open(CONTEXT, NEVER);
      const abort = new AbortController();
      await whileLocked(sink, table, abort.signal, async (writing, waiting) => {
        abort.abort();
        await writing;
        while ((await waiting()).length > 0);
      });
      assert.deepEqual(await backends.readTable(table, "plant-1"), []);
    });

    await step("takes no harm when a statement cannot be taken back", async (opened, table) => {
      await opened.open(CONTEXT, NEVER);
      const { sink, wire } = backends.createWiredSink(table);
      await using _ = wire;
      await sink.open(CONTEXT, NEVER);
      const abort = new AbortController();
      await whileLocked(sink, table, abort.signal, async (writing, waiting) => {
        // Nobody hears the word that would take it back.
        wire.refuse();
        abort.abort();
        await writing;
        await waiting();
      });
      await sink.close();
    });

    await t.step("stays down after a refused login", async () => {
      const url = new URL(server.url);
      url.password = "wrong-secret";
      const sink = backends.createSink(newTable(), { connection: postgresConnection(url.href) });
      await assert.rejects(sink.open(CONTEXT, NEVER), sinkError("misconfigured", /Check user and password/));
      await assert.rejects(sink.probe(NEVER), sinkError("misconfigured", /Check user and password/));
      await sink.close();
    });

    await t.step("stays down when there is no such database", async () => {
      const url = new URL(server.url);
      url.pathname = "/nowhere";
      const sink = backends.createSink(newTable(), { connection: postgresConnection(url.href) });
      await assert.rejects(sink.open(CONTEXT, NEVER), sinkError("misconfigured", /Check the database/));
      await sink.close();
    });

    await t.step("tries again when nothing listens", async () => {
      const sink = backends.createSink(newTable(), {
        connection: postgresConnection(`postgres://u:${secret}@127.0.0.1:${freePort()}/d`),
      });
      await assert.rejects(sink.open(CONTEXT, NEVER), sinkError("unavailable", /out of reach/));
      await sink.close();
    });

    if (!postgresIsExternal) {
      await step("works again after the server was away", async (sink, table) => {
        await sink.open(CONTEXT, NEVER);
        await server.stop();
        try {
          await assert.rejects(sink.write(batchOf([aggregateOf()]), NEVER), sinkError("unavailable"));
          await sink.close();
          await assert.rejects(sink.open(CONTEXT, NEVER), sinkError("unavailable"));
        } finally {
          await server.start();
        }
        await sink.close();
        await sink.open(CONTEXT, NEVER);
        await sink.write(batchOf([aggregateOf()]), NEVER);
        assertSameAggregates(await backends.readTable(table, "plant-1"), [aggregateOf()]);
      });

      await t.step("what the server has confirmed survives its crash, whatever its default", async () => {
        // The writer of the log sleeps longer than the test takes: what is not flushed by the commit is not
        // flushed.
        const lazy = await startPostgres(["synchronous_commit=off", "wal_writer_delay=10s"]);
        const names = Array.from({ length: 500 }, (_, index) => `n${index}`);
        const crashed = async (connectionString: string, table: string) => {
          const sink = backends.createSink(table, { connection: postgresConnection(connectionString) });
          await sink.open(CONTEXT, NEVER);
          for (const name of names) await sink.write(batchOf([aggregateOf({ name })]), NEVER);
          await lazy.crash();
          await lazy.start();
          const kept = await sink.readBack.sumOfCounts("plant-1", -Infinity, NEVER);
          await sink.close();
          return kept / aggregateOf().count;
        };
        try {
          assert.equal(await crashed(lazy.url, "kept"), names.length);
          lines.length = 0;
          const given = `${lazy.url}?options=-c%20synchronous_commit%3Doff`;
          const sink = backends.createSink("given", { connection: postgresConnection(given) });
          await sink.open(CONTEXT, NEVER);
          assert.match(
            await sink.probe(NEVER),
            /Warning: the connection string sets synchronous_commit to off/,
          );
          await sink.close();
          assert.ok(lines.some((line) => /"level":"warn".*synchronous_commit to off/.test(line)));
          // The server can lose them: the test could fail.
          assert.ok(await crashed(given, "given") < names.length);
        } finally {
          await lazy.remove();
        }
      });

      await t.step("a commit whose wait for a standby was cancelled confirms nothing", async () => {
        const alone = await startPostgres();
        const beside = new PostgresBackends(alone.url, logger);
        const configure = (names: string) =>
          beside.ask(async (sql) => {
            await sql.unsafe(`alter system set synchronous_standby_names = '${names}'`);
            await sql`select pg_reload_conf()`;
          });
        const cancelWaits = () =>
          beside.ask((sql) =>
            sql`select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'`
          );
        const { sink, wire } = beside.createWiredSink("replicated");
        let cancelled = 0;
        wire.seen = (piece) => cancelled += isCancelRequest(piece) ? 1 : 0;
        const rows = [aggregateOf()];
        let isOver = false;
        try {
          await sink.open(CONTEXT, NEVER);
          await configure("absent");
          const operator = (async () => {
            while (!isOver) await cancelWaits();
          })();
          // The server takes the setting up in its own time. The second time the rows are there already.
          for (const time of ["first", "second"]) {
            const refused = await until(
              () => sink.write(batchOf(rows), NEVER).then(() => undefined, (error: unknown) => error),
              `the ${time} commit that is not waited for`,
            );
            await assert.rejects(
              Promise.reject(refused),
              sinkError("unavailable", /wait for its synchronous standby was cancelled/),
            );
          }
          isOver = true;
          await operator;
          await configure("");
          await sink.write(batchOf(rows), NEVER);
          assertSameAggregates(await beside.readTable("replicated", "plant-1"), rows);
          assert.equal(cancelled, 0, "they had ended");
        } finally {
          isOver = true;
          await sink.close();
          await wire[Symbol.asyncDispose]();
          await alone.remove();
        }
      });

      await step("leaves a frozen server when told to", async (sink, table) => {
        await sink.open(CONTEXT, NEVER);
        const abort = new AbortController();
        await server.pause();
        try {
          const writing = assert.rejects(
            sink.write(batchOf([aggregateOf()]), abort.signal),
            sinkError("unavailable", /interrupted/),
          );
          abort.abort();
          await writing;
          await sink.close();
        } finally {
          await server.resume();
        }
        await sink.open(CONTEXT, NEVER);
        await sink.write(batchOf([aggregateOf()]), NEVER);
        assertSameAggregates(await backends.readTable(table, "plant-1"), [aggregateOf()]);
      });
    }

    await t.step("never shows the password", () => {
      assert.ok(lines.length > 0);
      assert.doesNotMatch(lines.join("\n"), new RegExp(`${secret}|wrong-secret`));
    });
  } finally {
    await server.remove();
  }
});

/** Whether a client asks the server to cancel what another connection does. */
function isCancelRequest(piece: Uint8Array): boolean {
  return piece.length === 16 && new DataView(piece.buffer, piece.byteOffset).getInt32(4) === 80877102;
}
