/** What a read of a stream leads to, by what is there, what was read, and what is gone. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Outcome, Progress, SourceContext } from "../../../src/contract/source.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import { giveWay } from "../../../src/platform/clock/steps.ts";
import { compareIds, entryIdIn, idAfter } from "../../../src/sources/redis/entry_id.ts";
import type { RedisConnection } from "../../../src/sources/redis/redis_connection.ts";
import { RedisPartition } from "../../../src/sources/redis/redis_partition.ts";
import { LongText } from "../../../src/sources/redis/resp_reader.ts";
import { markOf, timeIn } from "../../../src/sources/redis/stream_info.ts";
import { positionIn, positionText } from "../../../src/sources/redis/stream_position.ts";
import { StreamReader } from "../../../src/sources/redis/stream_reader.ts";
import { trimCommand } from "../../../src/sources/redis/stream_trimmer.ts";
import { array, bulk, entryOf, ScriptedRedis } from "./scripted_redis.ts";
import { loggerTo } from "../../support/logs.ts";

const NEVER = new AbortController().signal;
const LINEAGE = "redis r/0 k #1";
const LARGEST = 2n ** 64n - 1n;
const textOf = (text: string) => new TextEncoder().encode(text);
const hashOf = (id: string, fields: readonly string[] = ["v", id]) =>
  markOf({ id, fields: fields.map(textOf) }).hash;

interface World {
  readonly startsAtEnd?: boolean;
  readonly lineages?: SourceContext["lineages"];
  readonly redis?: ScriptedRedis;
}

/** A partition of the stream k, read by a clock that goes on while Redis is waited for. */
function rig({ startsAtEnd = false, lineages, redis = new ScriptedRedis() }: World = {}) {
  const log: string[] = [];
  const heard: number[] = [];
  const trimmed: string[] = [];
  const connections: RedisConnection[] = [];
  let nowMs = 1000;
  const clock = { nowMs: () => 7, monotonicMs: () => nowMs, sleep: () => Promise.resolve() };
  const { instead } = redis;
  redis.instead = (command) => {
    if (command[0] === "XREAD") nowMs += Number(command[4]);
    return instead(command);
  };
  const context = {
    lineages: lineages ?? { readerOf: () => undefined, isKnown: () => false },
    heardTime: (ms: number) => heard.push(ms),
    clock,
    logger: loggerTo(log, "info"),
  } as unknown as SourceContext;
  const partition = new RedisPartition("k", {
    context,
    reader: undefined,
    field: undefined,
    startsAtEnd,
    endpoint: "r/0",
    trimmer: {
      trim: (key: string, upTo: string) => trimmed.push(`${key} ${upTo}`),
      found: () => {},
    } as never,
    connect: async () => {
      const connection = await redis.connect();
      connections.push(connection);
      return connection;
    },
  });
  const batch = new EventBatch();
  return {
    redis,
    partition,
    log,
    heard,
    trimmed,
    connections,
    batch,
    read(
      position?: string,
      waitMs = 0,
      limit = 10,
      lineage: string | null = LINEAGE,
      signal: AbortSignal = NEVER,
    ): Promise<Outcome> {
      const from: Progress = { lineage: lineage ?? undefined, position, history: new LogHistory() };
      return partition.read(from, batch, { limit, waitMs, isAfterRest: false }, signal);
    },
  };
}

function streamOf(...ids: readonly string[]): ScriptedRedis {
  const redis = new ScriptedRedis();
  for (const id of ids) redis.add(id);
  return redis;
}

const step = (kind: string, next: string, lost = 0) => ({
  kind,
  lineage: LINEAGE,
  next,
  offset: undefined,
  lost,
});
const at = (id: string, added: number, oldest?: string) =>
  `${id} ${added}${oldest === undefined ? "" : ` ${oldest} ${hashOf(oldest)}`}`;
const plain = ({ decodeMs: _, ...outcome }: Outcome & { decodeMs?: number }) => outcome;

