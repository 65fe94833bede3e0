/**
 * Real sinks that refuse some rows, in every way that they can. These rows become dead letters, the others
 * are delivered.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import postgres from "postgres";
import { type Clock, systemClock } from "../../src/platform/clock/clock.ts";
import { PostgresSink } from "../../src/sinks/postgres/postgres_sink.ts";
import type { Sink } from "../../src/contract/sink.ts";
import { SqliteSink } from "../../src/sinks/sqlite/sqlite_sink.ts";
import { deliveryTo, Ledger } from "../delivery/delivery_rig.ts";
import { aggregateNamed, MemoryOutbox } from "../delivery/memory_outbox.ts";
import { postgresConnection } from "../support/postgres_connection.ts";
import { PATIENCE_MS, temporaryDirectory, until } from "../support/executable.ts";
import { startPostgres } from "../support/postgres_server.ts";
import { CONTEXT } from "../contract/sink_samples.ts";
import { SILENT } from "../support/logs.ts";

const NEVER = new AbortController().signal;
const ATTEMPT_TIMEOUT_MS = 70_000;
const INSTANCE = "plant-1";
const COUNT = 30;
const BAD = ["n0", "n7", "n8", "n29"];

const silent = SILENT;

/** A thousand times as fast as the real one, except for the limit of an attempt. */
const clock: Clock = {
  nowMs: systemClock.nowMs,
  monotonicMs: () => systemClock.monotonicMs() * 1000,
  sleep: (ms, signal) => systemClock.sleep(ms === ATTEMPT_TIMEOUT_MS ? ms : ms / 1000, signal),
};

/** Delivers until the outbox is empty and, if asked for, nothing is postponed any more. */
async function deliverAll(sink: Sink, outbox: MemoryOutbox, isDone = () => true): Promise<void> {
  const delivery = deliveryTo(sink, outbox, clock, new Ledger(), [], ATTEMPT_TIMEOUT_MS);
  const stop = new AbortController();
  const running = delivery.run(NEVER, stop.signal);
  await until(
    () => outbox.cursor(sink.id) >= outbox.endId() && isDone(),
    "the outbox to empty",
    PATIENCE_MS,
  );
  stop.abort();
  await running;
}

/** A trigger function's body that raises `raise` for the bad names. */
const raising = (raise: string) =>
  `begin if new.name in ('${BAD.join("','")}') then ${raise}; end if; return new; end`;

/** How a table refuses the bad rows: statements that set it up, with $t for the table. */
const REFUSALS: Readonly<Record<string, string>> = {
  "a trigger that raises P0001": raising("raise exception 'no such meter: %', new.name"),
  "a trigger that raises a code of its own": raising("raise exception 'no' using errcode = 'VA123'"),
  "a trigger that raises 42501": raising("raise insufficient_privilege"),
  "a trigger that raises XX000": raising("raise internal_error"),
  "a trigger that raises 0A000": raising("raise feature_not_supported"),
  "a trigger that raises 55000": raising("raise object_not_in_prerequisite_state"),
  "a trigger that meets an undefined table": raising("perform 1 from no_such_table"),
  "a trigger that divides by zero": raising("perform 1 / 0"),
  "a trigger that sets a null": raising("new.value := null"),
};

