/** What an inbox takes and holds, to the byte; what ends a wait; and what a commit that fails leaves. */
import assert from "node:assert/strict";
import { systemClock } from "../../../src/platform/clock/clock.ts";
import type { RecordRun } from "../../../src/sources/listen/decoder.ts";
import { giveWay } from "../../../src/platform/clock/steps.ts";
import { Inbox } from "../../../src/sources/listen/inbox.ts";
import { InboxFullError } from "../../../src/sources/listen/inbox_full_error.ts";
import type { KeyedAnswer } from "../../../src/sources/listen/answer_store.ts";
import { InboxStore } from "../../../src/sources/listen/inbox_store.ts";
import { RecentRuns } from "../../../src/sources/listen/recent_runs.ts";
import { temporaryDirectory } from "../../support/executable.ts";
import { runOf } from "./runs.ts";

const MIB = 1024 * 1024;
/** What a run, and each of its records, count for beside their bytes. */
const [RUN_BYTES, END_BYTES] = [256, 4] as const;
const NEVER = new AbortController().signal;
const DECODER = new TextDecoder();

async function withInbox(
  maxBytes: number,
  work: (inbox: Inbox, reopen: () => Inbox) => Promise<void>,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const open = () => Inbox.open(`${directory.path}/inbox.sqlite`, maxBytes);
  let inbox = open();
  const reopen = () => {
    inbox.close();
    return inbox = open();
  };
  try {
    await work(inbox, reopen);
  } finally {
    inbox.close();
  }
}

/** The texts of the records that a read gives, run by run. */
function read(inbox: Inbox, offset: number, limit = 1000): string[][] {
  return inbox.read(offset, limit).map(({ run: { records: { bytes, ends } }, from, to }) =>
    Array.from({ length: to - from }, (_, i) => {
      const start = from + i === 0 ? 0 : ends[from + i - 1]! + 1;
      return DECODER.decode(bytes.subarray(start, ends[from + i]));
    })
  );
}

