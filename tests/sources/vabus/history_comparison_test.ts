/** What was read of a log is compared with what a bus has now, and the point where both part is found. */
import assert from "node:assert/strict";
import { type Outcome, type SourceContext, SourceError } from "../../../src/contract/source.ts";
import { scanReply } from "../../../src/codec/reply_scanner.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import type { BusLog, FetchReply } from "../../../src/sources/vabus/bus_log.ts";
import { HistoryComparison } from "../../../src/sources/vabus/history_comparison.ts";
import { HistoryWatch } from "../../../src/sources/vabus/history_watch.ts";
import { KnownLogs } from "../../../src/sources/vabus/known_logs.ts";
import { located } from "../../../src/sources/vabus/log_progress.ts";
import { contradiction, isUnreadable, logOf } from "../../../src/sources/vabus/log_reply.ts";
import { ReadAhead } from "../../../src/sources/vabus/read_ahead.ts";
import { ReplyFormatError } from "../../../src/codec/json_bytes.ts";
import { loggerTo } from "../../support/logs.ts";

const NEVER = new AbortController().signal;
const ENCODER = new TextEncoder();
const LOG = "log";
const PAUSE_MS = 300_000;

function replyOf(offset: number, names: readonly string[], log = LOG): Uint8Array {
  const events = names.map((name) => ({ name, value: 1, timestamp: 1 }));
  return ENCODER.encode(JSON.stringify({ log, offset, next: offset + events.length, events }));
}

/** A bus that has the events `first` and so on, and answers as it is told otherwise. */
class Bus {
  readonly asked: number[] = [];
  instead: (offset: number) => FetchReply | undefined = () => undefined;
  readonly log: BusLog;

  constructor(public names: string[], public first = 0) {
    const look = (offset: number) => Promise.resolve().then(() => this.look(offset));
    this.log = { name: "http://bus", look } as unknown as BusLog;
  }

  get next(): number {
    return this.first + this.names.length;
  }

  private look(offset: number): FetchReply {
    this.asked.push(offset);
    const { first, next } = this;
    const instead = this.instead(offset);
    if (instead !== undefined) return instead;
    if (offset < first) return { kind: "trimmed", log: LOG, first, next };
    if (offset > next) return { kind: "reset", log: LOG, first, next };
    return { kind: "events", body: replyOf(offset, this.names.slice(offset - first, offset - first + 1)) };
  }
}

