import assert from "node:assert/strict";
import type { Progress, SourceContext } from "../../../src/contract/source.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import { systemClock } from "../../../src/platform/clock/clock.ts";
import { FeedMemory } from "../../../src/sources/kafka/feed_memory.ts";
import { KafkaPartition } from "../../../src/sources/kafka/kafka_partition.ts";
import type { PartitionSurroundings } from "../../../src/sources/kafka/partition_surroundings.ts";
import { PartitionFeed } from "../../../src/sources/kafka/partition_feed.ts";
import { SILENT } from "../../support/logs.ts";

const NEVER = new AbortController().signal;
const OF = { topic: "t", partition: 0 };
const REQUEST = { limit: 10, waitMs: 0, isAfterRest: false };

/** A partition of a topic that has an id and an oldest record. */
function partitionOf(
  topicId: string,
  oldest: number,
  surroundings: Partial<PartitionSurroundings> = {},
): KafkaPartition {
  const feed = new PartitionFeed("partition t/0", OF, new FeedMemory(1e6, 1e6), () => {});
  feed.topicId = topicId;
  const context: SourceContext = {
    resume: new Map(),
    changed: () => {},
    arrived: () => {},
    heardTime: () => {},
    withheld: () => {},
    mayReadAhead: () => true,
    lineages: { readerOf: () => undefined, isKnown: () => false },
    clock: systemClock,
    logger: SILENT,
  };
  return new KafkaPartition(OF, feed, false, {
    context,
    reader: undefined,
    endsWhenRead: false,
    wait: () => Promise.resolve("none"),
    refresh: () => Promise.resolve(),
    offsetOf: () => Promise.resolve({ offset: oldest }),
    tenureOf: () => undefined,
    committed: () => {},
    ...surroundings,
  });
}

function progressAt(position: string | undefined): Progress {
  return { lineage: "kafka old/0", position, history: new LogHistory() };
}

Deno.test("of a topic that was made anew, what was unread of the old one and is gone of the new one is lost", async () => {
  // The end that the old topic had, as far as its brokers said; how far it was read; the oldest record of the
  // new one; and what is lost.
  for (
    const [end, position, oldest, lost] of [
      [10, "4", 0, 6],
      [10, "4", 3, 9],
      [10, undefined, 0, 10],
      // After a start, the end of the old topic is not known.
      [0, "4", 3, 3],
      [0, undefined, 0, 0],
    ] as const
  ) {
    const partition = partitionOf("new", oldest);
    partition.feed.ends = { end, stableEnd: end };
    const outcome = await partition.read(progressAt(position), new EventBatch(), REQUEST, NEVER);
    assert.deepEqual(outcome, {
      kind: "restarted",
      lineage: "kafka new/0",
      next: `${oldest}`,
      offset: undefined,
      lost,
    });
    // The new topic has not said yet where it ends.
    assert.equal(partition.unreadAfter(`${oldest}`), undefined);
  }
});

Deno.test("what another instance has now is not read on, even before the reader is told to end", async () => {
  const asked: string[] = [];
  let tenure: ReturnType<PartitionSurroundings["tenureOf"]> = "none";
  const partition = partitionOf("old", 0, {
    tenureOf: () => tenure,
    wait: () => {
      assert.ok(asked.length < 2, "it reads on");
      asked.push("records");
      tenure = "none";
      return Promise.resolve("records");
    },
  });
  const given = "810 epoch 2 begun 0 read 0 given 0/3";
  const idle = { kind: "idle", lineage: "kafka old/0", offset: undefined, lost: 0, decodeMs: 0 };
  const read = (position: string | undefined) =>
    partition.read(progressAt(position), new EventBatch(), REQUEST, NEVER);
  assert.deepEqual(await read(given), { ...idle, next: given });
  await assert.rejects(read(undefined), /another instance has it now/);
  assert.deepEqual(asked, []);
  // It is taken while a read waits.
  const held = "810 epoch 2 begun 0 read 0";
  tenure = { epoch: 2, from: undefined, begun: 0, giveTo: undefined };
  assert.deepEqual(await read(held), { ...idle, next: held });
  assert.deepEqual(asked, ["records"]);
});
