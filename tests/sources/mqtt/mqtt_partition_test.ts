/** One read of a session: what it waits for and takes, and when it needs a checkpoint before the next. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { BusRecord } from "../../../src/codec/bus_records.ts";
import { type Outcome, SourceError } from "../../../src/contract/source.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import { InFlight } from "../../../src/sources/mqtt/in_flight.ts";
import { RECEIVE_MAXIMUM } from "../../../src/sources/mqtt/introduction.ts";
import type { MqttOptions } from "../../../src/sources/mqtt/mqtt_options.ts";
import { MqttPartition } from "../../../src/sources/mqtt/mqtt_partition.ts";
import { positionText } from "../../../src/sources/mqtt/mqtt_position.ts";
import type { MqttSession } from "../../../src/sources/mqtt/mqtt_session.ts";
import { PacketIds } from "../../../src/sources/mqtt/packet_ids.ts";
import { errorOf } from "../file/written_files.ts";
import { eventText } from "./rig.ts";
import { loggerTo } from "../../support/logs.ts";

const NEVER = new AbortController().signal;

/** A partition of a session that a test fills, and a clock whose sleeps end at once. */
function rig({ endsWhenRead = false, isLost = false } = {}) {
  const inFlight = new InFlight();
  const done: string[] = [];
  /** What comes while something is waited for. */
  const coming: (() => void)[] = [];
  let isConnected = false;
  let isTakenOver = false;
  let failure: SourceError | undefined;
  const session = {
    inFlight,
    assertAlive: () => {
      if (failure !== undefined) throw failure;
    },
    isAt: (step: number) => isConnected && failure === undefined && inFlight.has(step),
    connect: (from: { step: number; ids: PacketIds | undefined } | undefined) => {
      done.push(`connect ${from?.step ?? "new"}`);
      inFlight.restart(from?.step ?? 0, from?.ids ?? new PacketIds());
      isConnected = !isLost;
      return Promise.resolve(isLost ? "lost" : "ready");
    },
    takeOver: () => {
      const was = isTakenOver;
      isTakenOver = false;
      return was;
    },
    trust: () => done.push("trust"),
    settle: (step: number) => inFlight.settle(step),
    committed: (step: number) => {
      done.push(`committed ${step}`);
      inFlight.acknowledge(step);
      return Promise.resolve();
    },
    arrival: () => new Promise<void>(() => {}),
    ping: () => {
      done.push("ping");
      coming.shift()?.();
      return Promise.resolve();
    },
  } as unknown as MqttSession;
  let nowMs = 0;
  const clock = {
    nowMs: () => 0,
    monotonicMs: () => nowMs,
    sleep: (ms: number) => {
      done.push(`wait ${ms}`);
      nowMs += ms;
      coming.shift()?.();
      return Promise.resolve();
    },
  };
  const log: string[] = [];
  const logger = loggerTo(log, "info");
  const options = { name: "mqtt://b/t", qos: 1, endsWhenRead, reader: undefined } as unknown as MqttOptions;
  const partition = new MqttPartition(options, session, { clock, logger });
  const batch = new EventBatch();
  let position: string | undefined;
  let sent = 0;
  return {
    batch,
    coming,
    done,
    inFlight,
    log,
    partition,
    fail: (error: SourceError) => failure = error,
    goTo: (text: string) => position = text,
    takeOver: () => isTakenOver = true,
    /** Messages that the broker sends. */
    send(count: number, qos: 0 | 1 = 1, text: string | undefined = undefined, isRepeated = false) {
      for (let i = 0; i < count; i++) {
        const bytes = Buffer.from(text ?? eventText(sent));
        const record = { topic: "t", bytes, problem: undefined, arrivedMs: 0 } as unknown as BusRecord;
        const publication = { qos, id: ++sent, isRepeated } as Parameters<InFlight["receive"]>[0];
        inFlight.receive(publication, text === "" ? undefined : record);
      }
    },
    async read(
      limit = 100,
      waitMs = 0,
      signal = NEVER,
    ): Promise<Outcome & { awaitsCommit?: boolean }> {
      const from = { lineage: undefined, position, history: new LogHistory() };
      const outcome = await partition.read(from, batch, { limit, waitMs, isAfterRest: false }, signal);
      if ("next" in outcome) position = outcome.next;
      return outcome;
    },
    commit: () => partition.committed({ lineage: undefined, position, history: new LogHistory() }),
  };
}

const textOf = (step: number, isConnecting = false) =>
  positionText({ qos: 1, step, ids: new PacketIds(), isConnecting });

