import assert from "node:assert/strict";
import { SinkError } from "../../src/contract/sink.ts";
import { FakeSink, type Fault } from "./fake_sink.ts";
import { aggregateOf, batchOf, CONTEXT, NEVER, sinkError } from "./sink_samples.ts";

Deno.test("FakeSink fails before, after and without an end, as it is told", async () => {
  const error = new SinkError("unavailable", "away");
  const faults: (Fault | undefined)[] = [
    undefined,
    { when: "before", error },
    { when: "hangs" },
    { when: "after", error },
  ];
  const sink = new FakeSink({ fault: () => faults.shift() });
  const batch = batchOf([aggregateOf()]);
  await sink.open(CONTEXT, NEVER);
  await assert.rejects(sink.write(batch, NEVER), error);
  assert.deepEqual(sink.rows(), []);
  const abort = new AbortController();
  const hanging = assert.rejects(sink.write(batch, abort.signal), sinkError("unavailable", /interrupted/));
  abort.abort();
  await hanging;
  assert.deepEqual(sink.rows(), []);
  await assert.rejects(sink.write(batch, NEVER), error);
  assert.deepEqual(sink.rows(), batch.aggregates);
});

Deno.test("FakeSink refuses what it is told to refuse, with the whole batch", async () => {
  const sink = new FakeSink({ isRejected: ({ name }) => name === "bad" });
  await sink.open(CONTEXT, NEVER);
  await assert.rejects(
    sink.write(batchOf([aggregateOf(), aggregateOf({ name: "bad" })]), NEVER),
    sinkError("rejected", /bad/),
  );
  assert.deepEqual(sink.rows(), []);
});

Deno.test("FakeSink remembers its position when it is given one", async () => {
  const sink = new FakeSink({ position: { nextId: 0 } });
  await sink.open(CONTEXT, NEVER);
  await sink.write(batchOf([aggregateOf()], 4), NEVER);
  assert.equal(await sink.open({ ...CONTEXT, cursor: 4 }, NEVER), 5);
});
