/** One read of a log after the other: what is asked, what each answer leads to, and what is acknowledged. */
import assert from "node:assert/strict";
import { type Outcome, type SourceContext, SourceError } from "../../../src/contract/source.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import type { Bounds, BusLog, FetchReply, FetchRequest } from "../../../src/sources/vabus/bus_log.ts";
import { LogPartition } from "../../../src/sources/vabus/log_partition.ts";
import { errorOf } from "../file/written_files.ts";
import { loggerTo } from "../../support/logs.ts";

const NEVER = new AbortController().signal;
const REQUEST = { limit: 4, waitMs: 0, isAfterRest: false };
/** Less than this after a comparison there is no other one, unless the bus did not answer for so long. */
const [PAUSE_MS, UNSEEN_MAX_MS] = [300_000, 2000];

const eventText = (number: number) => `{"name":"e${number}","value":1,"timestamp":1000}`;

/** A log, and what answers instead of it. */
class ScriptedLog implements BusLog {
  readonly name = "bus";
  log = "l";
  first = 0;
  next = 0;
  dateMs: number | undefined;
  readonly asked: FetchRequest[] = [];
  readonly looks: number[] = [];
  eventText = eventText;
  /** Undefined: it answers as it is. */
  instead: (request: FetchRequest) => FetchReply | Error | undefined = () => undefined;

  fetch(request: FetchRequest): Promise<FetchReply> {
    this.asked.push(request);
    const found = this.instead(request) ?? this.answer(request.offset ?? this.first, request.limit);
    return found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
  }

  look(offset: number): Promise<FetchReply> {
    this.looks.push(offset);
    return Promise.resolve(this.answer(offset, 1));
  }

  oldest(): Promise<{ log: string; offset: number }> {
    return Promise.resolve({ log: this.log, offset: this.first });
  }

  probe = () => Promise.resolve("");
  time = () => Promise.resolve(undefined);
  close(): void {}

  bounds(kind: Bounds["kind"]): FetchReply {
    const { dateMs, first, log, next } = this;
    return { kind, log, first, next, dateMs };
  }

  events(offset: number, count: number, log = this.log): FetchReply {
    const events = Array.from({ length: count }, (_, i) => this.eventText(offset + i));
    const text = `{"log":"${log}","offset":${offset},"next":${offset + count},"events":[${events}]}`;
    return { kind: "events", body: new TextEncoder().encode(text), dateMs: this.dateMs };
  }

  private answer(offset: number, limit: number): FetchReply {
    if (offset < this.first) return this.bounds("trimmed");
    if (offset > this.next) return this.bounds("reset");
    return this.events(offset, Math.min(limit, this.next - offset));
  }
}

/** A partition of a log with ten events, read on from where the last read has led. */
function rig({ mayReadAhead = false, lineages }: Partial<Rigged> = {}) {
  const bus = new ScriptedLog();
  bus.next = 10;
  const log: string[] = [];
  const heard: number[] = [];
  let nowMs = 500;
  const context = {
    lineages: lineages ?? { readerOf: () => undefined, isKnown: () => false },
    clock: { nowMs: () => 0, monotonicMs: () => nowMs, sleep: () => Promise.resolve() },
    heardTime: (ms: number) => heard.push(ms),
    mayReadAhead: () => mayReadAhead,
    logger: loggerTo(log, "info"),
  } as unknown as SourceContext;
  const partition = new LogPartition(bus, context, undefined);
  const batch = new EventBatch();
  let [lineage, position]: (string | undefined)[] = [];
  let history = new LogHistory();
  const progress = () => ({ lineage, position, history });
  return {
    batch,
    bus,
    heard,
    log,
    partition,
    progress,
    pass: (ms: number) => nowMs += ms,
    goTo(text: string | undefined, of = "l") {
      [lineage, position, history] = [of, text, new LogHistory()];
    },
    async read(request = REQUEST, signal = NEVER): Promise<Outcome> {
      const outcome = await partition.read(progress(), batch, request, signal);
      if ("next" in outcome) {
        if (outcome.lineage !== lineage) history = new LogHistory();
        if (outcome.kind === "events") history.note(batch, outcome.offset! - batch.total);
        else if (outcome.offset !== undefined) history.goOnAt(outcome.offset);
        [lineage, position] = [outcome.lineage, outcome.next];
      }
      return outcome;
    },
  };
}

