/** A consumer: what it asks for, which messages it takes, and how a pull ends. */
import assert from "node:assert/strict";
import { JetStream } from "../../../src/sources/nats/jetstream.ts";
import { NatsConnection } from "../../../src/sources/nats/nats_connection.ts";
import { StreamConsumer } from "../../../src/sources/nats/stream_consumer.ts";
import { errorOf } from "../file/written_files.ts";
import { ADDRESS, FakeNats, type FakeSocket, StandingClock, type Wanted } from "./fake_nats.ts";

const NEVER = new AbortController().signal;
const MIB = 2 ** 20;

async function rig() {
  const server = new FakeNats();
  const clock = new StandingClock();
  const access = { tls: undefined, login: undefined, connect: server.connect };
  const connection = await NatsConnection.open(ADDRESS, access, clock, NEVER);
  const api = new JetStream(connection, { stream: "S", subjects: [], domain: undefined });
  const name = await api.createConsumer({ sequence: 1 });
  const consumer = new StreamConsumer(connection, api, name);
  const asked: Wanted[] = [];
  /** What happens with each pull, one after the other. */
  const pulls: ((socket: FakeSocket, inbox: string) => void)[] = [];
  server.pulled = (socket, inbox, wanted) => {
    asked.push(wanted);
    pulls.shift()?.(socket, inbox);
    return true;
  };
  const next = async (limit: number, waitMs = 0) =>
    (await consumer.next(limit, waitMs))?.map(({ sequence }) => sequence).join();
  return { asked, clock, connection, consumer, name, next, pulls, server, socket: server.sockets[0]! };
}

const message = (sequence: number, length = 1) => ({
  sequence,
  timeNs: 5_000_000n,
  body: "x".repeat(length),
});

/** Gives these messages, numbered on from `delivery`, and then a status. */
function giving(delivery: number, sequences: readonly number[], status?: string, length = 1) {
  return (socket: FakeSocket, inbox: string) => {
    for (const [i, sequence] of sequences.entries()) {
      socket.message(message(sequence, length), delivery + i, 0);
    }
    if (status !== undefined) socket.status(inbox, status);
  };
}

Deno.test("what is there is asked for at once, else the first that comes in the time", async () => {
  const { asked, clock, next, pulls } = await rig();
  pulls.push(giving(1, [3, 4], "404 No Messages"), giving(3, [], "408 Request Timeout"), giving(3, [9, 10]));
  assert.equal(await next(5), "3,4");
  assert.equal(await next(5, 0.5), "");
  assert.equal(await next(2), "9,10", "as many as were asked for need no status");
  const common = { no_wait: true, max_bytes: 8 * MIB };
  assert.deepEqual(asked, [
    { ...common, batch: 5 },
    { ...common, batch: 5, expires: 1_000_000 },
    { ...common, batch: 2 },
  ]);
  for (
    const [waitMs, allowedMs] of [
      [700, 15_700],
      [0, 15_000],
    ] as const
  ) {
    let end = () => {};
    pulls.push((socket, inbox) => end = () => socket.status(inbox, "404"));
    const pending = next(1, waitMs);
    assert.deepEqual(clock.asleep, [allowedMs], "the answer may take its time");
    end();
    assert.equal(await pending, "");
  }
});

Deno.test("a pull ends by what the server says", async () => {
  const conflicts: readonly (readonly [status: string, given: string, alone: string | undefined])[] = [
    ["404 No Messages", "1", ""],
    ["408 Request Timeout", "1", ""],
    ["503", "1", undefined],
    ["409 Batch Completed", "1", ""],
    ["409 Consumer Deleted", "1", undefined],
    ["409 Consumer is push based", "1", undefined],
    ["409 Server Shutdown", "1", undefined],
    ["409 Leadership Change", "1", undefined],
  ];
  for (const [status, given, alone] of conflicts) {
    const { next, pulls } = await rig();
    pulls.push(giving(1, [1], status), giving(2, [], status));
    assert.deepEqual([await next(5), await next(5)], [given, alone], status);
  }
  const { connection, next, pulls } = await rig();
  pulls.push(giving(1, [1], `409 Exceeded ${"y".repeat(300)}`));
  const { kind, message } = await errorOf(next(5));
  assert.equal(kind, "unavailable");
  assert.match(message, /^NATS at n:4222 answers NATS\/1\.0 409 Exceeded y+$/);
  assert.equal(message.length, "NATS at n:4222 answers ".length + 200);
  assert.equal(connection.isOpen, true);
});

