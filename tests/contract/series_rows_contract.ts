import assert from "node:assert/strict";
import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import type { Sink } from "../../src/contract/sink.ts";
import type { SoughtRows } from "../../src/contract/read_back.ts";
import { aggregateOf, batchOf, CONTEXT, NEVER, type SinkBackend } from "./sink_samples.ts";

type Step = (name: string, work: (sink: Sink, backend: SinkBackend) => Promise<void>) => Promise<unknown>;

/** The step for sinks that find the rows of a series without reading everything. */
export async function testRowsOfSeries(step: Step, instance: string, other: string): Promise<void> {
  await step("finds the rows of a series, whole windows at a time", async (sink, backend) => {
    const at = (second: number, part: Partial<Aggregate>) =>
      aggregateOf({
        windowStartMs: 1_700_000_000_000 + second * 1000,
        windowEndMs: 1_700_000_000_000 + (second + 10) * 1000,
        ...part,
      });
    const longer = { windowEndMs: 1_700_000_060_000 };
    const rows = [
      at(0, { name: "a" }),
      at(0, { name: "a", labels: '{"line":"7","site":"n"}' }),
      at(0, { name: "a", aggFunc: "max" }),
      at(0, { name: "a", ...longer }),
      at(10, { name: "ab" }),
      at(20, { name: "a", labels: '{"line":"7"}' }),
      at(30, { name: "a" }),
    ];
    await sink.open(CONTEXT, NEVER);
    await sink.write(batchOf(rows), NEVER);
    await sink.close();
    const reader = backend.createSink(instance);
    try {
      const { readBack } = reader;
      if (readBack?.rowsOfSeries === undefined) return;
      const span = { fromMs: 1_700_000_000_000, untilMs: 1_700_000_030_000 };
      const every = { name: "a", labels: {}, aggFunc: undefined, lengthMs: undefined, limit: 10, ...span };
      const find = async (part: Partial<SoughtRows>, of = instance) => {
        const { aggregates, reachedMs } = await readBack.rowsOfSeries!(
          of,
          { ...every, ...part },
          NEVER,
        );
        return { rows: rows.map((row) => aggregates.some((found) => isSame(found, row)) ? 1 : 0), reachedMs };
      };
      assert.deepEqual((await find({})).rows, [1, 1, 1, 1, 0, 1, 0]);
      assert.equal((await find({})).reachedMs, span.untilMs);
      assert.deepEqual((await find({ labels: { line: "7" } })).rows, [0, 1, 0, 0, 0, 1, 0]);
      assert.deepEqual((await find({ aggFunc: "max" })).rows, [0, 0, 1, 0, 0, 0, 0]);
      assert.deepEqual((await find({ lengthMs: 60_000 })).rows, [0, 0, 0, 1, 0, 0, 0]);
      assert.deepEqual((await find({ fromMs: span.fromMs + 1 })).rows, [0, 0, 0, 0, 0, 1, 0]);
      assert.deepEqual((await find({}, other)).rows, [0, 0, 0, 0, 0, 0, 0]);
      assert.equal((await find({ fromMs: 0, untilMs: 1 })).reachedMs, 1);
      const first = await find({ limit: 1 });
      assert.deepEqual(first.rows.slice(0, 4), [1, 1, 1, 1], "the whole window");
      const rest = await find({ fromMs: first.reachedMs });
      assert.deepEqual(rest.rows.map((found, i) => found + first.rows[i]!), [1, 1, 1, 1, 0, 1, 0]);
    } finally {
      await reader.close();
    }
  });
}

function isSame(a: Aggregate, b: Aggregate): boolean {
  return a.name === b.name && a.labels === b.labels && a.aggFunc === b.aggFunc && a.value === b.value &&
    a.windowStartMs === b.windowStartMs && a.windowEndMs === b.windowEndMs && a.count === b.count;
}