Deno.test("a stream is read from its oldest entry, or from its end, and on from where it was left", async () => {
  const { read, redis, heard, batch } = rig({ redis: streamOf("1-0", "2-0", "2-1") });
  assert.deepEqual(plain(await read(undefined, 0, 2)), step("events", at("2-0", 2, "1-0")));
  assert.deepEqual([batch.total, batch.originOf?.(1)?.key, heard], [2, "2-0", [12_345]]);
  assert.deepEqual(plain(await read(at("2-0", 2, "1-0"), 0, 2)), step("events", at("2-1", 3, "1-0")));
  assert.deepEqual(plain(await read(at("2-1", 3, "1-0"))), step("idle", at("2-1", 3, "1-0")));
  assert.equal(heard.length, 1);
  redis.add("3-0");
  const end = rig({ redis, startsAtEnd: true });
  assert.deepEqual(plain(await end.read()), step("idle", at("3-0", 4, "1-0")));
  const trimmed = streamOf("1-0", "2-0", "3-0", "4-0");
  trimmed.entries.shift();
  const begun = rig({ redis: trimmed });
  assert.deepEqual(plain(await begun.read(undefined, 0, 1)), step("events", at("2-0", 2, "2-0")));
  assert.equal(begun.partition.unreadAfter(at("2-0", 2)), 2);
  assert.doesNotMatch(begun.log.join(), /lost/);
  const empty = rig({ redis: streamOf() });
  assert.deepEqual(plain(await empty.read()), step("idle", "0-0 0"));
});

Deno.test("a read waits at the server, ten seconds at once, until its time is over", async () => {
  const { read, redis } = rig({ redis: streamOf("1-0") });
  await read(at("1-0", 1, "1-0"), 12_000.5);
  const waits = () => redis.asked.filter((command) => command.startsWith("XREAD"));
  assert.deepEqual(waits(), [
    "XREAD COUNT 1 BLOCK 10000 STREAMS k 1-0",
    "XREAD COUNT 1 BLOCK 2001 STREAMS k 1-0",
  ]);
  const other = rig({ redis: streamOf("1-0") });
  await other.read(at("1-0", 1, "1-0"), 0.5);
  assert.match(other.redis.asked.join(), /BLOCK 1 STREAMS/);
});

Deno.test("entries that are gone before they were read are counted, where that shows", async () => {
  for (
    const [gone, more, limit, next, lost] of [
      // The first ones, with others behind them.
      [2, 3, 10, at("6-0", 6, "4-0"), 2],
      [2, 3, 2, at("5-0", 5, "4-0"), 2],
      // All.
      [5, 0, 10, at("1-0", 6), 5],
      // None.
      [0, 5, 10, at("6-0", 6, "2-0"), 0],
    ] as const
  ) {
    const redis = streamOf("1-0", "2-0", "3-0", "4-0", "5-0", "6-0");
    redis.entries = redis.entries.slice(1 + gone);
    assert.equal(redis.entries.length, more);
    const it = rig({ redis });
    const outcome = await it.read(at("1-0", 1, "1-0"), 0, limit);
    const oldest = redis.entries[0] === undefined ? at("1-0", 6, "1-0") : next;
    assert.deepEqual(plain(outcome), step(more > 0 ? "events" : "idle", oldest, lost));
  }
  const whole = rig({ redis: streamOf("1-0", "2-0", "3-0") });
  const next = await whole.read(at("1-0", 1, "1-0"), 0, 1);
  assert.deepEqual([plain(next), whole.log], [step("events", at("2-0", 2, "1-0")), []]);
  // Deleted in the middle: it shows at the end only.
  const redis = streamOf("1-0", "2-0", "3-0", "4-0");
  redis.entries.splice(2, 1);
  assert.deepEqual(
    plain(await rig({ redis }).read(at("1-0", 1, "1-0"), 0, 1)),
    step("events", at("2-0", 2, "1-0")),
  );
  assert.deepEqual(
    plain(await rig({ redis }).read(at("1-0", 1, "1-0"))),
    step("events", at("4-0", 4, "1-0"), 1),
  );
  // What is lost is told at once, without a wait.
  const all = streamOf("1-0", "2-0");
  all.entries = [];
  const waiting = rig({ redis: all });
  assert.equal((await waiting.read(at("1-0", 1, "1-0"), 500)).kind, "idle");
  assert.ok(!waiting.redis.asked.some((command) => command.startsWith("XREAD")));
});

