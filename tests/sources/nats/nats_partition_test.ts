/** A stream as a partition: what is read, what counts as lost, and how it goes on after what has changed. */
import assert from "node:assert/strict";
import type { Outcome, SourceContext } from "../../../src/contract/source.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import { NatsSource, type NatsSourceOptions } from "../../../src/sources/nats/nats_source.ts";
import { namesOf } from "../../contract/source_reading.ts";
import { errorOf } from "../file/written_files.ts";
import { ADDRESS, FakeNats, StandingClock } from "./fake_nats.ts";
import { loggerTo } from "../../support/logs.ts";

const NEVER = new AbortController().signal;
const ORIGINAL = "nats S 2026-01-01T00:00:00Z ";

interface RigOptions extends Partial<Pick<NatsSourceOptions, "startsAtEnd">> {
  readonly servers?: readonly FakeNats[];
  readonly subjects?: readonly string[];
  readonly lineages?: SourceContext["lineages"];
}

/** Messages with odd numbers are of another subject than is asked for. */
function giveEvenOnes(server: FakeNats): void {
  server.pulled = (socket, inbox, _wanted, consumer) => {
    const found = server.kept.filter(({ sequence }) => sequence >= consumer.at && sequence % 2 === 0);
    for (const [i, message] of found.entries()) {
      consumer.at = message.sequence + 1;
      socket.message(message, ++consumer.delivered, found.length - i - 1);
    }
    socket.status(inbox, "404 No Messages");
    return true;
  };
}

/** A source of a stream, which is read on from where the last read has led. */
async function rig(options: RigOptions = {}) {
  const { servers = [new FakeNats()], startsAtEnd = false, subjects = [] } = options;
  const clock = new StandingClock();
  const hosts: string[] = [];
  const connect: FakeNats["connect"] = (address, ...rest) => {
    hosts.push(address.host);
    const server = servers[Number(address.host)]!;
    if (server.greeting === undefined) return Promise.reject(new Error("nobody there"));
    return server.connect(address, ...rest);
  };
  const source = new NatsSource({
    name: "nats://n/S",
    servers: servers.map((_, i) => ({ ...ADDRESS, host: `${i}` })),
    access: { tls: undefined, login: undefined, connect },
    choice: { stream: "S", subjects, domain: undefined },
    startsAtEnd,
    reader: undefined,
    clock,
  });
  const log: string[] = [];
  const heard: number[] = [];
  const context = {
    lineages: options.lineages ?? { readerOf: () => undefined, isKnown: () => false },
    clock,
    heardTime: (ms: number) => heard.push(ms),
    logger: loggerTo(log, "info"),
  } as unknown as SourceContext;
  const [partition] = await source.open(context);
  let [lineage, position]: (string | undefined)[] = [];
  const batch = new EventBatch();
  const read = async (limit = 4, signal = NEVER, waitMs = 0): Promise<Outcome> => {
    const from = { lineage, position, history: new LogHistory() };
    const outcome = await partition!.read(from, batch, { limit, waitMs, isAfterRest: false }, signal);
    if ("next" in outcome) [lineage, position] = [outcome.lineage, outcome.next];
    return outcome;
  };
  return {
    batch,
    clock,
    context,
    heard,
    hosts,
    log,
    partition: partition!,
    read,
    server: servers[0]!,
    source,
    goTo: (text: string | undefined, of = ORIGINAL) => [lineage, position] = [of, text],
    /** What a read gives: names, the number of lost events, and where it has led. */
    async shown(limit?: number) {
      const outcome = await read(limit);
      const { kind, lost, next } = outcome as Outcome & { lost?: number; next?: string };
      return [kind === "events" ? namesOf(batch).join() : kind, lost, next];
    },
  };
}