Deno.test("a read takes what is there, else waits as long as it may, or asks what has been sent by now", async () => {
  const { done, read, send } = rig();
  assert.deepEqual(await read(), {
    lineage: undefined,
    next: textOf(0),
    offset: undefined,
    lost: 0,
    decodeMs: 0,
    kind: "idle",
  });
  assert.deepEqual(done.splice(0), ["connect new", "ping"]);
  assert.equal((await read(100, 70)).kind, "idle");
  assert.deepEqual(done.splice(0), ["wait 70"]);
  send(3);
  const outcome = await read(2);
  assert.ok(outcome.kind === "events");
  assert.deepEqual([outcome.next, outcome.lost, outcome.decodeMs, done], [textOf(2), 0, 0, []]);
  assert.equal((await read(2)).kind, "events");
  assert.deepEqual(done, []);
});

Deno.test("of messages that the broker sends again it is told that they may have been counted", async () => {
  const { read, send } = rig();
  const repeated = async () => {
    const outcome = await read();
    assert.ok(outcome.kind === "events");
    return outcome.mayBeRepeated && [0, 1, 2].map(outcome.mayBeRepeated);
  };
  await read();
  send(2);
  assert.equal(await repeated(), undefined);
  send(1);
  send(1, 1, undefined, true);
  assert.deepEqual(await repeated(), [false, true, false]);
});

Deno.test("a read that ends where there is nothing waits a second for more, and then asks", async () => {
  const { coming, done, read, send } = rig({ endsWhenRead: true });
  assert.equal((await read()).kind, "idle");
  assert.deepEqual(done.splice(0), ["connect new", "wait 1000", "ping"]);
  assert.equal((await read(100, 2000)).kind, "idle");
  assert.deepEqual(done.splice(0), ["wait 2000", "ping"]);
  coming.push(() => send(1, 0));
  const outcome = await read();
  assert.deepEqual([outcome.kind, outcome.awaitsCommit, done], ["events", undefined, ["wait 1000"]]);
  // What is no event may have others behind it.
  coming.push(() => send(1, 0, ""));
  const other = await read();
  assert.deepEqual([other.kind, other.awaitsCommit], ["idle", true]);
});

Deno.test("a checkpoint is asked for where the broker sends no more before it", async () => {
  /** How many messages came, how many are asked for, how many more come in a wait. */
  for (
    const [count, limit, more, waits, awaitsCommit] of [
      [7, 100, 0, [], undefined],
      [8, 100, 0, ["wait 10"], true],
      [8, 100, 1, ["wait 10"], undefined],
      [8, 8, 0, ["wait 10"], true],
      [9, 8, 0, [], undefined],
      [RECEIVE_MAXIMUM, 100, 0, [], true],
      [RECEIVE_MAXIMUM - 1, 100, 0, [], undefined],
    ] as const
  ) {
    const { coming, done, read, send } = rig();
    await read();
    done.length = 0;
    send(count);
    coming.push(() => send(more));
    const outcome = await read(limit);
    assert.deepEqual([done, outcome.awaitsCommit], [waits, awaitsCommit], `${count} ${limit} ${more}`);
  }
  const taken = rig();
  await taken.read();
  taken.send(8);
  await taken.read();
  taken.done.length = 0;
  assert.equal((await taken.read(100, 5)).awaitsCommit, true);
  assert.deepEqual(taken.done.splice(0), ["wait 5"], "all of them are taken, so that nothing comes");
  await taken.commit();
  assert.equal((await taken.read(100, 5)).awaitsCommit, undefined);
  const last = rig({ endsWhenRead: true });
  await last.read();
  last.send(1);
  assert.equal((await last.read()).awaitsCommit, true, "one is enough before the end");
});

Deno.test("an id that was used again is waited for no longer", async () => {
  const { done, inFlight, read, send } = rig();
  await read();
  send(1);
  const again = { qos: 1, id: 1, isRepeated: false } as Parameters<InFlight["receive"]>[0];
  inFlight.receive(again, undefined);
  done.length = 0;
  const outcome = await read();
  assert.deepEqual([outcome.kind, outcome.awaitsCommit, done], ["events", true, []]);
});