Deno.test("a server that has lost its last entries is gone on with behind those that it has", async () => {
  const { read, log } = rig({ redis: streamOf("1-0", "2-0") });
  const { lost: _, ...returned } = step("returned", at("2-0", 2, "1-0"));
  assert.deepEqual(plain(await read(at("3-0", 3, "1-0"))), { ...returned, doubtful: 0 });
  assert.match(log.join(), /has lost entries that are counted here.*read_to="3-0" end="2-0"/);
  // What it has behind what was read is read once that is told.
  const goneBackAndOn = async (it: ReturnType<typeof rig>, position: string) => {
    const { lost: _, ...told } = step("returned", position);
    assert.deepEqual(plain(await it.read(position)), { ...told, doubtful: 0 });
    const next = plain(await it.read(position));
    assert.equal(it.log.join().match(/has lost entries that are counted here/g)?.length, 1);
    return next;
  };
  // It has lost some, and has others behind what was read.
  const redis = streamOf("1-0", "2-0", "4-0");
  const behind = await goneBackAndOn(rig({ redis }), at("3-0", 4, "1-0"));
  assert.deepEqual(behind, step("events", at("4-0", 3, "1-0")));
  // It has lost some, and nothing behind what was read.
  const level = await goneBackAndOn(rig({ redis: streamOf("1-0", "3-0") }), at("3-0", 4, "1-0"));
  assert.deepEqual(level, step("idle", at("3-0", 2, "1-0")));
  // Of what was read it has the last one only.
  const one = streamOf("1-0", "4-0");
  one.entries.shift();
  const last = await goneBackAndOn(rig({ redis: one }), at("4-0", 5, "1-0"));
  assert.deepEqual(last, step("idle", at("4-0", 2, "4-0")));
  // It has an older one than was known.
  const older = await goneBackAndOn(rig({ redis: streamOf("1-0", "2-0", "3-0") }), at("3-0", 2, "2-0"));
  assert.equal((older as { kind: string }).kind, "idle");
  // Its oldest entries were trimmed as well.
  redis.entries.shift();
  assert.equal((await rig({ redis }).read(at("5-0", 5, "1-0"))).kind, "returned");
});

Deno.test("a server that has lost entries which were not read is told of once", async () => {
  const redis = streamOf("1-0", "2-0", "3-0", "4-0", "5-0");
  const { read, log } = rig({ redis });
  await read(at("1-0", 1, "1-0"), 0, 1);
  // A server takes over that has three, and gets another one.
  Object.assign(redis, streamOf("1-0", "2-0", "3-0", "9-0"));
  const position = at("2-0", 2, "1-0");
  assert.equal((await read(position)).kind, "returned");
  assert.deepEqual(plain(await read(position)), step("events", at("9-0", 4, "1-0")));
  assert.equal((await read(at("9-0", 4, "1-0"))).kind, "idle");
  assert.match(log.join(), /has lost entries that were not read/);
  assert.equal(log.length, 1);
});

Deno.test("a server that lacks unread entries, and nothing of what was read is left, has the same stream", async () => {
  const redis = streamOf("1-0", "2-0", "3-0", "4-0", "5-0");
  const { read, log } = rig({ redis });
  await read(at("1-0", 1, "1-0"), 0, 1);
  Object.assign(redis, streamOf("1-0", "2-0", "3-0", "9-0"));
  redis.entries = redis.entries.slice(2);
  const position = at("2-0", 2, "1-0");
  assert.equal((await read(position)).kind, "returned");
  assert.deepEqual(plain(await read(position)), step("events", at("9-0", 4, "3-0")));
  assert.match(log.join(), /has lost entries that were not read/);
});