Deno.test("messages are read on from where the last read has led, and what is gone of all is counted", async () => {
  const { heard, partition, read, server, shown } = await rig();
  const lineage = ORIGINAL;
  const nothing = { kind: "idle", lineage, next: "0", offset: undefined, lost: 0, decodeMs: 0 };
  assert.deepEqual(await read(), nothing);
  server.add(0, 3);
  assert.deepEqual(await shown(2), ["e0,e1", 0, "2 2000000"]);
  assert.equal(partition.unreadAfter!(""), 1);
  server.add(3, 4);
  assert.deepEqual(await shown(1), ["e2", 0, "3 3000000"]);
  assert.equal(partition.unreadAfter!(""), 1);
  assert.deepEqual(await shown(3), ["e3", 0, "4 4000000"]);
  assert.deepEqual(await shown(2), ["idle", 0, "4 4000000"]);
  assert.equal(partition.unreadAfter!(""), 0);
  server.add(4, 9);
  server.remove(6);
  assert.deepEqual(await shown(2), ["e4,e6", 1, "7 7000000"]);
  server.remove(8);
  assert.deepEqual(await shown(2), ["e8", 1, "9 9000000"]);
  server.add(9, 11);
  server.remove(10, 11);
  assert.deepEqual(await shown(2), ["idle", 0, "9 9000000"], "no message behind them shows it");
  server.add(11, 12);
  assert.deepEqual(await shown(2), ["e11", 2, "12 12000000"]);
  server.add(12, 14);
  server.kept = [];
  assert.deepEqual(await shown(2), ["idle", 2, "14 12000000"]);
  assert.deepEqual(await shown(2), ["idle", 0, "14 12000000"]);
  server.add(14, 15);
  assert.deepEqual(await shown(2), ["e14", 0, "15 15000000"]);
  assert.ok(heard.length > 0 && heard.every((ms) => ms === Date.parse("2026-01-02T00:00:00Z")));
});

Deno.test("reading on asks for nothing but messages, and the end needs no other consumer", async () => {
  const { read, server } = await rig();
  server.add(0, 4);
  const waits: (number | undefined)[] = [];
  server.pulled = (_socket, _inbox, { expires }) => {
    waits.push(expires);
    return false;
  };
  await read(2);
  server.asked.length = 0;
  await read(2);
  assert.deepEqual(server.asked.map(([subject]) => subject.split(".")[1]), ["MSG"]);
  server.asked.length = 0;
  await read(2);
  assert.deepEqual(server.asked.map(([subject]) => subject.split(".")[1]), ["MSG", "INFO"]);
  assert.deepEqual(waits, [undefined, undefined, undefined]);
});

Deno.test("a read waits for the first message that is one, and no longer than it may", async () => {
  const { clock, partition, read, server } = await rig();
  clock.passedMs = 1000;
  const waits: (number | undefined)[] = [];
  server.pulled = (socket, inbox, { expires }, consumer) => {
    waits.push(expires);
    clock.passedMs += 200;
    const marker = "NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\n\r\n";
    const at = ++consumer.delivered;
    socket.say(`HMSG S.e 2 $JS.ACK.S.c.1.${at}.${at}.${at}000000.3 ${marker.length} ${marker.length}\r\n`);
    socket.say(`${marker}\r\n`);
    if (waits.length === 4) {
      server.add(0, 5);
      socket.message(server.kept[4]!, at + 1, 0);
    }
    socket.status(inbox, "408 Request Timeout");
    return true;
  };
  const outcome = await read(4, NEVER, 500);
  assert.ok(outcome.kind === "events");
  assert.deepEqual(waits, [500_000_000, 300_000_000, 100_000_000, undefined]);
  assert.equal(outcome.decodeMs, 0);
  assert.equal(partition.unreadAfter!(""), 0);
});

Deno.test("what was read is given again where it was not taken, and what has changed meanwhile is seen", async () => {
  const { goTo, server, shown } = await rig();
  server.add(0, 5);
  for (let i = 0; i < 2; i++) {
    goTo("0");
    assert.deepEqual((await shown())[0], "e0,e1,e2,e3");
    assert.equal(server.consumerCount, 1);
  }
  server.remove(4, 5);
  server.last = 3;
  goTo("5 5000000");
  assert.deepEqual(await shown(), ["returned", undefined, "3"]);
  server.add(7, 8);
  assert.deepEqual(await shown(), ["e7", 0, "4 4000000"]);
});

Deno.test("a message that its consumer was not told of is asked of another one, without a wait", async () => {
  const { goTo, server, shown } = await rig();
  server.add(0, 1);
  await shown();
  const [unaware] = server.consumers;
  const waits: (number | undefined)[] = [];
  server.pulled = (socket, inbox, { expires }, consumer) => {
    waits.push(expires);
    if (consumer !== unaware) return false;
    socket.status(inbox, "404 No Messages");
    return true;
  };
  server.add(1, 4);
  assert.deepEqual(await shown(2), ["e1,e2", 0, "3 3000000"]);
  assert.deepEqual(await shown(2), ["e3", 0, "4 4000000"]);
  assert.equal(server.consumerCount, 1);
  goTo("2 7");
  assert.deepEqual(await shown(2), ["returned", undefined, "0"]);
  goTo("3 3000000");
  assert.deepEqual(await shown(2), ["e3", 0, "4 4000000"]);
  assert.ok(waits.length > 4 && waits.every((wait) => wait === undefined));
});