interface Rigged {
  readonly mayReadAhead: boolean;
  readonly lineages: SourceContext["lineages"];
}

const step = (kind: string, offset: number, lost = 0, lineage = "l") => ({
  kind,
  lineage,
  next: `${offset}`,
  offset,
  lost,
});
const plain = ({ decodeMs: _, ...outcome }: Outcome & { decodeMs?: number }) => outcome;

Deno.test("a log is read from its oldest event on, as much at once as is asked for", async () => {
  const { bus, heard, read } = rig();
  bus.first = 3;
  bus.dateMs = 77;
  assert.deepEqual(await read(), { ...step("events", 7), decodeMs: 0 });
  assert.deepEqual(plain(await read({ ...REQUEST, waitMs: 1500 })), step("events", 10));
  assert.deepEqual(plain(await read()), step("idle", 10));
  const common = { limit: 4, ack: undefined };
  assert.deepEqual(bus.asked, [
    { ...common, offset: undefined, waitSeconds: 0 },
    { ...common, offset: 7, waitSeconds: 1.5 },
    { ...common, offset: 10, waitSeconds: 0 },
  ]);
  assert.deepEqual(heard, [77, 77, 77]);
});

Deno.test("what is durable is acknowledged to the log that was compared, and to no other", async () => {
  const { bus, partition, progress, read } = rig();
  await read();
  await partition.committed(progress());
  await read();
  assert.deepEqual([bus.asked.at(-1)!.ack, bus.looks], [4, [3]]);
  await partition.committed({ ...progress(), position: "x" });
  await read();
  assert.equal(bus.asked.at(-1)!.ack, undefined, "another's position is none of this log");
  await partition.committed({ ...progress(), lineage: "other" });
  await read();
  assert.equal(bus.asked.at(-1)!.ack, undefined);
  await partition.committed(progress());
  await partition.farewell(progress(), NEVER);
  assert.deepEqual(bus.asked.at(-1), { offset: 10, limit: 1, waitSeconds: 0, ack: 10 });
});

Deno.test("a farewell says nothing to a log that is another one by now, or that nothing was read of", async () => {
  for (
    const change of [
      (bus: ScriptedLog) => bus.log = "other",
      (bus: ScriptedLog) => bus.next = 2,
    ]
  ) {
    const { bus, partition, progress, read } = rig();
    await read();
    await partition.committed(progress());
    change(bus);
    bus.asked.length = 0;
    await partition.farewell(progress(), NEVER);
    assert.deepEqual(bus.asked, []);
  }
  const { bus, partition, progress } = rig();
  await partition.farewell(progress(), NEVER);
  await partition.farewell({ ...progress(), lineage: "l", position: "x" }, NEVER);
  await partition.farewell({ ...progress(), lineage: "l" }, NEVER);
  assert.deepEqual([bus.asked, bus.looks], [[], []]);
  const ahead = rig({ mayReadAhead: true });
  await ahead.read();
  await ahead.partition.committed(ahead.progress());
  ahead.bus.instead = () => ahead.bus.events(8, 0, "other");
  await ahead.read();
  const { length } = ahead.bus.asked;
  await ahead.partition.farewell(ahead.progress(), NEVER);
  assert.equal(ahead.bus.asked.length, length, "the reply that nobody took is of another log");
});

Deno.test("the next events are asked for ahead where there are some, and taken once", async () => {
  const { bus, read } = rig({ mayReadAhead: true });
  await read();
  assert.deepEqual(bus.asked.map(({ offset }) => offset), [undefined, 4]);
  assert.deepEqual(plain(await read()), step("events", 8));
  assert.deepEqual(bus.asked.map(({ offset }) => offset), [undefined, 4, 8]);
  assert.deepEqual(plain(await read()), step("events", 10));
  assert.deepEqual(plain(await read()), step("idle", 10));
  assert.deepEqual(bus.asked.map(({ offset }) => offset), [undefined, 4, 8, 10]);
  // Nothing was ahead of the end.
  await read();
  assert.deepEqual(bus.asked.map(({ offset }) => offset), [undefined, 4, 8, 10, 10]);
});