Deno.test("a stream that was made again is another one, and what was known to be unread of it is lost", async () => {
  const made = (...ids: readonly string[]) => streamOf(...ids);
  const { read, partition, log } = rig({ redis: made("1-0", "2-0", "3-0") });
  await read(at("1-0", 1, "1-0"), 0, 1);
  assert.deepEqual([partition.unreadAfter(at("1-0", 1)), partition.unreadAfter("x")], [2, undefined]);
  const other = hashOf("1-0", ["v", "other"]);
  const anew = await read(`3-0 2 1-0 ${other}`);
  assert.deepEqual(plain(anew), { ...step("restarted", at("0-0", 0, "1-0"), 1), lineage: "redis r/0 k #2" });
  assert.match(log.join(), /deleted and made again/);
  const trimmed = made("5-0", "6-0", "7-0");
  trimmed.entries.shift();
  const gone = await rig({ redis: trimmed }).read(`5-0 9 1-0 ${other}`, 0, 10, "redis r/0 k #41");
  assert.deepEqual(plain(gone), { ...step("restarted", at("0-0", 1, "6-0"), 1), lineage: "redis r/0 k #42" });
  assert.equal((await rig({ redis: made("1-0") }).read("9-0 9")).kind, "restarted");
  assert.equal((await rig({ redis: made() }).read(at("9-0", 9, "1-0"))).kind, "restarted");
  const unnamed = await rig({ redis: made("1-0") }).read("9-0 9", 0, 10, null);
  assert.equal("lineage" in unnamed && unnamed.lineage, "redis r/0 k #2");
  // Ids that begin before what was known are of another stream.
  assert.equal((await rig({ redis: made("1-0", "4-0") }).read(at("3-0", 1, "2-0"))).kind, "restarted");
  assert.equal(rig().partition.unreadAfter(at("1-0", 1)), undefined);
});

Deno.test("a stream has a name of its own for each history, and is read once", async () => {
  const lineages = (known: readonly string[], reader?: unknown) =>
    ({ readerOf: () => reader, isKnown: (one: string) => known.includes(one) }) as unknown as SourceContext[
      "lineages"
    ];
  const first = rig({ redis: streamOf("1-0") });
  assert.equal(await first.partition.lineageNow(), LINEAGE);
  assert.deepEqual(plain(await first.read(undefined, 0, 10, null)), step("events", at("1-0", 1, "1-0")));
  const moved = rig({ lineages: lineages(["#1", "#2", "#3"].map((one) => `redis r/0 k ${one}`)) });
  assert.deepEqual(await moved.read(undefined, 0, 10, null), { kind: "moved", lineage: "redis r/0 k #3" });
  assert.match(moved.log.join(), /read by another URL/);
  const reader = (lineage: string) => ({ name: "redis://o/k", lineageNow: () => Promise.resolve(lineage) });
  const exchanged = rig({ lineages: lineages([], reader("other")) });
  assert.deepEqual(await exchanged.read(undefined, 0, 10, null), { kind: "exchanged", lineage: LINEAGE });
  await assert.rejects(rig({ lineages: lineages([], reader(LINEAGE)) }).read(undefined, 0, 10, null), {
    kind: "garbage",
    message: "stream k: it is the same as redis://o/k: name this key only once in VABUS_URL",
  });
});

Deno.test("a read that is called off ends, and one that is over has its connection left alone", async () => {
  const { connections, partition, read, redis } = rig({ redis: streamOf("1-0") });
  const [first, second] = [new AbortController(), new AbortController()];
  const outcome = await read(undefined, 0, 10, "redis r/0 k #7", first.signal) as { decodeMs?: number };
  assert.equal(outcome.decodeMs, 0);
  assert.equal(await partition.lineageNow(), "redis r/0 k #7");
  assert.deepEqual([partition.unreadAfter(at("0-0", 0)), partition.unreadAfter(at("1-0", 1))], [1, 0]);
  first.abort();
  const { instead } = redis;
  redis.instead = (command) => {
    if (command[0] !== "XREAD") return instead(command);
    second.abort();
    return "";
  };
  await assert.rejects(read(at("1-0", 1, "1-0"), 500, 10, LINEAGE, second.signal), {
    kind: "unavailable",
    message: "stream k: the connection to Redis at r:6379 was closed",
  });
  assert.deepEqual(connections.map(({ isOpen }) => isOpen), [false]);
  redis.instead = instead;
  await read();
  partition.close();
  assert.deepEqual(connections.map(({ isOpen }) => isOpen), [false, false]);
  // Called off before there is a connection, it has none.
  await assert.rejects(read(undefined, 0, 10, LINEAGE, AbortSignal.abort()), {
    kind: "unavailable",
    message: "stream k: reading was called off",
  });
  assert.deepEqual(connections.map(({ isOpen }) => isOpen), [false, false, false]);
});

