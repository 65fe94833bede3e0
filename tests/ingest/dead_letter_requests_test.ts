import assert from "node:assert/strict";
import { leaveRequest, readDeadLetterIds, readDeadLetters } from "../../src/state/letters/dead_letters.ts";
import { StateError } from "../../src/state/file/state_error.ts";
import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import { FakeSink } from "../contract/fake_sink.ts";
import { ALL_WINDOWS } from "../../src/control/span.ts";
import { verify } from "../../src/control/verification.ts";
import { MemorySource, openRig, type Rig } from "./rig.ts";
import { CONTEXT } from "../contract/sink_samples.ts";
import { rowsOf } from "../support/rows_of.ts";

const NOW_MS = 1_000_000_000;
const NOW_S = NOW_MS / 1000;
const NEVER = new AbortController().signal;

async function withRig(flags: Record<string, string>, work: (rig: Rig, bus: MemorySource) => Promise<void>) {
  const directory = await Deno.makeTempDir({ prefix: "vabus-requests-" });
  const bus = new MemorySource();
  const rig = openRig(directory, [bus], NOW_MS, flags);
  try {
    await work(rig, bus);
  } finally {
    rig[Symbol.dispose]();
    await Deno.remove(directory, { recursive: true });
  }
}

/** Takes in what the bus has, and closes the windows that are due. */
async function takeIn({ core, readers }: Rig): Promise<void> {
  await readers[0]!.drain(NEVER);
  core.ingest.checkpointNow();
}

/** Brings the outbox to the sink; what `isRejected` says becomes a dead letter. */
async function deliver(
  { core: { outbox, ingest } }: Rig,
  sink: FakeSink,
  isRejected: (aggregate: Aggregate) => boolean,
): Promise<Aggregate[]> {
  const seen: Aggregate[] = [];
  await sink.open({ ...CONTEXT, stateId: outbox.stateId, endId: outbox.endId() }, NEVER);
  for (let batch; (batch = outbox.read("sqlite", outbox.cursor("sqlite"), 1)) !== undefined;) {
    seen.push(...batch.aggregates);
    const refused = rowsOf(batch).find(isRejected);
    if (refused) outbox.reject("sqlite", refused, { reason: "rejected", detail: "no" }, batch.nextId);
    else {
      await sink.write(batch, NEVER);
      outbox.advance("sqlite", batch.nextId);
    }
  }
  ingest.checkpointNow();
  return seen;
}

async function assertProven({ core: { state } }: Rig, sink: FakeSink): Promise<void> {
  const proof = await verify(state, [sink], ALL_WINDOWS, NEVER);
  assert.ok(proof.proven, JSON.stringify(proof));
}

function deadLetterIds({ core: { state } }: Rig): number[] {
  return readDeadLetters(state, { limit: 100 }).map(({ id }) => id);
}

const event = (value: number, timestamp: number) => ({ name: "a", value, timestamp });

Deno.test("a dead letter that two requests name is put back once", () =>
  withRig({ MAX_FUTURE_SKEW: "10" }, async (rig, bus) => {
    bus.publish(event(1, NOW_S), event(2, NOW_S + 20));
    await takeIn(rig);
    const ids = deadLetterIds(rig);
    assert.equal(ids.length, 1);
    rig.clock.ms += 60_000;
    leaveRequest(rig.core.state, "retry", ids);
    leaveRequest(rig.core.state, "retry", [...ids, ...ids]);
    leaveRequest(rig.core.state, "purge", ids);
    rig.core.ingest.checkpointNow();
    const { received, aggregated, future } = rig.core.aggregator.books;
    assert.deepEqual({ received, aggregated, future }, { received: 2, aggregated: 2, future: 0 });
    assert.deepEqual(rig.core.ingest.fulfilled, { retried: 1, purged: 0 });
    assert.deepEqual(deadLetterIds(rig), []);
  }));