function namesOf(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

/** The history of one who has read these events from an offset on. */
function historyOf(names: readonly string[], first = 0): LogHistory {
  const history = new LogHistory();
  const batch = new EventBatch();
  scanReply(replyOf(first, names), batch);
  history.note(batch, first);
  return history;
}

Deno.test("where a bus and what was read of it part is found, whatever was trimmed or is missing", async () => {
  const read = namesOf("a", 40);
  for (let same = 0; same <= 40; same++) {
    for (const trimmed of [0, 1, 20, 39]) {
      const bus = new Bus([...read.slice(0, same), ...namesOf("b", 50 - same)].slice(trimmed), trimmed);
      const comparison = new HistoryComparison(bus.log, LOG, historyOf(read));
      const { next, unknown } = await comparison.parting(40, NEVER);
      // What cannot be compared any more counts as the same.
      const expected = Math.max(same, trimmed);
      assert.deepEqual([next, unknown], [expected, 0], `${same} the same, ${trimmed} trimmed`);
      assert.ok(bus.asked.length <= 7);
    }
  }
  const short = new Bus(read.slice(0, 10));
  assert.deepEqual(await new HistoryComparison(short.log, LOG, historyOf(read)).parting(10, NEVER), {
    next: 10,
    unknown: 0,
  });
  // Of the events from 5 to 9 nothing is known.
  const gap = historyOf(read.slice(10), 10);
  const other = new Bus(namesOf("b", 40));
  assert.deepEqual(await new HistoryComparison(other.log, LOG, gap).parting(40, NEVER), {
    next: 10,
    unknown: 0,
  });
  assert.deepEqual(await new HistoryComparison(other.log, LOG, new LogHistory()).parting(7, NEVER), {
    next: 7,
    unknown: 0,
  });
});

Deno.test("the last event that was read is the same, another, gone, or not to be seen", async () => {
  const read = namesOf("a", 5);
  const bounds = (kind: "trimmed" | "reset", first: number, next: number, log = LOG): FetchReply => ({
    kind,
    log,
    first,
    next,
  });
  const body = (bytes: Uint8Array): FetchReply => ({ kind: "events", body: bytes });
  for (
    const [instead, look, end] of [
      [undefined, "same", 4],
      [body(replyOf(4, ["b"])), "other", 4],
      [body(replyOf(4, [])), "ended", 4],
      [body(replyOf(4, ["a4"], "new")), "elsewhere", 0],
      [body(ENCODER.encode("{")), "unreadable", 0],
      [bounds("trimmed", 5, 9), "trimmed", 0],
      [bounds("reset", 0, 4), "ended", 4],
      [bounds("reset", 0, 3), "ended", 3],
      [bounds("trimmed", 5, 9, "new"), "elsewhere", 0],
      [bounds("reset", 0, 3, "new"), "elsewhere", 0],
      [body(replyOf(3, ["a3"])), undefined, 0],
      [bounds("trimmed", 4, 9), undefined, 0],
      [bounds("reset", 0, 5), undefined, 0],
    ] as const
  ) {
    const bus = new Bus(read);
    bus.instead = () => instead;
    const comparison = new HistoryComparison(bus.log, LOG, historyOf(read));
    if (look === undefined) {
      await assert.rejects(comparison.lookAtLast(NEVER), {
        kind: "garbage",
        message: "http://bus: it does not show the event at offset 4",
      });
    } else assert.equal(await comparison.lookAtLast(NEVER), look);
    assert.deepEqual([comparison.end, bus.asked], [end, [4]]);
  }
  const nothing = new Bus(read);
  assert.equal(await new HistoryComparison(nothing.log, LOG, new LogHistory()).lookAtLast(NEVER), "same");
  assert.deepEqual(nothing.asked, []);
  const unclear = new Bus(read);
  unclear.instead = () => body(ENCODER.encode("{"));
  await assert.rejects(
    new HistoryComparison(unclear.log, LOG, historyOf(read)).parting(5, NEVER),
    /does not show/,
  );
});

/** A watch over a bus, with a clock that a test moves. */
function watchOf(bus: Bus) {
  const log: string[] = [];
  const clock = { now: 0, nowMs: () => 0, monotonicMs: () => clock.now, sleep: () => Promise.resolve() };
  const logger = loggerTo(log, "info");
  const watch = new HistoryWatch(bus.log, { clock, logger } as unknown as SourceContext);
  const due = (history: LogHistory, offset: number | undefined = 5, lineage: string | null = LOG) =>
    watch.compareIfDue({ lineage: lineage ?? undefined, position: `${offset}`, offset, history }, NEVER);
  return { watch, due, clock, log };
}

Deno.test("a bus is compared at first, after each failure, and every five minutes", async () => {
  const read = namesOf("a", 5);
  const bus = new Bus([...read]);
  const { watch, due, clock } = watchOf(bus);
  const history = historyOf(read);
  assert.equal(watch.isCompared(LOG), false);
  assert.deepEqual([await due(history), bus.asked.length], [undefined, 1]);
  assert.deepEqual([watch.isCompared(LOG), watch.isCompared("new"), watch.isCompared(undefined)], [
    true,
    false,
    false,
  ]);
  clock.now = PAUSE_MS - 1;
  await due(history);
  assert.equal(bus.asked.length, 1);
  await due(history, 5, "new");
  assert.deepEqual([bus.asked.length, watch.isCompared(LOG)], [2, true]);
  clock.now = PAUSE_MS;
  await due(history);
  assert.equal(bus.asked.length, 3);
  watch.compareSoon();
  assert.equal(watch.isCompared(LOG), false);
  await due(history);
  assert.equal(bus.asked.length, 4);
  // Nothing was read yet.
  watch.compareSoon();
  assert.equal(await due(history, 5, null), undefined);
  const { watch: other } = watchOf(bus);
  assert.equal(
    await other.compareIfDue({ lineage: LOG, position: undefined, offset: undefined, history }, NEVER),
    undefined,
  );
  assert.equal(bus.asked.length, 4);
});

Deno.test("a bus with other events, or fewer, is gone on with where both agree", async () => {
  const read = namesOf("a", 5);
  const returned = (next: number): Outcome => ({
    kind: "returned",
    lineage: LOG,
    next: `${next}`,
    offset: next,
    doubtful: 0,
  });
  const other = watchOf(new Bus([...read.slice(0, 2), "b", "b", "b", "b"]));
  assert.deepEqual(await other.due(historyOf(read)), returned(2));
  assert.match(other.log.join(), /restored from a backup.*read_to=5 going_on_at=2$/m);
  assert.equal(other.watch.isCompared(LOG), true);
  const fewer = watchOf(new Bus(read.slice(0, 3)));
  assert.deepEqual(await fewer.due(historyOf(read)), returned(3));
  const fewest = new Bus(read.slice(0, 3));
  fewest.names.length = 1;
  assert.deepEqual(await watchOf(fewest).due(historyOf(read)), returned(1));
});

Deno.test("a last event that cannot be read is tried five times", async () => {
  const read = namesOf("a", 5);
  const bus = new Bus(read);
  bus.instead = () => ({ kind: "events", body: ENCODER.encode("{") });
  const { due, watch } = watchOf(bus);
  for (let time = 0; time < 4; time++) {
    await assert.rejects(due(historyOf(read)), {
      kind: "garbage",
      message: "http://bus: the last event that was read cannot be read again",
    });
    assert.equal(watch.isCompared(LOG), false);
  }
  assert.equal(await due(historyOf(read)), undefined);
  assert.equal(watch.isCompared(LOG), true);
  watch.compareSoon();
  await assert.rejects(due(historyOf(read)), /cannot be read again/);
});

Deno.test("a log that is known is gone on with, exchanged, or read by another, and all are compared", async () => {
  const bus = new Bus([]);
  const where = async (known: boolean, reader?: { name: string; lineageNow: () => Promise<string> }) => {
    const { watch, log } = watchOf(bus);
    let compared = 0;
    watch.compareSoon = () => void compared++;
    const lineages = { readerOf: () => reader, isKnown: () => known };
    const logger = loggerTo(log, "info");
    const logs = new KnownLogs(bus.log, { lineages, logger } as unknown as SourceContext, watch, "");
    return [await logs.whereItGoesOn(LOG, NEVER), compared, log.length] as const;
  };
  const reader = (lineageNow: () => Promise<string>) => ({ name: "http://other", lineageNow });
  assert.deepEqual(await where(false), [undefined, 0, 0]);
  assert.deepEqual(await where(true), [{ kind: "moved", lineage: LOG }, 1, 1]);
  assert.deepEqual(await where(true, reader(() => Promise.resolve("new"))), [
    { kind: "exchanged", lineage: LOG },
    1,
    0,
  ]);
  await assert.rejects(where(true, reader(() => Promise.resolve(LOG))), {
    kind: "garbage",
    message: "it is the same log as that of http://other: name this bus only once in VABUS_URL",
  });
  await assert.rejects(where(true, reader(() => Promise.reject(new SourceError("refused", "no")))), {
    kind: "unavailable",
    message: /^http:\/\/bus: it has the log that was read from http:\/\/other; .* cannot be found out: no$/,
  });
  const bug = new TypeError("a bug");
  await assert.rejects(where(true, reader(() => Promise.reject(bug))), bug);
});

Deno.test("a position of a log is an offset, and nothing else is", () => {
  const history = new LogHistory();
  const offsetOf = (position: string | undefined) => located({ lineage: LOG, position, history });
  assert.deepEqual(offsetOf(undefined), { lineage: LOG, position: undefined, history, offset: undefined });
  assert.equal(offsetOf("0")?.offset, 0);
  assert.equal(offsetOf(`${Number.MAX_SAFE_INTEGER}`)?.offset, Number.MAX_SAFE_INTEGER);
  for (const text of [`${2 ** 53}`, "", "-1", "1 2", "q1 5"]) assert.equal(offsetOf(text), undefined, text);
});

Deno.test("of a reply is told which log it is of, and whether fewer events may be readable", () => {
  assert.equal(logOf({ kind: "events", body: replyOf(0, []) }), LOG);
  assert.equal(logOf({ kind: "events", body: ENCODER.encode("[]") }), undefined);
  assert.equal(logOf({ kind: "reset", log: "new", first: 0, next: 0 }), "new");
  assert.equal(isUnreadable(new SourceError("incomplete", "")), true);
  assert.equal(isUnreadable(new SourceError("garbage", "")), false);
  assert.equal(isUnreadable(new Error("incomplete")), false);
  assert.equal(isUnreadable(Object.assign(Object.create(ReplyFormatError.prototype))), true);
  assert.deepEqual([contradiction("x").kind, contradiction("x").message], ["garbage", "x"]);
});

Deno.test("a request that was sent ahead is used once, and only where it is the one wanted", async () => {
  const reply: FetchReply = { kind: "reset", log: LOG, first: 0, next: 0 };
  const request = (log: string, offset: number) => ({ log, offset, limit: 1, reply: Promise.resolve(reply) });
  const ahead = new ReadAhead();
  for (
    const [log, offset, isTaken] of [[LOG, 5, true], [LOG, 6, false], ["new", 5, false], [
      undefined,
      5,
      false,
    ]] as const
  ) {
    const asked = request(LOG, 5);
    ahead.ask(asked);
    assert.equal(ahead.take(log, offset), isTaken ? asked : undefined);
    assert.deepEqual([ahead.take(LOG, 5), await ahead.untaken()], [undefined, undefined]);
  }
  ahead.ask(request(LOG, 5));
  assert.equal(await ahead.untaken(), reply);
  ahead.forget();
  assert.equal(await ahead.untaken(), undefined);
  ahead.ask({ ...request(LOG, 5), reply: Promise.reject(new Error("away")) });
  assert.equal(await ahead.untaken(), undefined);
});