/** Whether a promise is settled once all that is due has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let isDone = false;
  void promise.then(() => isDone = true, () => isDone = true);
  for (let turn = 0; turn < 9; turn++) await Promise.resolve();
  return isDone;
}

Deno.test("an inbox has room for its bytes exactly, those that wait included", () =>
  withInbox(2 * (RUN_BYTES + END_BYTES) + 10, async (inbox) => {
    assert.deepEqual([inbox.bytes, inbox.isFull], [0, false]);
    const first = inbox.append([runOf("abcde")], 0);
    const weight = 5 + END_BYTES + RUN_BYTES;
    assert.deepEqual([inbox.bytes, inbox.isFull, inbox.next], [weight, false, 0]);
    await assert.rejects(inbox.append([runOf("abcdef")], 0), {
      name: "InboxFullError",
      isForGood: false,
      message: "the inbox is full (INBOX_MAX_BYTES), since the handler does not keep up; send again later",
    });
    assert.equal(await inbox.append([runOf("abcde")], 0), 2);
    assert.equal(await first, 1);
    assert.deepEqual([inbox.bytes, inbox.isFull], [2 * weight, true]);
    inbox.maxBytes++;
    assert.equal(inbox.isFull, false);
    inbox.release(1);
    await inbox.append([], 0);
    assert.deepEqual([inbox.bytes, inbox.first, inbox.next], [weight, 1, 2]);
  }));

Deno.test("records that would not fit into an empty inbox never will, and that is said", () =>
  withInbox(RUN_BYTES + END_BYTES + 5, async (inbox) => {
    const most = RUN_BYTES + END_BYTES + 5;
    await assert.rejects(inbox.append([runOf("abcdef")], 0), {
      isForGood: true,
      message: `the records take ${
        most + 1
      } bytes, and the inbox has ${most} (INBOX_MAX_BYTES); send fewer at once`,
    });
    assert.equal(await inbox.append([runOf("abcde")], 0), 1);
    await assert.rejects(
      inbox.append([runOf("abcde")], 0),
      (error) => error instanceof InboxFullError && !error.isForGood,
    );
  }));

Deno.test("a large run is stored in runs of a megabyte, or of one record where that is larger", () =>
  withInbox(1e8, async (inbox, reopen) => {
    const of = (text: string, length: number) => text.repeat(length);
    for (
      const [records, counts] of [
        // With the line breaks between them they are a megabyte exactly.
        [[of("a", MIB - 2), "b"], [2]],
        [[of("a", MIB - 1), "b"], [1, 1]],
        [[of("a", MIB - 2), "b", "c"], [2, 1]],
        [[of("a", 2 * MIB), "b", of("c", MIB), "d", "e"], [1, 1, 1, 2]],
        [["a", of("b", MIB - 2), "c"], [2, 1]],
        [[of("a", MIB + 1)], [1]],
      ] as const
    ) {
      const { next, bytes } = inbox;
      await inbox.append([runOf(...records)], 0);
      const found: string[][] = [];
      for (let at = next; at < inbox.next;) {
        for (const part of read(inbox, at)) {
          found.push(part);
          at += part.length;
        }
      }
      assert.deepEqual(found.map(({ length }) => length), counts);
      assert.ok(found.flat().every((record, i) => record === records[i]));
      // Of each run its own bytes, without the one behind it.
      const length = found.reduce((sum, part) => sum + part.join("\n").length, 0);
      assert.equal(inbox.bytes - bytes, length + records.length * END_BYTES + counts.length * RUN_BYTES);
    }
    const last = inbox.next;
    assert.deepEqual(read(reopen(), last - 1).map(([record]) => record!.length), [MIB + 1]);
  }));

Deno.test("a read ends with the run that makes it four megabytes", () =>
  withInbox(1e8, async (inbox) => {
    const large = runOf("a".repeat(MIB));
    await inbox.append([large, large, large, runOf("a".repeat(MIB - 1)), runOf("b"), runOf("c")], 0);
    assert.equal(inbox.read(0, 100).length, 5);
    await inbox.append([large, large], 0);
    assert.equal(inbox.read(1, 100).length, 6);
    await inbox.append([large, large, runOf("d")], 0);
    assert.equal(inbox.read(6, 100).length, 4);
  }));

Deno.test("what a run was decoded to is there until it was read, and a read ends before a part of such a run", () =>
  withInbox(1e8, async (inbox) => {
    const decoded = { byteLength: 1 } as unknown as NonNullable<RecordRun["decoded"]>;
    const known = (...texts: string[]) => ({ ...runOf(...texts), decoded });
    /** Of each part from where to where it goes, and whether it is decoded. */
    const partsOf = (offset: number, limit: number) =>
      inbox.read(offset, limit).map(({ run, from, to }) => [from, to, run.decoded !== undefined]);
    const other = { ...known("f"), format: "influx" as const };
    await inbox.append([known("a", "b"), known("c", "d", "e"), other, known("g"), known("h")], 0);
    assert.deepEqual(partsOf(0, 4), [[0, 2, true]]);
    assert.deepEqual(partsOf(0, 2), [[0, 2, false]]);
    assert.deepEqual(partsOf(2, 100), [[0, 3, true]]);
    assert.deepEqual(partsOf(5, 1), [[0, 1, true]]);
    assert.deepEqual(partsOf(6, 2), [[0, 1, true], [0, 1, true]]);
    assert.deepEqual(partsOf(6, 2), [[0, 1, false], [0, 1, false]]);
    // What is divided is decoded anew.
    await inbox.append([known("a".repeat(MIB)), known("a".repeat(MIB), "b")], 0);
    assert.deepEqual(partsOf(8, 100), [[0, 1, true], [0, 1, false], [0, 1, false]]);
    await inbox.append([known("a"), known("b"), known("c", "d")], 0);
    assert.deepEqual(partsOf(11, 3), [[0, 1, true], [0, 1, true]]);
    // But the first is, for nothing would be read.
    assert.deepEqual(partsOf(13, 1), [[0, 1, true]]);
  }));