Deno.test("what cannot be read says why", async () => {
  await assert.rejects(rig().read("5"), {
    kind: "refused",
    message: /^stream k: the state says that it was read to 5, which is no position in a stream/,
  });
  const missing = new ScriptedRedis();
  missing.isThere = false;
  await assert.rejects(rig({ redis: missing }).read(), {
    kind: "unavailable",
    message: /^stream k: there is no stream k, or not any more/,
  });
  const { partition, trimmed } = rig();
  for (const position of [undefined, "5", at("5-1", 5)]) {
    await partition.committed({ lineage: LINEAGE, position, history: new LogHistory() });
  }
  assert.deepEqual(trimmed, ["k 5-1"]);
  assert.deepEqual(trimCommand("k", "5-2"), ["XTRIM", "k", "MINID", "~", "5-2", "LIMIT", 100_000]);
});

Deno.test("answers that are not what was asked for are refused", async () => {
  const whole = (result: string | Buffer) => (command: readonly string[]) =>
    command[0] === "EXEC" ? result : undefined;
  const part = (name: string, result: string | Buffer) => (command: readonly string[]) =>
    command[0] === "=" && command[1] === name ? result : undefined;
  const info = (...pairs: readonly (string | Uint8Array)[]) => part("XINFO", array(...pairs));
  const rest = [bulk("length"), ":1\r\n", bulk("entries-added"), ":1\r\n"];
  const field = array(bulk("v"), bulk("1"));
  for (
    const [instead, problem] of [
      [whole(":5\r\n"), /does not belong to the transaction/],
      [whole(array("*0\r\n")), /does not belong to the transaction/],
      [part("XRANGE", ":5\r\n"), /has no entries where some belong/],
      [part("XRANGE", array(":5\r\n")), /has an entry that is none/],
      [part("XRANGE", array(array(bulk("1-0")))), /has an entry that is none/],
      [part("XRANGE", array(array(bulk("1-0"), array()))), /has an entry without fields/],
      [part("XRANGE", array(array(bulk("1-0"), array(bulk("v"))))), /has an entry without fields/],
      [part("XRANGE", array(array(bulk("1-0"), bulk("v")))), /has an entry without fields/],
      [part("XRANGE", array(array(bulk("1-0"), array(bulk("v"), ":1\r\n")))), /a field that is no text/],
      [part("XRANGE", array(array(bulk("1"), field))), /has an entry id that is none/],
      [part("XRANGE", array(array(":1\r\n", field))), /has something else where a text belongs/],
      [part("XINFO", ":5\r\n"), /does not describe the stream/],
      [info(bulk("length"), ":1\r\n"), /Redis 7.0 or newer/],
      [info(bulk("length"), ":-1\r\n", bulk("entries-added"), ":1\r\n"), /where a number belongs/],
      [info(bulk("length"), bulk("1"), bulk("entries-added"), ":1\r\n"), /where a number belongs/],
      [info(...rest, bulk("last-generated-id"), bulk("x")), /has an entry id that is none/],
      [info(...rest), /something else where a text belongs/],
    ] as const
  ) {
    const redis = streamOf("1-0");
    redis.instead = instead;
    await assert.rejects(rig({ redis }).read(), problem);
  }
  // More than was asked for, at the first look.
  const redis = streamOf("1-0", "2-0");
  redis.instead = part("XRANGE", array(...redis.entries.map(entryOf)));
  await assert.rejects(rig({ redis }).read(), /the server sends more entries than were asked for/);
});

