import assert from "node:assert/strict";
import type {
  Claim,
  Claimant,
  Contradiction,
  Sink,
  SinkAlarm,
  SinkContext,
} from "../../src/contract/sink.ts";
import {
  aggregateOf,
  assertSameAggregates,
  batchOf,
  CONTEXT,
  NEVER,
  type SinkBackend,
  sinkError,
  stepsOn,
} from "./sink_samples.ts";

/** A table whose rows a test can change. */
export interface TableBackend extends SinkBackend {
  /** Runs a statement on the table, whose name in it is `$table`. */
  execute(statement: string): Promise<void>;
  /** The statement after which the table drops rows called `swallowed` without an error. */
  readonly swallowing: string;
}

const INSTANCE = "plant-1";

/** A start of a handler that objects to all claims but those of the starts that it knows. */
function claimantOf(boot: number, life: string, known: readonly string[] = []): Claimant {
  return {
    ...CONTEXT.claimant,
    boot,
    life,
    objection: (found: Claim) =>
      found.stateId !== CONTEXT.stateId || [life, ...known].includes(found.life)
        ? undefined
        : `written to by ${found.life}, start ${found.boot}, up to ${found.nextId}`,
  };
}

/** The contract of sinks that keep their rows in a table: they know their rows and their writer. */
export async function testHolding(
  t: Deno.TestContext,
  createBackend: () => Promise<TableBackend>,
): Promise<void> {
  const step = stepsOn(t, INSTANCE, createBackend);

  const rows = Array.from({ length: 5 }, (_, i) => aggregateOf({ name: `n${i}`, revision: 2 }));
  const confirmed = { any: true, newest: rows };

  /** Opens the sink with the rows that it should have confirmed. Returns the alarms that it raises. */
  const alarmsOf = async (sink: Sink, context: Partial<SinkContext> = { confirmed }) => {
    const alarms: SinkAlarm[] = [];
    await sink.open({ ...CONTEXT, alarm: (alarm) => alarms.push(alarm), ...context }, NEVER);
    return alarms.map(({ kind, detail, count }) => `${kind} ${count}: ${detail}`);
  };

  await step("raises no alarm where all is there, nor where nothing was ever confirmed", async (sink) => {
    assert.deepEqual(await alarmsOf(sink, { confirmed: { any: false, newest: [] } }), []);
    await sink.write(batchOf(rows), NEVER);
    assert.deepEqual(await alarmsOf(sink), []);
    const newer = { any: true, newest: rows.map((row) => ({ ...row, revision: 1 })) };
    assert.deepEqual(await alarmsOf(sink, { confirmed: newer }), []);
    assert.deepEqual(await alarmsOf(sink, { confirmed: { any: true, newest: [] } }), []);
  });

  const losses: Record<string, readonly [statement: string, alarm: RegExp]> = {
    "a table that was dropped": ["drop table $table", /^rows_missing 1: the table .* created again/],
    "a table that was emptied": ["delete from $table", /^rows_missing 1: the table .* is empty/],
    "rows that were deleted": [
      "delete from $table where name in ('n1', 'n3')",
      /^rows_missing 2: 2 of the 5 newest rows .* such as avg\("n1"\)/,
    ],
    "rows as they were before": [
      "update $table set revision = 1 where name = 'n4'",
      /^rows_missing 1: 1 of the 5 newest rows .* such as avg\("n4"\)/,
    ],
    "rows that are another's now": [
      "update $table set instance = 'plant-2'",
      /^rows_missing 5: 5 of the 5 newest rows/,
    ],
  };
  for (const [what, [statement, alarm]] of Object.entries(losses)) {
    await step(`raises an alarm over ${what}, and goes on`, async (sink, backend) => {
      await sink.open(CONTEXT, NEVER);
      await sink.write(batchOf(rows), NEVER);
      await sink.close();
      await backend.execute(statement);
      const [said, ...others] = await alarmsOf(sink);
      assert.match(said ?? "nothing", alarm);
      assert.deepEqual(others, []);
      await sink.write(batchOf([aggregateOf({ name: "later" })], 5), NEVER);
      assert.ok((await backend.read(INSTANCE)).some(({ name }) => name === "later"));
    });
  }

  await step(
    "tells of rows that it holds with other numbers, and of no repetition",
    async (sink, backend) => {
      const found: Contradiction[] = [];
      await sink.open({ ...CONTEXT, contradicted: (more) => found.push(...more) }, NEVER);
      await sink.write(batchOf(rows), NEVER);
      await sink.write(batchOf(rows), NEVER);
      assert.equal(found.length, 0);
      const written = [
        { ...rows[0]!, value: 21 },
        { ...rows[1]!, count: 4 },
        { ...rows[2]!, revision: 1, value: 22 },
        { ...rows[3]!, revision: 3, value: 23 },
        rows[4]!,
        aggregateOf({ name: "new" }),
      ];
      await sink.write(batchOf(written), NEVER);
      const byName = found.toSorted((a, b) => a.written.name < b.written.name ? -1 : 1);
      assert.deepEqual(byName, [0, 1, 2].map((i) => ({ written: written[i]!, held: rows[i]! })));
      assertSameAggregates(await backend.read(INSTANCE), [
        ...rows.slice(0, 3),
        written[3]!,
        rows[4]!,
        written[5]!,
      ]);
    },
  );

  await step("raises an alarm over rows that it takes and does not keep", async (sink, backend) => {
    const alarms: SinkAlarm[] = [];
    await sink.open({ ...CONTEXT, alarm: (alarm) => alarms.push(alarm) }, NEVER);
    await backend.execute(backend.swallowing);
    await sink.write(batchOf(rows), NEVER);
    await sink.write(batchOf(rows), NEVER);
    assert.equal(alarms.length, 0);
    await sink.write(batchOf([aggregateOf({ name: "kept" }), aggregateOf({ name: "swallowed" })]), NEVER);
    assert.deepEqual(alarms.map(({ kind, count }) => [kind, count]), [["rows_missing", 1]]);
    assert.match(alarms[0]!.detail, /not there, such as avg\("swallowed"\).*trigger/);
    assertSameAggregates(await backend.read(INSTANCE), [...rows, aggregateOf({ name: "kept" })]);
  });

  await step(
    "is written to by one start of a handler, the one that claims it last",
    async (sink, backend) => {
      await sink.open({ ...CONTEXT, claimant: claimantOf(1, "first") }, NEVER);
      await sink.write(batchOf([aggregateOf()], 6), NEVER);
      const second = backend.createSink(INSTANCE);
      try {
        await second.open({ ...CONTEXT, claimant: claimantOf(2, "second", ["first"]) }, NEVER);
        const fenced = sinkError("misconfigured", /written to by second, start 2, up to 7/);
        await assert.rejects(sink.write(batchOf([aggregateOf({ name: "zombie" })], 7), NEVER), fenced);
        await sink.close();
        await assert.rejects(sink.open({ ...CONTEXT, claimant: claimantOf(1, "first") }, NEVER), fenced);
        await second.write(batchOf([aggregateOf({ name: "b" })], 7), NEVER);
        const others = backend.createSink("plant-2");
        await others.open({ ...CONTEXT, claimant: claimantOf(1, "other") }, NEVER);
        await others.close();
      } finally {
        await second.close();
      }
      assertSameAggregates(await backend.read(INSTANCE), [aggregateOf(), aggregateOf({ name: "b" })]);
    },
  );

  await step(
    "tells starts of the same number, on two copies of one state, from each other",
    async (sink, backend) => {
      await sink.open({ ...CONTEXT, claimant: claimantOf(1, "first") }, NEVER);
      const copy = backend.createSink(INSTANCE);
      try {
        await copy.open({ ...CONTEXT, claimant: claimantOf(1, "copy", ["first"]) }, NEVER);
        await copy.write(batchOf([aggregateOf()], 6), NEVER);
        const fenced = sinkError("misconfigured", /written to by copy, start 1, up to 7/);
        await assert.rejects(sink.write(batchOf([aggregateOf({ name: "zombie" })], 6), NEVER), fenced);
      } finally {
        await copy.close();
      }
      assertSameAggregates(await backend.read(INSTANCE), [aggregateOf()]);
    },
  );

  await step("is claimed anew by the same start, by the next one, and by another state", async (sink) => {
    const first = claimantOf(1, "first");
    for (let i = 0; i < 2; i++) {
      await sink.open({ ...CONTEXT, claimant: first }, NEVER);
      await sink.write(batchOf([aggregateOf({ name: `n${i}` })], i), NEVER);
      await sink.close();
    }
    await sink.open({ ...CONTEXT, claimant: claimantOf(2, "second", ["first"]) }, NEVER);
    await sink.close();
    const wiped = { ...CONTEXT, stateId: "another", claimant: claimantOf(1, "wiped", ["second"]) };
    await sink.open(wiped, NEVER);
    await sink.write(batchOf([aggregateOf({ name: "c" })]), NEVER);
  });
}