Deno.test("very many dead letters come back in several checkpoints, each once, over a restart between them", async () => {
  const directory = await Deno.makeTempDir({ prefix: "vabus-requests-" });
  const bus = new MemorySource();
  const open = () => openRig(directory, [bus], NOW_MS, { MAX_FUTURE_SKEW: "10" });
  const count = 2_500;
  try {
    {
      using rig = open();
      const { ingest, state } = rig.core;
      bus.publish(...Array.from({ length: count }, () => event(1, NOW_S + 20)));
      await takeIn(rig);
      const ids = readDeadLetterIds(state, {});
      assert.equal(ids.length, count);
      rig.clock.ms += 60_000;
      leaveRequest(state, "retry", ids);
      leaveRequest(state, "purge", ids.slice(-10));
      ingest.fulfilRequests();
      assert.deepEqual(ingest.fulfilled, { retried: 1000, purged: 0 });
      assert.deepEqual(readDeadLetterIds(state, {}), ids.slice(1000));
    }
    using rig = open();
    rig.clock.ms += 60_000;
    for (const retried of [1000, 1500]) {
      rig.core.ingest.fulfilRequests();
      assert.equal(rig.core.ingest.fulfilled.retried, retried);
    }
    assert.deepEqual(deadLetterIds(rig), []);
    const { received, aggregated, future } = rig.core.aggregator.books;
    assert.deepEqual({ received, aggregated, future }, { received: count, aggregated: count, future: 0 });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("many dead letters of many bytes come back in several checkpoints too", () =>
  withRig({ MAX_FUTURE_SKEW: "10" }, async (rig, bus) => {
    const { ingest, state } = rig.core;
    bus.publish(
      ...Array.from({ length: 1500 }, () => ({ ...event(1, NOW_S + 20), note: "x".repeat(20_000) })),
    );
    await takeIn(rig);
    rig.clock.ms += 60_000;
    leaveRequest(state, "retry", readDeadLetterIds(state, {}));
    ingest.fulfilRequests();
    assert.equal(ingest.fulfilled.retried, 1000);
    ingest.fulfilRequests();
    assert.equal(ingest.fulfilled.retried, 1500);
  }));

Deno.test("where the dead letters of a second request cannot be read, those of the first come back once", () =>
  withRig({ MAX_FUTURE_SKEW: "10" }, async (rig, bus) => {
    const { checkpoint, ingest, state } = rig.core;
    bus.publish(event(1, NOW_S + 20), event(2, NOW_S + 20));
    await takeIn(rig);
    rig.clock.ms += 60_000;
    const [first, second] = deadLetterIds(rig);
    leaveRequest(state, "retry", [first!]);
    leaveRequest(state, "retry", [second!]);
    const read = checkpoint.deadLetters.bind(checkpoint);
    checkpoint.deadLetters = (ids) => {
      if (ids.includes(second!)) throw new StateError("unwritable", "the disk does not answer");
      return read(ids);
    };
    assert.equal(ingest.checkpointNow(), false);
    checkpoint.deadLetters = read;
    for (let i = 0; i < 2; i++) assert.equal(ingest.checkpointNow(), true);
    const { received, aggregated, future } = rig.core.aggregator.books;
    assert.deepEqual({ received, aggregated, future }, { received: 2, aggregated: 2, future: 0 });
    assert.deepEqual([deadLetterIds(rig), ingest.fulfilled.retried], [[], 2]);
  }));

Deno.test("a rejected aggregate that a newer revision has overtaken is not sent again", () =>
  withRig({}, async (rig, bus) => {
    const sink = new FakeSink({ instance: "rig" });
    bus.publish(event(1, NOW_S - 100), event(1, NOW_S - 50));
    await takeIn(rig);
    await deliver(rig, sink, ({ windowStartMs }) => windowStartMs === NOW_MS - 100_000);
    const ids = deadLetterIds(rig);
    assert.equal(ids.length, 1);
    bus.publish(event(1, NOW_S - 100));
    await takeIn(rig);
    // The next revision, which is on its way, holds all of it: the dead letter is settled, and nothing is
    // sent for it.
    leaveRequest(rig.core.state, "retry", ids);
    rig.core.ingest.checkpointNow();
    assert.deepEqual(deadLetterIds(rig), []);
    await assertProven(rig, sink);
    assert.deepEqual((await deliver(rig, sink, () => false)).map(({ revision }) => revision), [1]);
    await assertProven(rig, sink);
  }));

Deno.test("of two rejected revisions the newest is sent again, once", () =>
  withRig({}, async (rig, bus) => {
    const sink = new FakeSink({ instance: "rig" });
    for (let i = 0; i < 2; i++) {
      bus.publish(event(1, NOW_S - 100), event(1, NOW_S - 50));
      await takeIn(rig);
      await deliver(rig, sink, ({ windowStartMs }) => windowStartMs === NOW_MS - 100_000);
    }
    const ids = deadLetterIds(rig);
    assert.equal(ids.length, 2);
    for (const expected of [[1], []]) {
      leaveRequest(rig.core.state, "retry", ids);
      rig.core.ingest.checkpointNow();
      await assertProven(rig, sink);
      assert.deepEqual((await deliver(rig, sink, () => false)).map(({ revision }) => revision), expected);
      await assertProven(rig, sink);
    }
    assert.deepEqual(deadLetterIds(rig), []);
  }));

Deno.test("what a sink lacks for good stays in the books when its window is forgotten", () =>
  withRig({ CORRECTION_HORIZON: "60" }, async (rig, bus) => {
    const sink = new FakeSink({ instance: "rig" });
    bus.publish(event(1, NOW_S - 100), event(1, NOW_S - 80));
    await takeIn(rig);
    await deliver(rig, sink, () => false);
    bus.publish(event(1, NOW_S - 100));
    await takeIn(rig);
    // The sink has revision 0 with one event; of revision 1 it lacks one.
    await deliver(rig, sink, ({ revision }) => revision === 1);
    leaveRequest(rig.core.state, "purge", deadLetterIds(rig));
    rig.core.ingest.checkpointNow();
    await assertProven(rig, sink);
    // The clock has stood by what it says for the horizon and a window.
    rig.clock.ms += 70_000;
    bus.publish(event(1, NOW_S));
    await takeIn(rig);
    const left = rig.core.state.get("SELECT 1 FROM segment WHERE window_start_ms = ?", NOW_MS - 100_000);
    assert.equal(left, undefined);
    await deliver(rig, sink, () => false);
    await assertProven(rig, sink);
  }));

Deno.test("a window is forgotten as a whole", () =>
  withRig({ CORRECTION_HORIZON: "60" }, async (rig, bus) => {
    const sink = new FakeSink({ instance: "rig" });
    bus.publish(event(1, NOW_S - 100), event(1, NOW_S - 80));
    await takeIn(rig);
    await deliver(rig, sink, () => false);
    // Another segment of the window, which waits while the window becomes final.
    bus.publish({ name: "b", value: 1, timestamp: NOW_S - 100 });
    await takeIn(rig);
    bus.publish(event(1, NOW_S));
    await takeIn(rig);
    await assertProven(rig, sink);
    await deliver(rig, sink, () => false);
    await assertProven(rig, sink);
  }));