Deno.test("a stream that is made again while its consumer seems to be there is seen at its end", async () => {
  const { read, server } = await rig();
  server.add(0, 2);
  await read();
  server.created = "2026-02-01T00:00:00Z";
  server.delay();
  const { kind } = await read();
  assert.equal(kind, "restarted");
});

Deno.test("each message is read once, whenever the stream is made again between two requests", async () => {
  for (const before of [0, 2]) {
    for (let request = 1; request <= 12; request++) {
      const { batch, read, server } = await rig();
      server.add(0, before);
      const names: string[] = [];
      let asked = 0;
      server.answers = () => {
        if (++asked === request) {
          server.created = "2026-02-01T00:00:00Z";
          server.delay();
          server.kept = [];
          server.last = 0;
          server.forgetConsumers();
          server.add(10, 14);
        }
        return undefined;
      };
      for (let idle = 0; asked < request || idle < 2;) {
        const { kind } = await read(1);
        if (kind === "events") names.push(namesOf(batch).join());
        idle = kind === "idle" ? idle + 1 : 0;
      }
      const expected = ["e10", "e11", "e12", "e13"];
      const old = names.filter((name) => !expected.includes(name));
      assert.deepEqual(names.slice(old.length), expected, `${before} before, at request ${request}`);
      assert.deepEqual(old, ["e0", "e1"].slice(0, old.length));
    }
  }
});

Deno.test("of some subjects only what was removed unread counts, and the end is passed over", async () => {
  const { server, shown } = await rig({ subjects: ["S.a"] });
  server.add(0, 4);
  giveEvenOnes(server);
  assert.deepEqual(await shown(), ["e1,e3", 0, "4 4000000"]);
  server.add(4, 9);
  server.remove(1, 2, 3, 4, 5);
  assert.deepEqual(await shown(), ["e5,e7", 1, "8 8000000"]);
  assert.deepEqual(await shown(), ["idle", 0, "9 8000000"]);
  server.add(9, 15);
  server.remove(10, 12, 13);
  assert.deepEqual(await shown(), ["e13", 3, "14 14000000"]);
  server.add(15, 17);
  server.remove(15, 16);
  assert.deepEqual(await shown(), ["idle", 2, "17 14000000"]);
});

Deno.test("what is gone is asked for by its numbers only where that tells more, and is not too much", async () => {
  for (
    const [subjects, gone, asked] of [
      [[], 1, false],
      [["S.a"], 0, false],
      [["S.a"], 1, true],
      [["S.a"], 50_000, true],
      [["S.a"], 50_001, false],
      [["S.>"], 1, false],
    ] as const
  ) {
    const { read, server } = await rig({ subjects });
    server.add(0, 2);
    const { info } = server;
    server.info = (withDeleted) => {
      const said = info.call(server, withDeleted);
      return { ...said, state: { ...said.state as object, num_deleted: gone } };
    };
    await read();
    const details = server.asked.some(([, body]) => body.includes("deleted_details"));
    assert.equal(details, asked, `${gone} of ${subjects}`);
  }
});

Deno.test("a source that was not read before begins at the oldest message, or behind the newest", async () => {
  for (const [startsAtEnd, first, all] of [[false, "e2,e3", 0], [true, "idle", 0]] as const) {
    const { server, shown } = await rig({ startsAtEnd });
    server.add(0, 4);
    server.remove(1, 2);
    assert.deepEqual(await shown(), [first, all, startsAtEnd ? "4" : "4 4000000"]);
    server.add(4, 5);
    assert.deepEqual(await shown(), ["e4", 0, "5 5000000"]);
  }
});

