/** The inbox as a partition: where a read begins, what it tells, and what it lets go of. */
import assert from "node:assert/strict";
import type { Outcome, Progress } from "../../../src/contract/source.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import { UpstreamTraces } from "../../../src/event/upstream_traces.ts";
import { FormatReaders } from "../../../src/sources/listen/format_readers.ts";
import { Inbox } from "../../../src/sources/listen/inbox.ts";
import { InboxPartition } from "../../../src/sources/listen/inbox_partition.ts";
import { namesOf } from "../../contract/source_reading.ts";
import { NO_EVENT_TEXTS } from "../event_texts.ts";
import { errorOf } from "../file/written_files.ts";
import { formatted } from "./runs.ts";

const NEVER = new AbortController().signal;
const eventOf = (name: string) => JSON.stringify({ name, value: 1, timestamp: 1000 });

async function withPartition(
  test: (rig: {
    readonly inbox: Inbox;
    readonly partition: InboxPartition;
    readonly batch: EventBatch;
    /** Appends a run of events with these names. */
    readonly append: (...names: readonly string[]) => Promise<number>;
    readonly read: (position?: string, lineage?: string, limit?: number, waitMs?: number) => Promise<Outcome>;
    readonly from: (position: string | undefined, lineage?: string) => Progress;
    readonly listening: { isRefused: boolean };
  }) => Promise<void>,
  prepare = (_: string) => Promise.resolve(),
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-inbox-" });
  await prepare(`${directory}/inbox.sqlite`);
  const inbox = Inbox.open(`${directory}/inbox.sqlite`, 1e6);
  const clock = { nowMs: () => 7000, monotonicMs: () => 500, sleep: () => Promise.resolve() };
  const listening = { isRefused: false };
  const assertListening = () => {
    if (listening.isRefused) throw new Error("nobody listens");
  };
  const readers = new FormatReaders(NO_EVENT_TEXTS);
  const partition = new InboxPartition(inbox, readers, { clock }, assertListening);
  const batch = new EventBatch();
  const from = (position: string | undefined, lineage = inbox.id) => ({
    lineage,
    position,
    history: new LogHistory(),
  });
  try {
    await test({
      inbox,
      partition,
      batch,
      append: (...names) => inbox.append([formatted("event", ...names.map(eventOf))], 3000),
      read: (position, lineage, limit = 10, waitMs = 0) =>
        partition.read(from(position, lineage), batch, { limit, waitMs, isAfterRest: false }, NEVER),
      from,
      listening,
    });
  } finally {
    inbox.close();
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("records are read in order, within and over requests, and each knows where it is from", () =>
  withPartition(async ({ append, batch, inbox, partition, read }) => {
    const step = (kind: string, at: number) => ({
      kind,
      lineage: inbox.id,
      next: `${at}`,
      offset: at,
      lost: 0,
      decodeMs: 0,
    });
    assert.deepEqual(await read(), step("idle", 0));
    await append("a", "bb", "c");
    await inbox.append([{ ...formatted("event", eventOf("d"), "{}", eventOf("f")), topic: "push" }], 4000);
    assert.deepEqual(await read("0", undefined, 2), step("events", 2));
    assert.deepEqual(namesOf(batch), ["a", "bb"]);
    assert.deepEqual(await read("1", undefined, 4), step("events", 5));
    assert.deepEqual(namesOf(batch), ["bb", "c", "d"]);
    assert.deepEqual(batch.invalid.map(({ index }) => index), [3]);
    assert.equal(new TextDecoder().decode(batch.rawOfInvalid(batch.invalid[0]!)), "{}");
    assert.deepEqual([0, 1, 2, 3].map((i) => batch.originOf!(i)), [
      { topic: undefined, isEvent: true, busMs: 3000 },
      { topic: undefined, isEvent: true, busMs: 3000 },
      { topic: "push", isEvent: true, busMs: 4000 },
      { topic: "push", isEvent: true, busMs: 4000 },
    ]);
    assert.deepEqual(await read("5"), step("events", 6));
    assert.deepEqual(namesOf(batch), ["f"]);
    assert.deepEqual(await read("6"), step("idle", 6));
    assert.deepEqual(["4", "6", "9", "x"].map((at) => partition.unreadAfter(at)), [2, 0, 0, undefined]);
  }));

Deno.test("a read waits for the next record", () =>
  withPartition(async ({ append, batch, read }) => {
    const pending = read("0", undefined, 10, 3_600_000);
    await append("a");
    assert.equal((await pending).kind, "events");
    assert.deepEqual(namesOf(batch), ["a"]);
  }));

Deno.test("records of another way to read them come with the next read", () =>
  withPartition(async ({ append, batch, inbox, read }) => {
    await append("a");
    await inbox.append([formatted("influx", "m f=1 2000000000", "m f=2 3000000000")], 3000);
    assert.equal((await read("0") as { offset?: number }).offset, 1);
    assert.equal((await read("1") as { offset?: number }).offset, 3);
    assert.deepEqual([batch.count, batch.originOf!(1)], [2, {
      topic: undefined,
      isEvent: undefined,
      busMs: 3000,
    }]);
  }));

Deno.test("what was released is gone, and is lost to whoever has not read it", () =>
  withPartition(async ({ append, from, inbox, partition, read }) => {
    await append("a", "b");
    await append("c");
    await partition.committed(from(undefined));
    await partition.committed(from("2", "another"));
    await append("d");
    assert.equal(inbox.first, 0);
    assert.equal((await read("0")).kind, "events");
    await partition.committed(from("3"));
    await append("e");
    assert.equal(inbox.first, 3);
    const at = { lineage: inbox.id, next: "3", offset: 3 };
    assert.deepEqual(await read("1"), { kind: "gap", ...at, lost: 2 });
    assert.deepEqual(await read("7", "another"), { kind: "restarted", ...at, lost: 3 });
    const outcome = await read();
    assert.deepEqual([outcome.kind, "next" in outcome && outcome.next], ["events", "5"]);
    assert.equal((await read("3")).kind, "events");
    assert.deepEqual(await read("6"), {
      kind: "returned",
      lineage: inbox.id,
      next: "5",
      offset: 5,
      doubtful: 0,
    });
    assert.equal((await read("5")).kind, "idle");
    assert.deepEqual(partition.inboxFill, { bytes: inbox.bytes, maxBytes: 1e6 });
  }));

Deno.test("what comes after an inbox was copied back from an earlier time is kept and read", () =>
  withPartition(async ({ append, batch, from, inbox, partition, read }) => {
    await partition.committed(from("3"));
    await append("a", "b");
    await append("c", "d");
    assert.deepEqual(await read("3"), {
      kind: "returned",
      lineage: inbox.id,
      next: "0",
      offset: 0,
      doubtful: 0,
    });
    await append("e");
    await partition.committed(from("0"));
    const outcome = await read("0");
    assert.deepEqual([outcome.kind, "next" in outcome && outcome.next], ["events", "5"]);
    assert.deepEqual(namesOf(batch), ["a", "b", "c", "d", "e"]);
    await partition.committed(from("4"));
    await append("f");
    assert.equal(inbox.first, 4);
  }));

Deno.test("the traces of the requests are noted with what is read of them", () =>
  withPartition(async ({ batch, inbox, read }) => {
    const traceOf = (digit: string) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`;
    for (const digit of ["a", "b"]) {
      await inbox.append([{ ...formatted("event", eventOf(digit)), traceparent: traceOf(digit) }], 0);
    }
    await read("0");
    batch.upstream = new UpstreamTraces();
    await read("1");
    assert.deepEqual(batch.upstream.texts(), [traceOf("b")]);
  }));

Deno.test("a position that is none, an inbox that cannot be read and a listener that is not there say so", () =>
  withPartition(async ({ append, inbox, listening, read }) => {
    await append("a");
    for (const position of ["x", "", "-1", "1.5", "1".repeat(16)]) {
      const { kind, message } = await errorOf(read(position));
      assert.equal(kind, "refused");
      assert.match(message, /the state says that the inbox was read to .*, which is no offset/);
    }
    listening.isRefused = true;
    await assert.rejects(read(), /nobody listens/);
    listening.isRefused = false;
    inbox.read = () => {
      throw new Error("disk I/O error");
    };
    const { kind, message } = await errorOf(read("0"));
    assert.deepEqual([kind, message], ["unavailable", "the inbox cannot be read: disk I/O error"]);
  }));

Deno.test("records that the inbox had and has no more are a gap, and so is the end of one that is gone", async () => {
  let [id, hasCopy] = ["", true];
  const prepare = async (path: string) => {
    const append = async (count: number) => {
      const inbox = Inbox.open(path, 1e6);
      await inbox.append([formatted("event", ...Array(count).fill(eventOf("x")))], 3000);
      inbox.close();
      return inbox.id;
    };
    id = await append(2);
    Deno.copyFileSync(path, `${path}-copy`);
    await append(3);
    if (hasCopy) Deno.renameSync(`${path}-copy`, path);
    else Deno.removeSync(path);
  };
  await withPartition(async ({ append, batch, read }) => {
    await append("y");
    const first = await read("0");
    assert.deepEqual([first.kind, "next" in first && first.next], ["events", "2"]);
    assert.deepEqual(await read("2"), { kind: "gap", lineage: id, next: "5", offset: 5, lost: 3 });
    assert.deepEqual(await read("4"), { kind: "gap", lineage: id, next: "5", offset: 5, lost: 1 });
    assert.equal((await read("5")).kind, "events");
    assert.deepEqual(namesOf(batch), ["y"]);
  }, prepare);
  hasCopy = false;
  await withPartition(async ({ inbox, read }) => {
    assert.deepEqual(await read("1", id), {
      kind: "restarted",
      lineage: inbox.id,
      next: "0",
      offset: 0,
      lost: 4,
    });
  }, prepare);
});