Deno.test("what was asked for ahead is not taken where the reader goes on elsewhere", async () => {
  const { bus, goTo, read } = rig({ mayReadAhead: true });
  await read();
  goTo("2");
  bus.asked.length = 0;
  assert.deepEqual(plain(await read()), step("events", 6));
  assert.equal(bus.asked[0]!.offset, 2);
});

Deno.test("events that are gone, and logs that are others, are told as what they are", async () => {
  const trimmed = rig();
  trimmed.goTo("2");
  trimmed.bus.first = 5;
  assert.deepEqual(await trimmed.read(), step("gap", 5, 3));
  const one = rig();
  one.goTo("2");
  one.bus.first = 3;
  assert.deepEqual(await one.read(), step("gap", 3, 1));
  const begun = rig();
  begun.goTo(undefined);
  begun.bus.instead = () => ({ ...begun.bus.bounds("trimmed"), first: 5 } as FetchReply);
  assert.deepEqual(await begun.read(), step("gap", 5, 5));
  const reset = rig();
  reset.goTo("20", "before");
  reset.bus.first = 5;
  assert.deepEqual(await reset.read(), step("restarted", 5, 5));
  assert.match(reset.log.join(), /the bus was reset: its log is another one.*log=/);
  const fits = rig();
  fits.goTo("4", "before");
  assert.deepEqual(await fits.read(), {
    kind: "restarted",
    lineage: "l",
    next: undefined,
    offset: undefined,
    lost: 0,
  });
  assert.match(fits.log.join(), /the bus was reset: its log is another one/);
  fits.bus.first = 2;
  assert.deepEqual(plain(await fits.read()), step("events", 6, 2), "what it had lost before counts");
  const ended = rig();
  ended.goTo("20");
  assert.deepEqual(await ended.read(), {
    kind: "returned",
    lineage: "l",
    next: "10",
    offset: 10,
    doubtful: 0,
  });
  assert.match(ended.log.join(), /restored from a backup\?.*read_to=20 going_on_at=10/);
});

Deno.test("a bus that contradicts itself is believed in nothing", async () => {
  for (
    const [answer, said] of [
      [(bus: ScriptedLog) => bus.events(5, 2), /asked for offset 4, the bus answered from 5/],
      [(bus: ScriptedLog) => bus.bounds("reset"), /does not have offset 4, but that its log goes on to 10/],
      [
        (bus: ScriptedLog) => ({ ...bus.bounds("trimmed"), first: 4 }),
        /does not have offset 4, but that its log begins at 4/,
      ],
      [
        (bus: ScriptedLog) => ({ ...bus.bounds("reset"), next: 4 }),
        /does not have offset 4, but that its log goes on to 4/,
      ],
    ] as const
  ) {
    const { bus, goTo, read } = rig();
    goTo("4");
    bus.instead = () => answer(bus) as FetchReply;
    const { kind, message } = await errorOf(read());
    assert.equal(kind, "garbage");
    assert.match(message, said);
  }
});

Deno.test("a log that another partition reads, or that was read elsewhere, is told as such", async () => {
  const reader = (log: string) => ({ name: "another", lineageNow: () => Promise.resolve(log) });
  const told = async (lineages: SourceContext["lineages"]) => {
    const { goTo, read } = rig({ lineages });
    goTo("4", "before");
    return await read().catch(({ message }) => message);
  };
  const isKnown = () => false;
  assert.match(await told({ readerOf: () => reader("l"), isKnown }) as string, /same log as that of another/);
  assert.deepEqual(await told({ readerOf: () => reader("x"), isKnown }), { kind: "exchanged", lineage: "l" });
  assert.deepEqual(await told({ readerOf: () => undefined, isKnown: () => true }), {
    kind: "moved",
    lineage: "l",
  });
});