Deno.test("a commit that fails refuses all that shared it, and leaves nothing of them", () =>
  withInbox(1e6, async (inbox, reopen) => {
    await inbox.append([runOf("a")], 0);
    const { bytes } = inbox;
    // What SQLite cannot take fails as a full disk does.
    const unfit = () => ({
      mark: "key" as const,
      key: "k",
      digest: undefined as never,
      answer: { status: 200, headers: {}, body: "" },
    });
    const both = [inbox.append([runOf("b")], 0), inbox.append([runOf("c")], 0, unfit)];
    for (const { status } of await Promise.allSettled(both)) assert.equal(status, "rejected");
    assert.deepEqual([inbox.next, inbox.bytes], [1, bytes]);
    assert.equal(await inbox.append([runOf("d")], 0), 2);
    assert.deepEqual(read(inbox, 0), [["a"], ["d"]]);
    assert.deepEqual(read(reopen(), 0), [["a"], ["d"]]);
  }));

Deno.test("a wait ends with a record, its time, its signal or the inbox, and does not begin without need", () =>
  withInbox(1e6, async (inbox) => {
    const over = new AbortController();
    const waits = [
      inbox.waitFor(0, 60_000, NEVER),
      inbox.waitFor(1, 60_000, NEVER),
      inbox.waitFor(0, 60_000, over.signal),
    ];
    assert.equal(await isSettled(waits[0]!), false);
    over.abort();
    assert.equal(await isSettled(waits[2]!), true);
    assert.equal(await isSettled(inbox.waitFor(0, 60_000, over.signal)), true);
    assert.equal(await isSettled(inbox.waitFor(0, 0, NEVER)), true);
    await inbox.append([runOf("a")], 0);
    assert.equal(await isSettled(waits[0]!), true);
    assert.equal(await isSettled(inbox.waitFor(0, 60_000, NEVER)), true);
    const last = inbox.waitFor(1, 60_000, NEVER);
    assert.equal(await isSettled(last), false);
    await inbox.waitFor(1, 1, NEVER);
    // What comes without records wakes nobody.
    await inbox.append([], 0);
    assert.equal(await isSettled(last), false);
    inbox.close();
    assert.equal(await isSettled(last), true);
    assert.equal(await isSettled(inbox.waitFor(1, 60_000, NEVER)), true);
  }));

Deno.test("requests that have begun to come are waited for, for five milliseconds", () =>
  withInbox(1e6, async (inbox) => {
    const { now } = performance;
    let nowMs = 1000;
    performance.now = () => nowMs;
    const turn = () => systemClock.sleep(0, NEVER);
    try {
      const [first, second] = [inbox.expect(), inbox.expect()];
      const answer = inbox.append([runOf("a")], 0);
      await turn();
      await turn();
      first();
      first();
      assert.equal(inbox.next, 0);
      nowMs += 4.9;
      await turn();
      await turn();
      assert.equal(inbox.next, 0);
      second();
      assert.equal(await answer, 1);
      const third = inbox.expect();
      const next = inbox.append([runOf("b")], 0);
      await turn();
      assert.equal(inbox.next, 1);
      nowMs += 5;
      assert.equal(await next, 2);
      third();
    } finally {
      performance.now = now;
    }
  }));

Deno.test("what waits is on disk when the inbox is closed, and nothing is taken afterwards", () =>
  withInbox(1e6, async (inbox, reopen) => {
    const answer = inbox.append([runOf("a", "b")], 7);
    inbox.close();
    inbox.close();
    assert.equal(await answer, 2);
    await assert.rejects(inbox.append([runOf("c")], 0), new Error("the inbox is closed"));
    inbox.release(1);
    const opened = reopen();
    assert.deepEqual([opened.first, opened.next, read(opened, 1)], [0, 2, [["b"]]]);
    assert.equal(opened.read(0, 9)[0]!.run.arrivedMs, 7);
  }));

Deno.test("only what is there is released, and only once", () =>
  withInbox(1e6, async (inbox) => {
    inbox.release(5);
    await inbox.append([], 0);
    assert.deepEqual([inbox.first, inbox.next], [0, 0]);
    await inbox.append([runOf("a"), runOf("b", "c")], 0);
    assert.deepEqual([inbox.first, inbox.next], [0, 3]);
    await inbox.append([runOf("d")], 0);
    assert.deepEqual([inbox.first, inbox.next, inbox.bytes], [3, 4, 1 + END_BYTES + RUN_BYTES]);
    inbox.release(4);
    await inbox.append([], 0);
    assert.deepEqual([inbox.first, inbox.next, inbox.bytes], [4, 4, 0]);
    assert.deepEqual(read(inbox, 4), []);
  }));