Deno.test("a session that the broker has lost is one lost event, and the next begins once that is on disk", async () => {
  const { commit, done, goTo, log, read } = rig({ isLost: true });
  goTo(textOf(5, true));
  await commit();
  done.length = 0;
  const lost = await read();
  const next = positionText({ qos: 1, step: 5, ids: undefined, isConnecting: false });
  assert.deepEqual(lost, { kind: "gap", lineage: undefined, offset: undefined, next, lost: 1 });
  assert.match(log.join(), /no longer has the session.*bus=/);
  assert.deepEqual(done.splice(0), ["connect 5"]);
  const waiting = await read();
  assert.deepEqual([waiting.kind, waiting.awaitsCommit, "next" in waiting && waiting.next, done], [
    "idle",
    true,
    next,
    [],
  ]);
  await commit();
  assert.deepEqual(done.splice(0), ["committed 5"]);
  await read();
  assert.deepEqual(done, ["connect 5"]);
});

Deno.test("a session that another client has had is one lost event, and is gone on with", async () => {
  for (const at of [undefined, textOf(5)]) {
    const { commit, done, fail, goTo, log, read, takeOver } = rig();
    if (at !== undefined) goTo(at);
    takeOver();
    fail(new SourceError("refused", "taken over"));
    const next = at ?? positionText({ qos: 1, step: 0, ids: undefined, isConnecting: false });
    assert.deepEqual(await read(), { kind: "gap", lineage: undefined, offset: undefined, next, lost: 1 });
    assert.match(log.join(), /another client with the client id of this handler has had its session.*bus=/);
    await commit();
    done.length = 0;
    const { kind } = await read().catch((error) => error);
    assert.equal(kind, at === undefined ? "refused" : "idle", "no second loss");
  }
});

Deno.test("a position behind what is there needs another connection, and one of another bus is refused", async () => {
  const { commit, done, goTo, read, send } = rig();
  await read();
  send(2);
  goTo(textOf(3));
  await read();
  await commit();
  await read();
  assert.deepEqual(done.filter((one) => one.startsWith("connect")), ["connect new", "connect 3"]);
  goTo("1-0 5");
  const { kind, message } = await errorOf(read());
  assert.equal(kind, "refused");
  assert.match(
    message,
    /^mqtt:\/\/b\/t: the state says that it was read to 1-0 5, which is no position of MQTT/,
  );
});

Deno.test("that a connection is begun is on disk before it is, and then a lost one is told of", async () => {
  const { batch, coming, commit, done, fail, goTo, read, send } = rig();
  const begun = { lineage: undefined, next: textOf(0, true), offset: undefined, lost: 0, decodeMs: 0 };
  goTo(textOf(0));
  assert.deepEqual(await read(), { ...begun, kind: "idle", awaitsCommit: true });
  assert.deepEqual(await read(), { ...begun, kind: "idle", awaitsCommit: true });
  assert.deepEqual(done.splice(0), ["trust"], "what was found is trusted, not what was written");
  await commit();
  assert.deepEqual(await read(), { ...begun, next: textOf(0), kind: "idle" });
  assert.deepEqual(done.splice(0), ["committed 0", "connect 0", "ping"]);
  const ended = new SourceError("unavailable", "it has ended");
  coming.push(() => {
    send(1);
    fail(ended);
  });
  assert.deepEqual(await read(100, 70), { ...begun, kind: "idle", awaitsCommit: true });
  assert.deepEqual([done.splice(0), batch.total], [["wait 70", "trust"], 0], "nothing of it is taken");
  await commit();
  done.length = 0;
  assert.equal(await errorOf(read(100, 70)), ended);
  assert.deepEqual(done, [], "nothing is waited for then");
});

Deno.test("a connection that ends before the first read of it is over is told of at once", async () => {
  const { batch, coming, done, fail, read, send } = rig();
  const ended = new SourceError("unavailable", "it has ended");
  coming.push(() => {
    send(1);
    fail(ended);
  });
  assert.equal(await errorOf(read(100, 70)), ended);
  assert.deepEqual([done, batch.total], [["connect new", "wait 70"], 0]);
});

Deno.test("a connection that is called off by a stop is none that another one follows", async () => {
  const { coming, done, fail, read } = rig();
  await read();
  done.length = 0;
  const stop = new AbortController();
  const ended = new SourceError("unavailable", "it was called off");
  coming.push(() => {
    stop.abort();
    fail(ended);
  });
  assert.equal(await errorOf(read(100, 0, stop.signal)), ended);
  assert.deepEqual(done, ["ping"], "the session is still the one that was seen");
});

Deno.test("what was never read commits nothing", async () => {
  const { commit, done } = rig();
  await commit();
  assert.deepEqual(done, []);
});
