import assert from "node:assert/strict";
import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import { SinkError } from "../../src/contract/sink.ts";
import { canonicalLabels, LABELS_MAX } from "../../src/event/labels.ts";
import fc from "../support/fast_check.ts";
import { oddLabels } from "../support/odd_labels.ts";
import { testRowsOfSeries } from "./series_rows_contract.ts";
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
import { rowsOf } from "../support/rows_of.ts";

/**
 * Instances of this run alone: they name producers, and a broker accepts one producer of a name at a time.
 */
const [INSTANCE, OTHER] = ["one", "two"].map((name) => `${name}-${crypto.randomUUID().slice(0, 8)}`) as [
  string,
  string,
];

/** The contract of sinks as steps of `t`, each on its own backend. */
export async function testSinkContract(
  t: Deno.TestContext,
  createBackend: () => Promise<SinkBackend>,
): Promise<void> {
  const step = stepsOn(t, INSTANCE, createBackend);

  await step("answers the local cursor of a backend it has not written to", async (sink) => {
    assert.equal(await sink.open({ ...CONTEXT, cursor: 17 }, NEVER), 17);
  });

  await step("gives back every name, number and window unchanged", async (sink, backend) => {
    const aggregates = [
      ...AWKWARD_NAMES.map((name) => aggregateOf({ name })),
      ...AWKWARD_VALUES.map((value, index) => aggregateOf({ name: `value-${index}`, value })),
      ...AWKWARD_COUNTS.map((count) => aggregateOf({ name: `count-${count}`, count })),
      ...AWKWARD_WINDOWS.map(([windowStartMs, windowEndMs]) =>
        aggregateOf({ name: "window", windowStartMs, windowEndMs })
      ),
      aggregateOf({ name: "function", aggFunc: "p99.9" }),
      aggregateOf({ name: "revision", revision: 2 ** 31 - 1 }),
    ];
    await sink.open(CONTEXT, NEVER);
    await sink.write(batchOf(aggregates), NEVER);
    assertSameAggregates(await backend.read(INSTANCE), aggregates);
  });

  await step("gives back the labels of every series unchanged", async (sink, backend) => {
    const sets = new Set(fc.sample(oddLabels, { numRuns: 500, seed: 13 }).map(canonicalLabels));
    const most = Object.fromEntries(Array.from({ length: LABELS_MAX }, (_, i) => [`label-${i}`, `ä${i}`]));
    const aggregates = [...sets, canonicalLabels(most)].map((labels) =>
      aggregateOf(labels === "" ? {} : { labels })
    );
    await sink.open(CONTEXT, NEVER);
    await sink.write(batchOf(aggregates), NEVER);
    assertSameAggregates(await backend.read(INSTANCE), aggregates);
    await sink.write(batchOf(aggregates.map((row) => ({ ...row, revision: 1 }))), NEVER);
    assertSameAggregates(await backend.read(INSTANCE), aggregates.map((row) => ({ ...row, revision: 1 })));
  });

  await step(
    "writes what is made for it row by row, and asks for nothing once that is over",
    async (sink, backend) => {
      const rows = Array.from({ length: 300 }, (_, i) =>
        aggregateOf({
          name: `n${i * 7 % 100}`,
          aggFunc: i % 2 === 0 ? "min" : "max",
          windowStartMs: 60_000 * (i % 3),
          windowEndMs: 60_000 * (i % 3 + 1),
          value: i,
          ...(i % 5 === 0 && { labels: '{"line":"7"}' }),
        }));
      let isOver = false;
      const at = (index: number) => {
        assert.ok(!isOver, "the batch was written");
        return rows[index] && { ...rows[index] };
      };
      const aggregates = {
        length: rows.length,
        at,
        *[Symbol.iterator]() {
          for (let i = 0; i < rows.length; i++) yield at(i)!;
        },
      };
      await sink.open(CONTEXT, NEVER);
      await sink.write({ ...batchOf(rows), aggregates }, NEVER);
      isOver = true;
      await sink.write(batchOf([aggregateOf()], rows.length), NEVER);
      assertSameAggregates(await backend.read(INSTANCE), [...rows, aggregateOf()]);
    },
  );

  await step("leaves the same after the same batch twice", async (sink, backend) => {
    const batch = batchOf([aggregateOf(), aggregateOf({ name: "boiler.pressure", revision: 2 })]);
    await sink.open(CONTEXT, NEVER);
    await sink.write(batch, NEVER);
    await sink.write(batch, NEVER);
    assertSameAggregates(await backend.read(INSTANCE), rowsOf(batch));
  });

  await step("answers how far it holds the outbox, where it keeps the position", async (sink) => {
    await sink.open({ ...CONTEXT, cursor: 5 }, NEVER);
    await sink.write(batchOf([aggregateOf(), aggregateOf({ name: "b" })], 5), NEVER);
    await sink.close();
    const next = await sink.open({ ...CONTEXT, cursor: 5 }, NEVER);
    assert.equal(next, sink.repeat === "positioned" ? 7 : 5);
  });

  await step("replaces what it holds at the same revision only when told to", async (sink, backend) => {
    if (sink.repeat !== "upsert") return;
    const held = aggregateOf({ revision: 2, value: 1 });
    const batch = batchOf([aggregateOf({ revision: 2, value: 2 }), aggregateOf({ name: "b" })]);
    await sink.open(CONTEXT, NEVER);
    await sink.write(batchOf([held]), NEVER);
    await sink.write(batch, NEVER);
    assertSameAggregates(await backend.read(INSTANCE), [held, rowsOf(batch)[1]!]);
    await sink.write({ ...batch, overwrites: true }, NEVER);
    assertSameAggregates(await backend.read(INSTANCE), rowsOf(batch));
    await sink.write({ ...batchOf([aggregateOf({ revision: 1, value: 3 })]), overwrites: true }, NEVER);
    assertSameAggregates(await backend.read(INSTANCE), rowsOf(batch));
  });

  await step("reads its rows back without having been opened", async (sink, backend) => {
    const first = aggregateOf({ name: "a", count: 5, value: 5e-324, labels: '{"line":"7"}' });
    const later = aggregateOf({
      name: "b",
      count: 2 ** 40,
      windowStartMs: first.windowEndMs,
      windowEndMs: first.windowEndMs + 100,
    });
    await sink.open(CONTEXT, NEVER);
    await sink.write(batchOf([first, { ...later, revision: 1 }]), NEVER);
    await sink.close();
    const other = backend.createSink(OTHER);
    const reader = backend.createSink(INSTANCE);
    try {
      await other.open(CONTEXT, NEVER);
      await other.write(batchOf([{ ...first, count: 9 }]), NEVER);
      const { readBack } = reader;
      if (readBack === undefined) return;
      assert.equal(await readBack.sumOfCounts(INSTANCE, -Infinity, NEVER), 5 + 2 ** 40);
      assert.equal(await readBack.sumOfCounts(INSTANCE, later.windowStartMs, NEVER), 2 ** 40);
      const lengthMs = first.windowEndMs - first.windowStartMs;
      assert.equal(await readBack.sumOfCounts(INSTANCE, -Infinity, NEVER, lengthMs), 5);
      assert.equal(await readBack.sumOfCounts(INSTANCE, -Infinity, NEVER, 100), 2 ** 40);
      for (const row of [first, { ...later, revision: 1 }]) {
        const { windowStartMs, windowEndMs } = row;
        const rows = await readBack.rowsOfWindow(INSTANCE, windowStartMs, windowEndMs, NEVER);
        assertSameAggregates(rows, [row]);
      }
      assert.deepEqual([...await readBack.flaws?.(INSTANCE, -Infinity, () => false, NEVER) ?? []], []);
      assert.deepEqual(await readBack.rowsOfWindow(INSTANCE, 0, 1000, NEVER), []);
      assert.equal(await readBack.sumOfCounts(OTHER, -Infinity, NEVER), 9);
      assert.equal(await readBack.sumOfCounts(OTHER, later.windowStartMs, NEVER), 0);
    } finally {
      await other.close();
      await reader.close();
    }
  });

  await testRowsOfSeries(step, INSTANCE, OTHER);

  await step("keeps the highest revision, whichever comes last", async (sink, backend) => {
    const corrected = aggregateOf({ revision: 2, value: 2, count: 20 });
    await sink.open(CONTEXT, NEVER);
    for (const part of [{ revision: 1, value: 1 }, corrected, { revision: 1, value: 3 }, { value: 4 }]) {
      await sink.write(batchOf([aggregateOf(part)]), NEVER);
    }
    await sink.write(batchOf([{ ...corrected, value: 5 }]), NEVER);
    assertSameAggregates(await backend.read(INSTANCE), [corrected]);
  });

  await step("keeps the highest of several revisions in one batch", async (sink, backend) => {
    const revisions = [1, 3, 0, 2].map((revision) => aggregateOf({ revision, value: revision * 10 }));
    await sink.open(CONTEXT, NEVER);
    await sink.write(batchOf(revisions), NEVER);
    assertSameAggregates(await backend.read(INSTANCE), [revisions[1]!]);
  });

  await step("tells apart, in one batch, what differs in a single part of its key", async (sink, backend) => {
    const first = aggregateOf();
    const aggregates = [
      first,
      aggregateOf({ name: `${first.name}s` }),
      aggregateOf({ labels: '{"line":"7"}' }),
      aggregateOf({ labels: '{"line":"8"}' }),
      aggregateOf({ labels: '{"line":""}' }),
      aggregateOf({ labels: '{"":"7","line":"7"}' }),
      aggregateOf({ aggFunc: "max" }),
      aggregateOf({ windowStartMs: first.windowStartMs - 1000 }),
      aggregateOf({ windowEndMs: first.windowEndMs + 1000 }),
    ].map((aggregate, index) => ({ ...aggregate, value: index }));
    await sink.open(CONTEXT, NEVER);
    await sink.write(batchOf(aggregates), NEVER);
    assertSameAggregates(await backend.read(INSTANCE), aggregates);
    const corrected = aggregates.map((aggregate) => ({
      ...aggregate,
      revision: 1,
      value: aggregate.value + 100,
    }));
    await sink.write(batchOf([...aggregates, ...corrected].reverse()), NEVER);
    assertSameAggregates(await backend.read(INSTANCE), corrected);
  });

  await step("takes more aggregates at once than fit into a request", async (sink, backend) => {
    const aggregates = Array.from(
      { length: 30_000 },
      (_, index) => aggregateOf({ name: `sensor-${index}`, value: index / 7, count: index + 1 }),
    );
    await sink.open(CONTEXT, NEVER);
    await sink.write(batchOf(aggregates), NEVER);
    assertSameAggregates(await backend.read(INSTANCE), aggregates);
  });

  await step("takes an empty batch", async (sink, backend) => {
    await sink.open(CONTEXT, NEVER);
    await sink.write({ ...batchOf([]), nextId: 5 }, NEVER);
    assert.deepEqual(await backend.read(INSTANCE), []);
  });

  await step("keeps instances apart", async (sink, backend) => {
    const other = backend.createSink(OTHER);
    try {
      await sink.open(CONTEXT, NEVER);
      await other.open(CONTEXT, NEVER);
      await sink.write(batchOf([aggregateOf({ value: 1 })]), NEVER);
      await other.write(batchOf([aggregateOf({ value: 2, revision: 1 })]), NEVER);
    } finally {
      await other.close();
    }
    assertSameAggregates(await backend.read(INSTANCE), [aggregateOf({ value: 1 })]);
    assertSameAggregates(await backend.read(OTHER), [aggregateOf({ value: 2, revision: 1 })]);
  });

  await step("probes without leaving a trace", async (sink, backend) => {
    assert.notEqual(await sink.probe(NEVER), "");
    await sink.open(CONTEXT, NEVER);
    assert.notEqual(await sink.probe(NEVER), "");
    assert.deepEqual(await backend.read(INSTANCE), []);
  });

  await step("writes nothing once interrupted, and goes on after opening anew", async (sink, backend) => {
    const batch = batchOf([aggregateOf()]);
    await sink.open(CONTEXT, NEVER);
    await assert.rejects(sink.write(batch, AbortSignal.abort()), sinkError("unavailable"));
    assert.deepEqual(await backend.read(INSTANCE), []);
    await sink.close();
    await sink.open(CONTEXT, NEVER);
    await sink.write(batch, NEVER);
    assertSameAggregates(await backend.read(INSTANCE), rowsOf(batch));
  });

  await step("leaves each row once where it was written and its answer was lost", async (sink, backend) => {
    const aggregates: Aggregate[] = [];
    const wired = backend.createWiredSink?.(INSTANCE);
    const writer = wired?.sink ?? sink;
    try {
      await writer.open(CONTEXT, NEVER);
      for (let pieces = 0, isOver = false; !isOver; pieces++) {
        assert.ok(pieces < ANSWER_PIECES_MAX, "a batch is answered without an end");
        const next = aggregateOf({ name: `n${pieces}`, value: pieces });
        const batch = batchOf([next, { ...next, aggFunc: "max" }], aggregates.length);
        aggregates.push(...batch.aggregates);
        wired?.wire.loseAnswerAfter(pieces);
        try {
          await writer.write(batch, NEVER);
        } catch (error) {
          assert.ok(error instanceof SinkError, `not a SinkError: ${error}`);
          assert.ok(["unavailable", "timed_out"].includes(error.kind), `${error.kind}: ${error.message}`);
        }
        // With this many pieces no answer can be lost any more.
        isOver = !wired?.wire.hasLostAnswer;
        wired?.wire.mend();
        await writer.close();
        const goOnAt = await writer.open({ ...CONTEXT, cursor: batch.firstId }, NEVER);
        assert.ok(goOnAt === batch.firstId || goOnAt === batch.nextId, `it goes on at ${goOnAt}`);
        if (goOnAt === batch.firstId) await writer.write(batch, NEVER);
        await writer.close();
        await writer.open({ ...CONTEXT, cursor: batch.nextId }, NEVER);
      }
      assertSameAggregates(await backend.read(INSTANCE), aggregates);
    } finally {
      await writer.close();
    }
  });

  await step("closes in any state, and opens again", async (sink, backend) => {
    await sink.close();
    await sink.open(CONTEXT, NEVER);
    await sink.write(batchOf([aggregateOf({ name: "before" })]), NEVER);
    await sink.close();
    await sink.close();
    await sink.open({ ...CONTEXT, cursor: 1 }, NEVER);
    await sink.write(batchOf([aggregateOf({ name: "after" })], 1), NEVER);
    assertSameAggregates(
      await backend.read(INSTANCE),
      [aggregateOf({ name: "before" }), aggregateOf({ name: "after" })],
    );
  });
}

