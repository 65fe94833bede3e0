import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { FeedMemory } from "../../../src/sources/kafka/feed_memory.ts";
import { PartitionFeed } from "../../../src/sources/kafka/partition_feed.ts";
import { RecordColumns } from "../../../src/sources/kafka/record_columns.ts";
import { TakenRecords } from "../../../src/sources/kafka/taken_records.ts";
import { randomNumbers } from "../../support/event_stream.ts";
import { testSeed } from "../../support/seed.ts";
import { batchOf, type BatchRecord } from "./batches.ts";

const SEED = testSeed(219);
const READS = 60;
const RECORD_MAX_BYTES = 1024 * 1024;
const KEPT_OF_LONG = 64 * 1024;

Deno.test("what is copied of records is their values, whatever stands between them", () => {
  const random = randomNumbers(SEED);
  const upTo = (most: number) => Math.floor(random() * (most + 1));
  const filler = (length: number) => Buffer.alloc(length, String.fromCharCode(0x61 + upTo(25)));
  // As for batches of events, one after the other uses the same columns.
  const columns = RecordColumns.of(new EventBatch());
  for (let read = 0; read < READS; read++) {
    const sent: BatchRecord[] = [];
    const batches = Array.from({ length: 1 + upTo(3) }, () => {
      // Little or much beside the values.
      const besideMax = [0, 10, 1000][upTo(2)]!;
      const records = Array.from({ length: 1 + upTo(20) }, (_, offsetDelta): BatchRecord => ({
        offsetDelta,
        timeDelta: upTo(1000),
        key: upTo(2) === 0 ? undefined : filler(upTo(besideMax)),
        value: upTo(9) === 0 ? undefined : filler(upTo(99) === 0 ? RECORD_MAX_BYTES + 1 : upTo(100)),
        headers: upTo(1) === 0 ? [] : [["h", filler(upTo(besideMax)).toString()]],
      }));
      const batch = batchOf(records, { firstOffset: sent.length, firstTimeMs: 1 });
      sent.push(...records);
      return batch;
    });
    const feed = new PartitionFeed("partition t/0", { topic: "t", partition: 0 }, new FeedMemory(), () => {});
    const asked = { topic: "t", partition: 0, topicId: undefined, offset: 0 };
    const end = sent.length;
    feed.answered(
      asked,
      { error: 0, end, stableEnd: end, aborted: [], batches: Buffer.concat(batches) },
      1,
    );
    const taken = new TakenRecords(columns);
    taken.take(feed, 1000, undefined);
    const copy = Buffer.from(taken.copyValues());
    const expected = sent.flatMap(({ key, timeDelta, value }, offset) => {
      if (value === undefined) return [];
      const kept = value.length + (key?.length ?? 0) > RECORD_MAX_BYTES ? KEPT_OF_LONG : value.length;
      return [{
        line: `${Buffer.from(value.subarray(0, kept)).toString("latin1")}\n`,
        key: key && Buffer.from(key).toString("latin1"),
        offset,
        timeMs: 1 + Number(timeDelta),
      }];
    });
    const found = Array.from({ length: taken.count }, (_, i) => ({
      line: copy.toString("latin1", taken.copyOf(i), taken.copyOf(i) + taken.keptOf(i) + 1),
      key: taken.keyOf(i),
      offset: taken.offsetOf(i),
      timeMs: taken.timeMsOf(i),
    }));
    assert.deepEqual(found, expected, `read ${read} of seed ${SEED}`);
  }
});