Deno.test("the last event is compared at the start, after a failure, after a rest and now and then", async () => {
  const { bus, pass, read } = rig();
  const compared = async (request = REQUEST) => {
    bus.looks.length = 0;
    await read({ ...request, limit: 1 });
    return bus.looks.join();
  };
  assert.equal(await compared(), "", "nothing was read");
  assert.equal(await compared(), "0");
  assert.equal(await compared(), "");
  pass(UNSEEN_MAX_MS);
  assert.equal(await compared(), "");
  pass(UNSEEN_MAX_MS + 1);
  assert.equal(await compared(), "3");
  assert.equal(await compared({ ...REQUEST, isAfterRest: true }), "4");
  bus.instead = () => new SourceError("unavailable", "away");
  await errorOf(read());
  bus.instead = () => undefined;
  assert.equal(await compared(), "5");
  const looks = [];
  for (let ms = 0; ms <= PAUSE_MS; ms += UNSEEN_MAX_MS) {
    pass(UNSEEN_MAX_MS);
    looks.push(await compared());
  }
  assert.deepEqual([looks.length, looks.join("")], [PAUSE_MS / UNSEEN_MAX_MS + 1, "9"]);
});

Deno.test("a bus that was restored while nothing was asked of it: what was asked for ahead is not believed", async () => {
  for (
    const [request, pausedMs] of [[{ ...REQUEST, isAfterRest: true }, 0], [
      REQUEST,
      UNSEEN_MAX_MS + 1,
    ]] as const
  ) {
    const { bus, pass, read } = rig({ mayReadAhead: true });
    await read();
    assert.equal(bus.asked.at(-1)!.offset, 4);
    // The events from 4 on are others now, and as many.
    bus.eventText = (number) => eventText(number < 4 ? number : -number);
    pass(pausedMs);
    bus.asked.length = 0;
    assert.deepEqual(plain(await read(request)), step("events", 8));
    assert.deepEqual([bus.looks, bus.asked[0]!.offset], [[3], 4]);
  }
});

Deno.test("a reply that cannot be read is asked for in halves, down to one event that nobody skips", async () => {
  const { bus, log, read } = rig();
  await read({ ...REQUEST, limit: 2 });
  const cut = new SourceError("incomplete", "cut off", 500);
  bus.instead = ({ offset, limit }) => offset! + limit > 3 ? cut : undefined;
  const limits: number[] = [];
  const trouble = async () => {
    const error = await errorOf(read({ ...REQUEST, limit: 8 }));
    limits.push(bus.asked.at(-1)!.limit);
    return error;
  };
  assert.equal((await trouble()).kind, "smaller");
  // One of them can be read.
  assert.deepEqual(plain(await read({ ...REQUEST, limit: 8 })), step("events", 3));
  assert.equal((await trouble()).kind, "smaller");
  const { kind, message, retryAfterMs } = await trouble();
  assert.deepEqual([kind, retryAfterMs, limits], ["incomplete", 500, [2, 2, 1]]);
  assert.match(message, /^cut off\. To give up the event at offset 3, start once with --skip-to bus=4$/);
  assert.equal(log.filter((line) => /asking for fewer events/.test(line)).length, 0);
  bus.instead = () => undefined;
  await read({ ...REQUEST, limit: 8 });
  await read({ ...REQUEST, limit: 8 });
  assert.deepEqual(bus.asked.slice(-2).map(({ limit }) => limit), [1, 2]);
});

Deno.test("the first trouble with a reply is told, and a read that is called off halves nothing", async () => {
  const { bus, goTo, log, read } = rig();
  goTo("2");
  bus.instead = () => new SourceError("incomplete", "cut off");
  const { kind } = await errorOf(read(REQUEST, AbortSignal.abort()));
  assert.equal(kind, "incomplete");
  for (let tries = 0; tries < 2; tries++) await errorOf(read());
  assert.deepEqual(bus.asked.map(({ limit }) => limit), [4, 4, 2]);
  assert.equal(log.length, 1);
  assert.match(log[0]!, /a reply of the bus cannot be read: cut off; asking for fewer events.*offset=2/);
});