Deno.test("a position is gone on behind where the message of then is there, or is gone", async () => {
  const cases: readonly (readonly [position: string, removed: readonly number[], shown: unknown[]])[] = [
    ["3 3000000", [], ["e3,e4", 0, "5 5000000"]],
    ["3", [], ["e3,e4", 0, "5 5000000"]],
    ["3 3000000", [3], ["e3,e4", 0, "5 5000000"]],
    // The clock of the server was set back: older messages are younger.
    ["3 1000000 2000000", [3], ["e3,e4", 0, "5 5000000"]],
    ["3 3000000", [1, 2, 3, 4], ["e4", 1, "5 5000000"]],
    ["3 3000000", [3, 4], ["e4", 1, "5 5000000"]],
    ["5 5000000", [], ["idle", 0, "5 5000000"]],
    ["5 5000000", [5], ["idle", 0, "5 5000000"]],
    ["5 5000000", [1, 2, 3, 4, 5], ["idle", 0, "5 5000000"]],
    ["0", [], ["e0,e1,e2,e3", 0, "4 4000000"]],
  ];
  for (const [position, removed, expected] of cases) {
    const { goTo, server, shown } = await rig();
    server.add(0, 5);
    server.remove(...removed);
    goTo(position);
    assert.deepEqual(await shown(), expected, `${position} without ${removed}`);
    const rest = server.kept.filter(({ sequence }) => sequence > Number(`${expected[2]}`.split(" ")[0]));
    const [names] = await shown();
    assert.equal(names, rest.map(({ sequence }) => `e${sequence - 1}`).join() || "idle", "none twice");
    assert.equal(server.consumerCount, 1);
  }
});

Deno.test("a stream that has other messages where it was read is gone on with behind what is still known", async () => {
  const cases: readonly (readonly [position: string, next: string])[] = [
    // Behind the end: nothing that is there is younger.
    ["7 9000000", "5"],
    ["7", "5"],
    // Another message has that number.
    ["3 3000001", "3"],
    ["4 2500000", "2"],
    ["1 1", "0"],
  ];
  for (const [position, next] of cases) {
    const { goTo, log, read, server, shown } = await rig();
    server.add(0, 5);
    goTo(position);
    assert.deepEqual(await read(), {
      kind: "returned",
      lineage: ORIGINAL,
      next,
      offset: undefined,
      doubtful: 0,
    });
    assert.match(log.join(), new RegExp(`read_to=${position.split(" ")[0]} on_from=${Number(next) + 1}`));
    const names = [0, 1, 2, 3, 4].slice(Number(next), Number(next) + 4).map((i) => `e${i}`);
    const [shownNames, lost] = await shown();
    assert.deepEqual([shownNames, lost], [names.join() || "idle", 0], position);
  }
});

Deno.test("of a stream that came back from a backup all that is new is read where its last number is gone again", async () => {
  for (const subjects of [[], ["S.>"]]) {
    const { goTo, log, read, server, shown } = await rig({ subjects });
    server.add(0, 6);
    server.remove(4);
    goTo(`4 2500000`, `${ORIGINAL}${subjects}`);
    const { kind } = await read();
    assert.equal(kind, "returned");
    assert.match(log.join(), /read_to=4 on_from=3/);
    assert.deepEqual(await shown(), ["e2,e4,e5", 1, "6 6000000"]);
  }
});

Deno.test("the youngest message counts where the clock of a server was set back", async () => {
  const { server, shown } = await rig();
  server.add(0, 3);
  server.kept[1] = { ...server.kept[1]!, timeNs: 9_000_000n };
  assert.deepEqual(await shown(2), ["e0,e1", 0, "2 9000000"]);
  assert.deepEqual(await shown(2), ["e2", 0, "3 3000000 9000000"]);
  server.forgetConsumers();
  server.add(3, 4);
  server.remove(3);
  assert.deepEqual(await shown(2), ["e3", 0, "4 4000000 9000000"]);
});

Deno.test("messages of subjects that a stream took once, or takes now, are not lost", async () => {
  const { server, shown } = await rig({ subjects: ["S.a"] });
  server.subjects = ["S.a"];
  server.add(0, 10);
  giveEvenOnes(server);
  server.remove(4);
  assert.deepEqual(await shown(), ["e1,e5,e7,e9", 1, "10 10000000"]);
});