Deno.test("as many entries are asked for as an answer of some megabytes has", async () => {
  const KIB = 1024;
  const counts = async (size: number, limit: number, looks: number) => {
    const redis = new ScriptedRedis();
    const stream = new StreamReader("k");
    const connection = await redis.connect();
    const asked: number[] = [];
    for (let i = 0; i < looks; i++) {
      const count = () =>
        Number(redis.asked.findLast((command) => command.startsWith("XRANGE"))!.split(" ").at(-1));
      redis.instead = ([equals, name, , , , , count]) =>
        equals === "=" && name === "XRANGE"
          ? array(
            ...Array.from(
              { length: Number(count) },
              (_, n) => entryOf({ id: `${n + 1}-0`, fields: ["v", "x".repeat(size)] }),
            ),
          )
          : undefined;
      await stream.look(connection, "0-0", limit);
      asked.push(count());
    }
    connection.close();
    return asked;
  };
  // Small ones twice as many, up to the limit; large ones half as many; others as many.
  assert.deepEqual(await counts(10, 5000, 4), [1000, 2000, 4000, 5000]);
  assert.deepEqual(await counts(6 * KIB, 5000, 3), [1000, 500, 500]);
  assert.deepEqual(await counts(2 * KIB, 5000, 2), [1000, 1000]);
});

Deno.test("a server that does not answer is given up after its time, and a wait has more of it", async () => {
  const redis = streamOf("1-0");
  const connection = await redis.connect();
  redis.instead = () => "";
  const fails = assert.rejects(new StreamReader("k").wait(connection, "1-0", 300), {
    message: "Redis at r:6379 has not answered for 20.3 seconds",
  });
  assert.equal(redis.sleeps.at(-1), 20_300);
  await redis.wake();
  await redis.wake();
  await fails;
  assert.equal(connection.isOpen, false);
});

Deno.test("a server that answers slowly is waited for while something comes of it", async () => {
  const redis = streamOf("1-0");
  const connection = await redis.connect();
  redis.instead = () => "$5\r\n";
  const fails = assert.rejects(connection.ask(["GET", "x"]), {
    kind: "unavailable",
    message: "Redis at r:6379 has not answered for 20 seconds",
  });
  await giveWay();
  await redis.wake();
  assert.equal(connection.isOpen, true);
  await redis.wake();
  await fails;
  assert.equal(connection.isOpen, false);
});

Deno.test("a server that has answered is not waited for any more", async () => {
  const redis = streamOf("1-0");
  const connection = await redis.connect();
  await connection.ask(["TIME"]);
  await redis.wake();
  assert.equal(connection.isOpen, true);
  connection.close();
});

Deno.test("what breaks a connection is told to all who wait for an answer", async () => {
  const redis = streamOf("1-0");
  const socket = redis.socket();
  redis.socket = () => socket;
  const connection = await redis.connect();
  redis.instead = () => "";
  const broken = { kind: "unavailable", message: "Redis at r:6379 cannot be reached: reset" };
  const fails = Promise.all([0, 1].map(() => assert.rejects(connection.ask(["GET", "x"]), broken)));
  socket.destroy(new Error("reset"));
  await fails;
  await assert.rejects(connection.ask(["GET", "x"]), broken);
  const ended = streamOf("1-0");
  const end = ended.socket();
  ended.socket = () => end;
  const left = await ended.connect();
  end.destroy();
  await once(end, "close");
  await assert.rejects(left.ask(["TIME"]), { message: "Redis at r:6379 has closed the connection" });
  // A connection that was closed here is not one that the server has closed.
  const other = rig({ redis: streamOf("1-0") });
  await other.read();
  other.partition.close();
  await assert.rejects(other.connections[0]!.ask(["GET", "x"]), {
    message: "the connection to Redis at r:6379 was closed",
  });
});

