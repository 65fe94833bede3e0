import assert from "node:assert/strict";
import { ReadingProgress } from "../../../src/sinks/kafka/reading_progress.ts";
import { TopicEnds } from "../../../src/sinks/kafka/topic_ends.ts";

const written = (partition: number, baseOffset?: string) => ({
  topicName: "t",
  errorCode: 0,
  partition,
  ...(baseOffset === undefined ? undefined : { baseOffset }),
});

Deno.test("records that come before earlier ones show how many are gone", () => {
  const ends = new TopicEnds("t");
  const gone = (...answers: ReturnType<typeof written>[]) => ends.moved(answers)?.count;
  assert.equal(gone(), undefined);
  assert.equal(gone(written(0, "0"), written(1, "7")), undefined);
  assert.equal(gone(written(0, "1"), written(1, "8")), undefined);
  assert.equal(
    gone(written(0, "5"), written(1)),
    undefined,
    "others may write, and an offset may be missing",
  );
  assert.equal(gone(written(0, "-1")), undefined);
  assert.equal(gone(written(0, "5"), written(1, "9")), 1, "0 was to go on at 6");
  assert.equal(gone(written(0, "2"), written(1, "3")), 4 + 7);
  assert.equal(gone(written(0, "3"), written(1, "4")), undefined, "from there it goes on");
  const { kind, detail } = ends.moved([written(0, "0")])!;
  assert.equal(kind, "rows_missing");
  assert.match(detail, /^the topic t ends before records that it has confirmed/);
});

const END = { partition: 0, firstOffset: 10, stableOffset: 20, endOffset: 20 };

Deno.test("a reader ends where the partitions ended when it began", () => {
  const progress = new ReadingProgress([END, { ...END, partition: 1, firstOffset: 5, endOffset: 5 }]);
  const advance = (partition: number, next: number) => progress.advance(partition, next);
  assert.equal(progress.isComplete, false);
  assert.equal(progress.text, "0 of 10 offsets read");
  assert.deepEqual([advance(0, 10), advance(0, 9), advance(2, 99), advance(1, 6)], [
    false,
    false,
    false,
    false,
  ]);
  assert.equal(advance(0, 19), true);
  assert.equal(progress.text, "9 of 10 offsets read");
  assert.equal(progress.isComplete, false);
  assert.equal(advance(0, 25), true);
  assert.equal(progress.isComplete, true);
  assert.equal(progress.text, "10 of 10 offsets read");
  assert.equal(advance(0, 26), false);
  assert.equal(new ReadingProgress([]).isComplete, true);
});

Deno.test("an open transaction holds a reader back where it is at the last stable offset, before the end", () => {
  const progress = new ReadingProgress([
    { ...END, stableOffset: 15 },
    { ...END, partition: 1, stableOffset: 10 },
    { ...END, partition: 2, stableOffset: 10 },
  ]);
  const held = (...ends: (typeof END)[]) => progress.heldBack(ends).map(({ partition }) => partition);
  assert.equal(
    progress.text,
    "0 of 30 offsets read, waiting for an open transaction to end in partition 1, 2",
  );
  progress.advance(0, 14);
  progress.advance(1, 20);
  const now = [0, 1, 2, 3].map((partition) => ({ ...END, partition, stableOffset: 15 }));
  assert.deepEqual(held(...now), []);
  progress.advance(0, 15);
  assert.deepEqual(held(...now), [0]);
  assert.deepEqual(held({ ...END, stableOffset: 16 }), []);
  assert.deepEqual(held({ ...END, partition: 1, stableOffset: 10 }), [], "it is at its end");
});