Deno.test("of some subjects, a message that comes while a consumer is made is not passed over", async () => {
  const { server, shown } = await rig({ subjects: ["S.a"] });
  server.add(0, 1);
  assert.deepEqual((await shown())[0], "e0");
  server.add(1, 2);
  let isToldOf = false;
  // The second message is another subject's, and of the third its consumers are told late.
  server.pulled = (socket, inbox, _wanted, consumer) => {
    const found = isToldOf ? server.kept.filter(({ sequence }) => sequence >= Math.max(3, consumer.at)) : [];
    for (const message of found) {
      consumer.at = message.sequence + 1;
      socket.message(message, ++consumer.delivered, 0);
    }
    socket.status(inbox, "404 No Messages");
    return true;
  };
  server.answers = (subject) => {
    if (subject.startsWith("CONSUMER.CREATE")) server.add(2, 3);
    return undefined;
  };
  assert.deepEqual(await shown(), ["idle", 0, "2 1000000"]);
  isToldOf = true;
  assert.deepEqual(await shown(), ["e2", 0, "3 3000000"]);
});

Deno.test("a stream that was made again with a first number has lost none before it", async () => {
  const { read, server, shown } = await rig();
  server.add(0, 1);
  await shown();
  server.created = "2026-02-01T00:00:00Z";
  server.delay();
  server.last = 999;
  server.kept = [];
  server.add(5, 8);
  server.remove(1000);
  server.forgetConsumers();
  const { info } = server;
  server.info = (withDeleted) => {
    const said = info.call(server, withDeleted);
    return { ...said, config: { ...said.config as object, first_seq: 1000 } };
  };
  const outcome = await read();
  assert.deepEqual([outcome.kind, (outcome as { lost?: number }).lost], ["restarted", 1]);
});

Deno.test("a stream that was made again with what was read of it, as a mirror, is gone on with behind that", async () => {
  const { log, read, server, shown } = await rig();
  server.add(0, 6);
  assert.deepEqual((await shown(4))[0], "e0,e1,e2,e3");
  server.created = "2026-03-01T00:00:00Z";
  server.remove(1, 2);
  server.forgetConsumers();
  const lineage = ORIGINAL.replace("01-01", "03-01");
  assert.deepEqual(await read(), {
    ...{ kind: "restarted", lineage, next: "4 4000000", offset: undefined, lost: 0 },
  });
  assert.match(log.join(), /made again with what was read of it/);
  assert.deepEqual(await shown(), ["e4,e5", 0, "6 6000000"]);
  assert.equal(server.consumerCount, 1);
});

Deno.test("a stream that was made again is begun at its oldest message, and what was unread is lost", async () => {
  const { goTo, log, read, server, shown } = await rig();
  server.add(0, 9);
  assert.deepEqual((await shown(2))[0], "e0,e1");
  server.created = "2026-02-01T00:00:00Z";
  server.delay();
  server.remove(1, 2);
  server.forgetConsumers();
  const lineage = ORIGINAL.replace("01-01", "02-01");
  const next = { offset: undefined, next: "2" };
  assert.deepEqual(await read(), { kind: "restarted", lineage, ...next, lost: 7 + 2 });
  assert.match(log.join(), /the stream was deleted and made again/);
  assert.deepEqual(await shown(2), ["e2,e3", 0, "4 4000001"]);
  const later = await rig({ servers: [server] });
  later.goTo("5 5000000", "another");
  assert.deepEqual(await later.read(), { kind: "restarted", lineage, ...next, lost: 2 });
  goTo(undefined, lineage);
});

Deno.test("a stream that is made again twice before it is read counts what was unread once", async () => {
  const { read, server, shown } = await rig();
  server.add(0, 9);
  assert.deepEqual((await shown(2))[0], "e0,e1");
  server.kept = [];
  server.last = 0;
  for (const [created, lost] of [["2026-02-01T00:00:00Z", 7], ["2026-03-01T00:00:00Z", 0]] as const) {
    server.created = created;
    server.forgetConsumers();
    const outcome = await read();
    assert.deepEqual([outcome.kind, (outcome as { lost?: number }).lost], ["restarted", lost]);
  }
});

Deno.test("a server that loses a consumer is asked for another one, three times at most", async () => {
  const { read, server, shown } = await rig();
  server.add(0, 3);
  assert.deepEqual((await shown(1))[0], "e0");
  server.forgetConsumers();
  assert.deepEqual((await shown(1))[0], "e1");
  let tries = 0;
  server.pulled = (socket, inbox) => {
    tries++;
    socket.status(inbox, "503");
    return true;
  };
  const { kind, message } = await errorOf(read());
  assert.deepEqual([kind, tries], ["unavailable", 3]);
  assert.match(message, /lets go of each consumer at once/);
  server.pulled = () => false;
  assert.deepEqual(await shown(1), ["e2", 0, "3 3000000"]);
});