Deno.test("a log whose oldest event cannot be read is at least known where it begins", async () => {
  for (const lineage of [undefined, "l"] as const) {
    const { bus, goTo, read } = rig();
    bus.first = 3;
    if (lineage !== undefined) goTo(undefined);
    bus.instead = () => new SourceError("incomplete", "cut off");
    assert.deepEqual(await read({ ...REQUEST, limit: 1 }), step("gap", 3, lineage === undefined ? 0 : 3));
    const { message } = await errorOf(read({ ...REQUEST, limit: 1 }));
    assert.match(message, /--skip-to bus=4$/);
  }
  const known = rig({ lineages: { readerOf: () => undefined, isKnown: () => true } });
  known.bus.instead = () => new SourceError("incomplete", "cut off");
  assert.deepEqual(await known.read({ ...REQUEST, limit: 1 }), { kind: "moved", lineage: "l" });
  known.bus.oldest = () => Promise.reject(new SourceError("unavailable", "away"));
  assert.equal((await errorOf(known.read({ ...REQUEST, limit: 1 }))).message, "cut off");
  known.goTo(undefined);
  known.bus.oldest = () => Promise.resolve({ log: "l", offset: 3 });
  assert.deepEqual(await known.read({ ...REQUEST, limit: 1 }), step("gap", 3, 3));
  const other = rig();
  other.goTo(undefined, "before");
  other.bus.instead = () => new SourceError("incomplete", "cut off");
  assert.equal((await errorOf(other.read({ ...REQUEST, limit: 1 }))).message, "cut off");
});

Deno.test("where a log begins, the head of a reply says whose rest cannot be read, and else the bus", async () => {
  const { bus, read } = rig();
  bus.first = 3;
  const whole = (bus.events(5, 2) as { body: Uint8Array }).body;
  bus.instead = () => ({ kind: "events", body: whole.subarray(0, whole.length - 20) });
  assert.deepEqual(await read({ ...REQUEST, limit: 1 }), step("gap", 5));
  const later = rig();
  later.bus.first = 3;
  later.bus.instead = () => ({ kind: "events", body: whole.subarray(0, whole.length - 20) });
  await errorOf(later.read({ ...REQUEST, limit: 2 }));
  // Of the reply before it, nothing is known any more.
  later.bus.instead = () => new SourceError("incomplete", "cut off");
  assert.deepEqual(await later.read({ ...REQUEST, limit: 1 }), step("gap", 3));
});

Deno.test("of a bus that was restored no more is acknowledged than both have", async () => {
  const { bus, partition, progress, read } = rig();
  for (let i = 0; i < 3; i++) await read();
  await partition.committed(progress());
  await read();
  assert.equal(bus.asked.at(-1)!.ack, 10);
  bus.next = 6;
  const returned = await read();
  assert.deepEqual(["next" in returned && returned.next, returned.kind], ["6", "returned"]);
  bus.next = 8;
  await read();
  assert.equal(bus.asked.at(-1)!.ack, 6);
});

Deno.test("what was asked for ahead is asked for anew once the bus has failed", async () => {
  const { bus, read } = rig({ mayReadAhead: true });
  await read();
  const { look } = bus;
  bus.look = () => Promise.reject(new SourceError("unavailable", "away"));
  await errorOf(read({ ...REQUEST, isAfterRest: true }));
  bus.look = look;
  bus.asked.length = 0;
  assert.deepEqual(plain(await read()), step("events", 8));
  assert.deepEqual(bus.asked.map(({ offset }) => offset), [4, 8]);
});

Deno.test("a position that is no offset is refused, and the log of now is asked for", async () => {
  const { bus, goTo, partition, read } = rig();
  for (const position of ["", "x", "-1", "1.5", `${2 ** 53}`]) {
    goTo(position);
    const { kind, message } = await errorOf(read());
    assert.equal(kind, "refused");
    assert.match(message, /^bus: the state says that it was read to .*, which is no offset/);
  }
  assert.equal(await partition.lineageNow(NEVER), "l");
  assert.deepEqual(bus.asked, [{ offset: undefined, limit: 1, waitSeconds: 0, ack: undefined }]);
  bus.instead = () => ({ kind: "events", body: new TextEncoder().encode("{") });
  bus.log = "m";
  assert.equal(await partition.lineageNow(NEVER), "m");
  bus.instead = () => bus.bounds("trimmed");
  assert.equal(await partition.lineageNow(NEVER), "m");
});