Deno.test("a connection logs in, chooses its database, and tells what the server answers", async () => {
  const redis = new ScriptedRedis();
  (await redis.connect()).close();
  (await redis.connect({ password: "p" })).close();
  (await redis.connect({ username: "u", password: "p", database: 3 })).close();
  assert.deepEqual(redis.asked, ["AUTH p", "AUTH u p", "SELECT 3"]);
  redis.instead = () => "-WRONGPASS no\r\n";
  const socket = redis.socket();
  const refusing = Object.assign(new ScriptedRedis(), { instead: redis.instead, socket: () => socket });
  for (const one of [redis, refusing]) {
    await assert.rejects(one.connect({ password: "p" }), {
      kind: "refused",
      message: /^Redis at r:6379 answers WRONGPASS no: check user and password/,
    });
  }
  assert.ok(socket.destroyed);
  redis.instead = () => "?\r\n";
  await assert.rejects(redis.connect({ password: "p" }), {
    kind: "garbage",
    message: /^what Redis at r:6379 answers /,
  });
});

Deno.test("ids of entries: their order, the next one, and what is none", () => {
  const ids = ["0-0", "0-1", `0-${LARGEST}`, "1-0", "9-9", "10-0", `${LARGEST}-0`, `${LARGEST}-${LARGEST}`];
  for (const [i, one] of ids.entries()) {
    for (const [j, other] of ids.entries()) assert.equal(Math.sign(compareIds(one, other)), Math.sign(i - j));
  }
  assert.deepEqual(ids.map(idAfter), ["0-1", "0-2", "1-0", "1-1", "9-10", "10-1", `${LARGEST}-1`, undefined]);
  for (const wrong of ["", "1", "1-", "-1", "1-2-3", "a-1", `${LARGEST + 1n}-0`, `0-${LARGEST + 1n}`]) {
    assert.equal(entryIdIn(wrong), undefined, wrong);
  }
});

Deno.test("positions and marks: what they say, and what is none", () => {
  const most = Number.MAX_SAFE_INTEGER;
  for (const text of ["0-0 0", `1-2 ${most}`, "5-0 7 1-0 ff", `5-0 7 ${LARGEST}-1 0`]) {
    assert.equal(positionText(positionIn(text)!), text);
  }
  for (
    const text of [
      "",
      "5",
      "5-0",
      "5-0 x",
      `${LARGEST + 1n}-0 1`,
      `1-2 ${most + 1}`,
      "5-0 7 1-0",
      `5-0 7 0-${LARGEST + 1n} ff`,
    ]
  ) {
    assert.equal(positionIn(text), undefined, text);
  }
  // Of long texts as much counts as is kept in any case, and how long they are.
  const mark = (...fields: readonly (Uint8Array | LongText)[]) => markOf({ id: "1-0", fields }).hash;
  const long = "x".repeat(64);
  assert.equal(mark(textOf(`${long}y`)), mark(textOf(`${long}z`)));
  assert.equal(mark(textOf(`${long}y`)), mark(new LongText(textOf(long), 65)));
  for (
    const other of [
      [textOf(`${long}yz`)],
      [textOf(`y${long}`)],
      [textOf(long)],
      [textOf(long), textOf("y")],
      [],
    ]
  ) {
    assert.notEqual(mark(...other), mark(textOf(`${long}y`)));
  }
  assert.match(mark(textOf("a")), /^[0-9a-f]{1,8}$/);
  // Positions outlive the version that has written them.
  assert.deepEqual([mark(textOf("v"), textOf("1-0")), mark(textOf("v"), textOf("1"))], [
    "d1b36210",
    "34f6f231",
  ]);
});

Deno.test("the time of a server is told in ms, and what is none is not", () => {
  assert.equal(timeIn([textOf("12"), textOf("345678")]), 12_345);
  for (
    const wrong of [null, [], [textOf("1")], [textOf("1"), textOf("x")], [1, 2], [
      textOf("1"),
      textOf("2"),
      textOf("3"),
    ]]
  ) {
    assert.equal(timeIn(wrong as never), undefined);
  }
});