Deno.test("messages that come twice, or before what was read, end the connection", async () => {
  for (const sequences of [[1, 1], [2, 1]]) {
    const { read, server } = await rig();
    server.add(0, 2);
    server.pulled = (socket, inbox) => {
      for (const [i, sequence] of sequences.entries()) socket.message(server.kept[sequence - 1]!, i + 1, 0);
      socket.status(inbox, "404");
      return true;
    };
    assert.match((await errorOf(read())).message, /is a message that was read before/);
    assert.equal(server.sockets[0]!.isDestroyed, true);
  }
});

Deno.test("messages that only say that others are gone are none, and one without a payload is refused", async () => {
  const { batch, read, server } = await rig();
  server.add(0, 2);
  const empty = (socket: FakeNats["sockets"][number], header: string, sequence: number, more = "") => {
    const head = `NATS/1.0\r\n${header}\r\n\r\n`;
    const reply = `$JS.ACK.S.c.1.${sequence}.${sequence}.${sequence}000000.0`;
    socket.say(`HMSG S.e 2 ${reply} ${head.length} ${head.length + more.length}\r\n${head}${more}\r\n`);
  };
  server.pulled = (socket, inbox, _wanted, consumer) => {
    if (consumer.at === 1) {
      empty(socket, "kv-operation: DEL", 1);
      empty(socket, "Nats-Marker-Reason: MaxAge", 2);
      server.last = 4;
      consumer.at = 3;
    } else if (consumer.at === 3) {
      empty(socket, "a: b", 3);
      empty(socket, "KV-Operation: PUT", 4, "{");
      consumer.at = 5;
    }
    socket.status(inbox, "404");
    return true;
  };
  const outcome = await read();
  assert.ok(outcome.kind === "events");
  assert.deepEqual([outcome.next, outcome.lost, batch.count, batch.total], ["4 4000000", 0, 0, 2]);
  assert.equal(batch.invalid[0]!.detail, "a message without a payload");
});

Deno.test("a stream that another source reads is read by one, and goes on elsewhere where it was left", async () => {
  const reader = (lineage: string) => ({ name: "another", lineageNow: () => Promise.resolve(lineage) });
  const lineages = (found: ReturnType<typeof reader> | undefined, isKnown = false) => ({
    readerOf: () => found,
    isKnown: () => isKnown,
  });
  const exchanged = await rig({ lineages: lineages(reader("other")) });
  exchanged.goTo("1", "before");
  assert.deepEqual(await exchanged.read(), { kind: "exchanged", lineage: ORIGINAL });
  const twice = await rig({ lineages: lineages(reader(ORIGINAL)) });
  twice.goTo("1", "before");
  const { kind, message } = await errorOf(twice.read());
  assert.equal(kind, "garbage");
  assert.match(message, /it is the same as another/);
  const moved = await rig({ lineages: lineages(undefined, true) });
  moved.goTo("1", "before");
  assert.deepEqual(await moved.read(), { kind: "moved", lineage: ORIGINAL });
  assert.match(moved.log.join(), /was read at another address/);
  assert.equal(await moved.partition.lineageNow!(NEVER), ORIGINAL);
  assert.equal(moved.server.sockets.length, 1, "once it is known, nobody is asked");
  const unread = await rig();
  assert.equal(await unread.partition.lineageNow!(NEVER), ORIGINAL);
});

Deno.test("another source may ask for the lineage while the first read looks at the stream", async () => {
  const { partition, read, server } = await rig();
  server.add(0, 3);
  let told: Promise<string> | undefined;
  server.answers = () => {
    told ??= partition.lineageNow!(NEVER);
    return undefined;
  };
  assert.equal((await read()).kind, "events");
  assert.equal(await told, ORIGINAL);
  assert.equal(server.sockets.filter(({ isDestroyed }) => !isDestroyed).length, 1);
});

Deno.test("a position that is none of a stream is refused", async () => {
  const { goTo, read } = await rig();
  goTo("x17");
  const { kind, message } = await errorOf(read());
  assert.equal(kind, "refused");
  assert.match(message, /the state says that it was read to x17, which is no position/);
});