/** More pieces than the answer to a batch of a few rows has. */
const ANSWER_PIECES_MAX = 100;

const AWKWARD_NAMES = [
  "plain",
  `'single' "double" ''`,
  "back\\slash \\\\ \\' \\\" \\n",
  "{braces},[brackets];--/*comment*/",
  "NULL",
  " spaces ",
  "line\nbreak\ttab\r",
  "käse-Straße-温度-ज्वार",
  "family 👩‍👩‍👧‍👦 flag 🇩🇪",
  "$1 %s ${x} ?",
  "x".repeat(512),
  // The longest name in UTF-8, without repetitions, so that nothing can compress it.
  Array.from({ length: 512 }, (_, index) => String.fromCharCode(0x4e00 + index * 31)).join(""),
];
const AWKWARD_VALUES = [
  0,
  -0,
  5e-324,
  -5e-324,
  1e308,
  -1e308,
  0.1 + 0.2,
  1 / 3,
  2 ** 53,
  123_456_789.123_456_78,
];
const AWKWARD_COUNTS = [1, 2 ** 31, 2 ** 53 - 1];
const AWKWARD_WINDOWS = [
  [0, 100],
  [1_700_000_000_100, 1_700_000_000_200],
  [1_700_000_000_001, 1_700_000_000_334],
  [1_699_999_200_000, 1_700_085_600_000],
] as const;