Deno.test("a message that fits into no pull is asked for alone, whatever its length", async () => {
  const { asked, next, pulls } = await rig();
  const crowded = "409 Message Size Exceeds MaxBytes";
  pulls.push(
    giving(1, [1], crowded),
    giving(2, [], crowded),
    giving(2, [2], undefined, 9 * MIB),
    giving(3, [], crowded),
    giving(3, [], "503"),
  );
  assert.equal(await next(5, 10), "1", "what comes before it is given first");
  assert.equal(await next(5, 10), "2");
  assert.equal(await next(5, 10), undefined);
  const several = { batch: 5, no_wait: true, expires: 10_000_000, max_bytes: 8 * MIB };
  const alone = { batch: 1, no_wait: true, expires: 10_000_000 };
  assert.deepEqual(asked, [several, several, alone, several, alone]);
});

Deno.test("no more messages are asked for at once than a server allows", async () => {
  const { asked, next, pulls } = await rig();
  pulls.push(giving(1, [], "409 Exceeded MaxRequestBatch of 2"), giving(1, [1, 2]), giving(3, [3, 4]));
  assert.deepEqual([await next(5), await next(5)], ["1,2", "3,4"]);
  assert.deepEqual(asked.map(({ batch }) => batch), [5, 2, 2]);
  // One that allows nothing at all is not asked again and again.
  pulls.push(giving(5, [], "409 Exceeded MaxRequestBatch of 2"));
  assert.match((await errorOf(next(2))).message, /Exceeded MaxRequestBatch of 2/);
});

Deno.test("what was not asked for, comes twice or leaves one out ends the connection", async () => {
  const faults: readonly (readonly [string, (socket: FakeSocket, inbox: string) => void, RegExp])[] = [
    ["one left out", giving(2, [2]), /leaves out a message, or is one twice/],
    ["one twice", (socket, inbox) => {
      giving(1, [1])(socket, inbox);
      giving(1, [1])(socket, inbox);
    }, /leaves out a message, or is one twice/],
    ["another's", (socket) => socket.say("MSG S.e 2 0\r\n\r\n"), /is a message that was not asked for/],
  ];
  for (const [what, pull, said] of faults) {
    const { connection, next, pulls } = await rig();
    pulls.push(pull);
    const { kind, message } = await errorOf(next(5));
    assert.equal(kind, "garbage", what);
    assert.match(message, said, what);
    assert.equal(connection.isOpen, false, what);
  }
  for (const isBefore of [true, false]) {
    const { connection, next, pulls, socket } = await rig();
    pulls.push(giving(1, [1, 2]));
    if (!isBefore) assert.equal(await next(2), "1,2");
    socket.message(message(3), isBefore ? 1 : 3, 0);
    assert.match((await errorOf(next(1))).message, /is a message that was not asked for/);
    assert.equal(connection.isOpen, false);
  }
  const { connection, next, pulls } = await rig();
  pulls.push(giving(1, [1, 2, 3]));
  assert.match((await errorOf(next(2))).message, /is more than was asked for/);
  assert.equal(connection.isOpen, false);
});

Deno.test("as many bytes as were asked for may come, and the length of two records more", async () => {
  for (const more of [[], [1]]) {
    const { next, pulls } = await rig();
    const lengths = [...Array(10).fill(MIB), ...more];
    pulls.push((socket, inbox) => {
      for (const [i, length] of lengths.entries()) giving(i + 1, [i + 1], undefined, length)(socket, inbox);
      socket.status(inbox, "404");
    });
    if (more.length === 0) assert.equal(await next(20), "1,2,3,4,5,6,7,8,9,10");
    else assert.match((await errorOf(next(20))).message, /is more than was asked for/);
  }
});

Deno.test("statuses of other pulls, and the answer to a deletion, change nothing", async () => {
  const { connection, consumer, name, next, pulls, server, socket } = await rig();
  pulls.push(
    giving(1, [1], "404"),
    (socket, inbox) => {
      socket.status(connection.pullInbox(1), "503");
      socket.status(connection.pullInbox(0), "503");
      socket.say(`MSG ${connection.pullInbox(0)} 2 2\r\n{}\r\n`);
      giving(2, [2, 3], "404")(socket, inbox);
    },
  );
  assert.deepEqual([await next(5), await next(5)], ["1", "2,3"]);
  socket.status(connection.pullInbox(2), "404 late");
  assert.equal(server.consumerCount, 1);
  consumer.close();
  assert.deepEqual([server.consumerCount, server.asked.at(-1)![0]], [0, `CONSUMER.DELETE.S.${name}`]);
  assert.equal(connection.isOpen, true);
});

Deno.test("a connection that breaks ends the pull that is under way", async () => {
  const { next, pulls } = await rig();
  pulls.push((socket) => socket.emit("close"));
  assert.match((await errorOf(next(5))).message, /has closed the connection/);
  const other = await rig();
  other.pulls.push((socket) => socket.say("-ERR 'Permissions Violation for Publish'\r\n"));
  assert.match((await errorOf(other.next(5))).message, /Permissions Violation/);
});