Deno.test("the server that was reached last is tried first, and of several reasons the one to act on is told", async () => {
  const servers = [new FakeNats(), new FakeNats(), new FakeNats()];
  servers[0]!.greeting = undefined;
  for (const server of servers) server.add(0, 3);
  const { hosts, read, source } = await rig({ servers });
  assert.equal((await read(1)).kind, "events");
  assert.deepEqual(hosts.splice(0), ["0", "1"]);
  servers[1]!.sockets[0]!.emit("close");
  assert.equal((await read(1)).kind, "events");
  assert.deepEqual(hosts.splice(0), ["1"]);
  assert.equal(await source.probe(NEVER), "NATS, stream S has 3 messages");
  assert.deepEqual(hosts.splice(0), ["1"]);
  servers[1]!.greeting = 'INFO {"tls_required":true}\r\n';
  servers[2]!.greeting = undefined;
  const { kind, message } = await errorOf(source.probe(NEVER));
  assert.equal(kind, "refused");
  assert.match(message, /wants TLS/);
  assert.deepEqual(hosts.splice(0), ["1", "2", "0"]);
  await source.close();
});

Deno.test("a read that is called off ends its connection, as does closing the source", async () => {
  const { read, server, source } = await rig();
  const over = new AbortController();
  server.pulled = () => {
    over.abort();
    return true;
  };
  assert.match((await errorOf(read(1, over.signal))).message, /was closed/);
  assert.equal(server.sockets[0]!.isDestroyed, true);
  server.pulled = () => false;
  await read();
  assert.deepEqual(server.sockets.map(({ isDestroyed }) => isDestroyed), [true, false]);
  await source.close();
  assert.equal(server.sockets[1]!.isDestroyed, true);
  await errorOf(read(1, AbortSignal.abort()));
});

Deno.test("a source that is opened again lets go of its connection", async () => {
  const { context, read, server, source } = await rig();
  await read();
  await source.open(context);
  assert.equal(server.sockets[0]!.isDestroyed, true);
});

Deno.test("a probe counts the messages, takes none, and names the source in what goes wrong", async () => {
  const { server, source } = await rig();
  assert.equal(await source.probe(NEVER), "NATS, stream S has 0 messages");
  server.add(0, 1);
  assert.equal(await source.probe(NEVER), "NATS, stream S has 1 message");
  const [, made = ""] = server.asked.findLast(([subject]) => subject.startsWith("CONSUMER.CREATE"))!;
  assert.equal(JSON.parse(made).config.opt_start_seq, 2, "behind the end");
  assert.equal(server.consumerCount, 0);
  assert.ok(server.sockets.every(({ isDestroyed }) => isDestroyed));
  server.pulled = (socket, inbox) => {
    socket.status(inbox, "503");
    return true;
  };
  const { message } = await errorOf(source.probe(NEVER));
  assert.match(message, /^nats:\/\/n\/S: the server lets go of each consumer at once/);
  server.answers = () => '{"error":{"code":403}}';
  const refused = await errorOf(source.probe(NEVER));
  assert.equal(refused.kind, "refused");
  assert.match(refused.message, /^nats:\/\/n\/S: stream S: JetStream answers/);
  assert.ok(server.sockets.every(({ isDestroyed }) => isDestroyed));
});

Deno.test("other credentials hold from the next connection on", async () => {
  const { read, server, source } = await rig();
  await read();
  const access = { tls: undefined, login: { kind: "token", token: "new" }, connect: server.connect } as const;
  source.change({ access });
  await read();
  assert.equal(server.sockets.length, 1);
  server.sockets[0]!.emit("close");
  await read();
  assert.deepEqual(server.sockets.map(({ written }) => written.includes('"auth_token":"new"')), [
    false,
    true,
  ]);
  await source.close();
});

Deno.test("a probe that is called off ends its connection, and no other server is tried", async () => {
  const servers = [new FakeNats(), new FakeNats()];
  const { hosts, source } = await rig({ servers });
  const over = new AbortController();
  servers[0]!.answers = () => {
    over.abort();
    return undefined;
  };
  assert.match((await errorOf(source.probe(over.signal))).message, /was closed/);
  assert.equal(servers[0]!.sockets[0]!.isDestroyed, true);
  servers[0]!.greeting = undefined;
  hosts.length = 0;
  await errorOf(source.probe(AbortSignal.abort()));
  assert.deepEqual(hosts, ["0"]);
});
