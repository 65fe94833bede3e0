import assert from "node:assert/strict";
import { EventBatch } from "../../src/event/event_batch.ts";
import { AlignedPartition, ReadAlignment } from "../../src/ingest/read_alignment.ts";

const NEVER = new AbortController().signal;
const SPAN_MS = 10;

/** A batch of events of these times. */
function batchOf(...times: number[]): EventBatch {
  const batch = new EventBatch();
  batch.reset(new Uint8Array(0));
  for (const timeMs of times) {
    batch.reserve();
    batch.timeMs[batch.count++] = timeMs;
  }
  return batch;
}

/** Partitions that have begun, of which each has read events of these times. */
function aligned(...times: (number | undefined)[]): AlignedPartition[] {
  const alignment = new ReadAlignment(() => SPAN_MS);
  const partitions = times.map(() => new AlignedPartition(alignment, { waitsForOthers: true }));
  for (const partition of partitions) partition.begin();
  partitions.forEach((partition, i) => {
    if (times[i] !== undefined) partition.hasRead(batchOf(times[i]));
  });
  return partitions;
}

/** Whether a partition may be read by the time that `change` is done. */
async function mayRead(partition: AlignedPartition, change: () => void = () => {}): Promise<boolean> {
  const stop = new AbortController();
  let isNear = false;
  const near = partition.near(stop.signal).then(() => isNear = true);
  change();
  for (let i = 0; i < 10; i++) await Promise.resolve();
  const result = isNear;
  stop.abort();
  await near;
  return result;
}

Deno.test("a partition that is ahead waits until the one that is furthest behind comes near", async () => {
  const [first, second, third] = aligned(0, SPAN_MS, SPAN_MS + 1) as [
    AlignedPartition,
    AlignedPartition,
    AlignedPartition,
  ];
  assert.equal(await mayRead(first), true);
  assert.equal(await mayRead(second), true);
  assert.equal(await mayRead(third), false);
  assert.equal(await mayRead(third, () => first.hasRead(batchOf(1))), true);
  second.hasRead(batchOf(50));
  assert.equal(await mayRead(second, () => first.hasRead(batchOf(45))), false, "the third is behind now");
  assert.equal(await mayRead(second, () => third.rest()), true, "one that is at its end lets nobody wait");
});

Deno.test("all wait for a partition of which no valid event was read, which is asked for more each time", async () => {
  const [first, second] = aligned(5, undefined) as [AlignedPartition, AlignedPartition];
  assert.equal(await mayRead(first), false);
  assert.equal(first.limit(1000), 1000);
  const limits = [0, 1, 2].map(() => {
    const limit = second.limit(50);
    second.hasRead(batchOf());
    return limit;
  });
  assert.deepEqual(limits, [16, 32, 50]);
  assert.equal(await mayRead(first, () => second.hasRead(batchOf(3))), true);
});

Deno.test("single events with wrong times do not matter", async () => {
  const [first, second] = aligned(0, 0) as [AlignedPartition, AlignedPartition];
  first.hasRead(batchOf(-1e12, 1, 2, 3, 1e12));
  second.hasRead(batchOf(2 + SPAN_MS, 2 + SPAN_MS, 1e12));
  assert.equal(await mayRead(second), true);
  assert.equal(await mayRead(first), true);
});

Deno.test("a partition alone is asked for whole batches, and one that does not wait holds nobody back", async () => {
  const [alone] = aligned(undefined) as [AlignedPartition];
  assert.equal(alone.limit(1000), 1000);
  const alignment = new ReadAlignment(() => SPAN_MS);
  const waiting = new AlignedPartition(alignment, { waitsForOthers: true });
  const other = { waitsForOthers: true };
  const changing = new AlignedPartition(alignment, other);
  waiting.begin();
  changing.begin();
  waiting.hasRead(batchOf(100));
  assert.equal(await mayRead(waiting), false);
  other.waitsForOthers = false;
  await changing.near(NEVER);
  changing.hasRead(batchOf(0));
  assert.equal(await mayRead(waiting), true);
});

Deno.test("where a partition is follows from five events spread over its batch, whatever their order", () => {
  const times = Array<number>(20).fill(1e9);
  [2, 6, 10, 14, 18].forEach((at, i) => times[at] = [30, 10, 50, 20, 40][i]!);
  const [partition] = aligned(0) as [AlignedPartition];
  partition.hasRead(batchOf(...times));
  assert.equal(partition.timeMs, 30);
});

Deno.test("a batch without valid events leaves a partition where it was", () => {
  const [partition] = aligned(7) as [AlignedPartition];
  partition.hasRead(batchOf());
  assert.equal(partition.timeMs, 7);
});

Deno.test("a partition that rested and is read again is waited for again", async () => {
  const [first, second] = aligned(0, 50) as [AlignedPartition, AlignedPartition];
  first.rest();
  assert.equal(await mayRead(second), true);
  first.hasRead(batchOf(1));
  assert.equal(await mayRead(second), false);
});