Deno.test("what is released stays so, and is gone without anything that comes", () =>
  withInbox(1e6, async (inbox) => {
    await inbox.append([runOf("a"), runOf("b"), runOf("c")], 0);
    inbox.release(2);
    inbox.release(1);
    await giveWay();
    await giveWay();
    assert.deepEqual([inbox.first, inbox.bytes], [2, 1 + END_BYTES + RUN_BYTES]);
  }));

Deno.test("a hundred thousand answers to requests with a key are remembered", async () => {
  await using directory = await temporaryDirectory();
  const store = InboxStore.open(`${directory.path}/inbox.sqlite`);
  try {
    const answers = Array.from({ length: 100_001 }, (_, i) => ({
      mark: "key" as const,
      key: `k${i}`,
      digest: `d${i}`,
      answer: { status: 204, headers: { h: `${i}` }, body: i === 1 ? "text" : "" },
    }));
    store.commit({ runs: [], answers, next: 0, trimTo: 0 });
    assert.equal(store.answerFor("key", "k0"), undefined);
    const { digest, answer } = store.answerFor("key", "k1")!;
    const { status, headers, body } = answer;
    assert.deepEqual([digest, status, headers], ["d1", 204, { h: "1" }]);
    assert.equal(DECODER.decode(body as Uint8Array), "text");
    store.commit({ runs: [], answers: [{ ...answers[0]!, digest: "new" }], next: 0, trimTo: 0 });
    assert.deepEqual([store.answerFor("key", "k0")?.digest, store.answerFor("key", "k1")], [
      "new",
      undefined,
    ]);
  } finally {
    store.close();
  }
});

Deno.test("twenty thousand answers to requests that are known by their contents are remembered, beside the keys", async () => {
  await using directory = await temporaryDirectory();
  const store = InboxStore.open(`${directory.path}/inbox.sqlite`);
  const answer = { status: 200, headers: {}, body: "" };
  const commit = (answers: readonly KeyedAnswer[]) =>
    void store.commit({ runs: [], answers, next: 0, trimTo: 0 });
  try {
    commit([{ mark: "key", key: "k", digest: "of a key", answer }]);
    commit(
      Array.from({ length: 20_001 }, (_, i) => ({ mark: "contents", key: `c${i}`, digest: `d${i}`, answer })),
    );
    const digests = ["c0", "c1", "c20000", "k"].map((key) => store.answerFor("contents", key)?.digest);
    assert.deepEqual(digests, [undefined, "d1", "d20000", undefined]);
    assert.equal(store.answerFor("key", "k")?.digest, "of a key");
    assert.equal(store.answerFor("key", "c1"), undefined);
  } finally {
    store.close();
  }
});

Deno.test("runs that were just committed are kept up to eight megabytes, until they were read", () => {
  const recent = new RecentRuns();
  const of = (first: number, length: number, decodedBytes: number | undefined) => ({
    ...runOf("a".repeat(length)),
    first,
    arrivedMs: 0,
    ...(decodedBytes === undefined ? {} : { decoded: { byteLength: decodedBytes } as never }),
  });
  recent.add(of(0, 10, undefined));
  recent.add(of(1, 96, 8 * MIB - 200));
  recent.add(of(2, 95, 2));
  recent.add(of(3, 0, 0));
  assert.deepEqual([0, 1, 2, 3].map((at) => recent.at(at) !== undefined), [false, true, false, true]);
  recent.deleteBefore(1);
  assert.notEqual(recent.at(1), undefined);
  recent.deleteBefore(2);
  assert.deepEqual([recent.at(1), recent.at(3) !== undefined], [undefined, true]);
  // Four bytes are left of what was there.
  recent.add(of(4, 95, 8 * MIB - 102));
  recent.add(of(5, 96, 8 * MIB - 104));
  assert.deepEqual([4, 5].map((at) => recent.at(at) !== undefined), [false, true]);
});