Deno.test("PostgreSQL: only the rows at fault are dead letters", async (t) => {
  const server = await startPostgres();
  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  let tables = 0;
  const newTable = () => `rows_${tables++}`;
  const sinkOf = (table: string, url = server.url, createTable = true) =>
    new PostgresSink({
      id: "postgres",
      connection: postgresConnection(url),
      table,
      createTable,
      instance: INSTANCE,
    }, silent);
  const create = async (table: string) => {
    const sink = sinkOf(table);
    await sink.open(CONTEXT, NEVER);
    await sink.close();
  };
  const namesIn = async (table: string) =>
    (await sql<{ name: string }[]>`select name from ${sql(table)}`).map(({ name }) => name).sort();
  const assertOnlyBadRefused = async (table: string, outbox: MemoryOutbox) => {
    assert.deepEqual(outbox.rejected.map(({ name }) => name).sort(), BAD.toSorted());
    const good = outbox.aggregates.map(({ name }) => name).filter((name) => !BAD.includes(name));
    assert.deepEqual(await namesIn(table), [...new Set(good)].sort());
  };

  try {
    for (const timing of ["before", "after"] as const) {
      for (const [what, body] of Object.entries(REFUSALS)) {
        // What a trigger sets after the row is written is not looked at.
        if (timing === "after" && what === "a trigger that sets a null") continue;
        await t.step(`${what}, ${timing} the row is written`, async () => {
          const table = newTable();
          await create(table);
          await sql.unsafe(`create function f_${table}() returns trigger language plpgsql as $f$ ${body} $f$;
            create trigger refuses ${timing} insert on ${table} for each row execute function f_${table}()`);
          const outbox = MemoryOutbox.of(COUNT);
          await deliverAll(sinkOf(table), outbox);
          await assertOnlyBadRefused(table, outbox);
        });
      }
    }

    await t.step("row security", async () => {
      const table = newTable();
      await create(table);
      await sql.unsafe(`create role writer_${table} login password 'writer';
        grant select, insert, update on ${table} to writer_${table};
        alter table ${table} enable row level security;
        create policy reads on ${table} for select using (true);
        create policy updates on ${table} for update using (true);
        create policy writes on ${table} for insert with check (name not in ('${BAD.join("','")}'))`);
      const url = new URL(server.url);
      url.username = `writer_${table}`;
      url.password = "writer";
      const outbox = MemoryOutbox.of(COUNT);
      await deliverAll(sinkOf(table, url.href, false), outbox);
      await assertOnlyBadRefused(table, outbox);
    });

    await t.step("a view with a check option", async () => {
      const table = newTable();
      await create(table);
      await sql.unsafe(`create view view_${table} as select * from ${table}
        where name not in ('${BAD.join("','")}') with check option`);
      const outbox = MemoryOutbox.of(COUNT);
      await deliverAll(sinkOf(`view_${table}`, server.url, false), outbox);
      await assertOnlyBadRefused(table, outbox);
    });

    await t.step("a missing partition and a missing reference heal by themselves", async () => {
      const table = newTable();
      await create(table);
      const definition = `name text not null, agg_func text not null, window_start timestamptz not null,
        window_end timestamptz not null, instance text not null, value float8 not null, count bigint not null,
        revision int not null, written_at timestamptz not null default now(),
        primary key (name, agg_func, window_start, window_end, instance)`;
      await sql.unsafe(`drop table ${table}; create table meters_${table} (name text primary key);
        insert into meters_${table} select 'n' || i from generate_series(10, 40) as i;
        create table ${table} (${definition}, foreign key (name) references meters_${table})
          partition by range (window_start);
        create table ${table}_then partition of ${table}
          for values from ('1970-01-01 00:00Z') to ('1970-01-01 00:01Z')`);
      const outbox = MemoryOutbox.of(COUNT);
      outbox.add({ ...aggregateNamed("n40"), windowStartMs: 120_000, windowEndMs: 121_000 });
      const sink = sinkOf(table, server.url, false);
      await deliverAll(sink, outbox);
      const postponed = outbox.rejected.map(({ name, reason }) => `${name} ${reason}`).sort();
      const ten = Array.from({ length: 10 }, (_, i) => `n${i} postponed`);
      assert.deepEqual(postponed, [...ten, "n40 postponed"].sort());
      await sql.unsafe(`insert into meters_${table} select 'n' || i from generate_series(0, 9) as i;
        create table ${table}_next partition of ${table} default`);
      await deliverAll(sink, outbox, () => outbox.rejected.length === 0);
      assert.equal((await namesIn(table)).length, COUNT + 1);
    });

    await t.step("a statement that takes too long is cut into smaller ones", async () => {
      const table = newTable();
      await create(table);
      // Far too long for more than two rows at once.
      await sql.unsafe(`create function f_${table}() returns trigger language plpgsql as $f$
          begin if (select count(*) from changed) > 2 then perform pg_sleep(3); end if; return null; end $f$;
        create trigger is_slow after insert on ${table} referencing new table as changed
          for each statement execute function f_${table}()`);
      const outbox = MemoryOutbox.of(COUNT);
      await sql.unsafe(`alter role postgres set statement_timeout = '500ms'`);
      try {
        await deliverAll(sinkOf(table), outbox);
      } finally {
        await sql.unsafe(`alter role postgres reset statement_timeout`);
      }
      assert.deepEqual(outbox.rejected, []);
      assert.equal((await namesIn(table)).length, COUNT);
    });

    await t.step("serialisation failures and deadlocks are tried again as they are", async () => {
      const table = newTable();
      await create(table);
      await sql.unsafe(`create sequence s_${table};
        create function f_${table}() returns trigger language plpgsql as $f$
          begin
            case nextval('s_${table}') when 1 then raise serialization_failure;
              when 2 then raise deadlock_detected; else return null; end case;
          end $f$;
        create trigger contends after insert on ${table} for each statement execute function f_${table}()`);
      const outbox = MemoryOutbox.of(8);
      await deliverAll(sinkOf(table), outbox);
      assert.deepEqual(outbox.rejected, []);
      assert.equal((await namesIn(table)).length, 8);
    });
  } finally {
    await sql.end({ timeout: 1 });
    await server.remove();
  }
});

Deno.test("SQLite: only the rows at fault are dead letters", async (t) => {
  const bad = `new.name in ('${BAD.join("','")}')`;
  const triggers: Readonly<Record<string, string>> = {
    "a trigger that raises": `select raise(abort, 'no such meter') where ${bad};`,
    "a trigger that rolls back": `select raise(rollback, 'no such meter') where ${bad};`,
    "a trigger that writes a null elsewhere": `insert into other select null where ${bad};`,
    "a trigger that overflows": `select abs(-9223372036854775807 - 1) where ${bad};`,
  };
  for (const [what, body] of Object.entries(triggers)) {
    for (const timing of ["before", "after"] as const) {
      await t.step(`${what}, ${timing} the row is written`, async () => {
        await using directory = await temporaryDirectory();
        const path = `${directory.path}/rows.sqlite`;
        const sink = new SqliteSink({ id: "sqlite", path, instance: INSTANCE }, silent);
        await sink.open(CONTEXT);
        await sink.close();
        const database = new DatabaseSync(path);
        database.exec(
          `create table other (x not null); create trigger refuses ${timing} insert on ` +
            `aggregated_events begin ${body} end`,
        );
        const outbox = MemoryOutbox.of(COUNT);
        await deliverAll(sink, outbox);
        const rows = database.prepare("select count(*) as count from aggregated_events").get();
        database.close();
        assert.deepEqual(outbox.rejected.map(({ name }) => name).sort(), BAD.toSorted());
        assert.equal(rows!.count, COUNT - BAD.length);
      });
    }
  }
});
