/** Streams of a real Redis, as a source. */
import assert from "node:assert/strict";
import { readerFor } from "../../../src/codec/mapping/record_reader.ts";
import { SourceError } from "../../../src/contract/source.ts";
import { idAfter } from "../../../src/sources/redis/entry_id.ts";
import type { RedisSourceOptions } from "../../../src/sources/redis/redis_source.ts";
import { trimCommand } from "../../../src/sources/redis/stream_trimmer.ts";
import { events, namesOf, Reading } from "../../contract/source_reading.ts";
import { PATIENCE_MS, until } from "../../support/executable.ts";
import { connectToRedis, RedisServerProcess } from "../../support/redis_server.ts";
import { RedisStream } from "./redis_stream.ts";

const USER = "user vabus on >vabus-secret ~plant:* +multi +exec +xrange +xread +xinfo|stream";
const NEVER = new AbortController().signal;

function entryOf(number: number) {
  return { name: `e${number}`, value: number, timestamp: 1000 };
}

/** The fields of an entry, each followed by its value. */
function fieldsOf(number: number): (string | number)[] {
  return Object.entries(entryOf(number)).flat();
}

/** Adds entries with ids that begin at one. */
function addFromOne(stream: RedisStream, from: number, to: number) {
  return stream.send(
    entriesOf(from, to).map((entry, i) => [
      "XADD",
      stream.key,
      `0-${i + 1}`,
      ...Object.entries(entry).flat(),
    ]),
  );
}

function entriesOf(from: number, to: number) {
  return Array.from({ length: to - from }, (_, i) => entryOf(from + i));
}

async function withSource(
  stream: RedisStream,
  test: (reading: Reading) => Promise<void>,
  options: Partial<RedisSourceOptions> = {},
  from?: Reading["progress"],
): Promise<void> {
  const source = stream.createSource(options);
  try {
    await test(await Reading.open(source, from));
  } finally {
    await source.close();
  }
}

/** Reads all, and returns the reasons of what was refused. */
async function refusalsIn(reading: Reading, names: string[] = []): Promise<string[]> {
  const details: string[] = [];
  while ((await reading.read()).kind === "events") {
    names.push(...namesOf(reading.batch));
    for (const invalid of reading.batch.invalid) {
      details.push(invalid.detail);
      assert.ok(reading.batch.rawOfInvalid(invalid).length <= 64 * 1024);
    }
  }
  return details;
}

/** Each step has a stream of its own. */
async function streamSteps(
  t: Deno.TestContext,
  server: RedisServerProcess,
  steps: Readonly<Record<string, (stream: RedisStream) => Promise<void>>>,
): Promise<void> {
  for (const [name, test] of Object.entries(steps)) {
    await t.step(name, async () => {
      const stream = await RedisStream.create(server);
      try {
        await test(stream);
      } finally {
        await stream.remove();
      }
    });
  }
}

Deno.test("streams of Redis: entries as records", async (t) => {
  await using server = await RedisServerProcess.start();
  await streamSteps(t, server, {
    "name, label and time come from key, id and fields where the mapping says so": async (stream) => {
      await stream.send([["XADD", stream.key, "1700000000123-7", "temp", "21.5", "site", 'n"\\ö']]);
      const reader = readerFor({
        format: "json",
        name: "{topic}.{key}",
        value: "/temp",
        timestamp: "bus",
        labels: "site:{/site}",
      });
      await withSource(stream, async (reading) => {
        assert.equal((await reading.read()).kind, "events");
        const { batch } = reading;
        assert.ok(namesOf(batch)[0]!.startsWith(`${stream.key}.1700000000123-7`));
        assert.match(namesOf(batch)[0]!, /site":"n/);
        assert.deepEqual([batch.value[0], batch.timeMs[0]], [21.5, 1_700_000_000_123]);
        assert.deepEqual(batch.originOf!(0), {
          offset: undefined,
          topic: stream.key,
          separator: undefined,
          key: "1700000000123-7",
          busMs: 1_700_000_000_123,
        });
      }, { reader });
    },
    "a field that holds the record, and entries without it": async (stream) => {
      await stream.add(
        { data: JSON.stringify(entryOf(0)), other: 1 },
        { other: JSON.stringify(entryOf(1)) },
        { data: "garbage" },
        { data: "" },
        { x: 1, data: JSON.stringify(entryOf(1)) },
      );
      await withSource(stream, async (reading) => {
        const names: string[] = [];
        const details = await refusalsIn(reading, names);
        assert.deepEqual(names, events(0, 2));
        assert.equal(details.length, 3);
        assert.match(details[0]!, /^an entry without the field data, which field= of the URL names$/);
      }, { field: "data", reader: undefined });
    },
    "behind the largest id there is nothing, and nothing behind it is trimmed": async (stream) => {
      const largest = "18446744073709551615-18446744073709551615";
      await stream.send([["XADD", stream.key, "1-1", ...fieldsOf(0)], [
        "XADD",
        stream.key,
        largest,
        ...fieldsOf(1),
      ]]);
      await withSource(stream, async (reading) => {
        assert.deepEqual(await reading.readAll(), events(0, 2));
        await reading.partition.committed(reading.progress);
        assert.equal((await reading.read({ waitMs: 1 })).kind, "idle");
      }, { trims: true });
      assert.equal(trimCommand("k", idAfter(largest) ?? largest)[4], largest);
    },
    "a stream that had as many entries as can be counted is read on": async (stream) => {
      await stream.add(entryOf(0));
      await stream.send([["XSETID", stream.key, "9999999999999-1", "ENTRIESADDED", Number.MAX_SAFE_INTEGER]]);
      await withSource(stream, async (reading) => {
        assert.deepEqual(await reading.readAll(), events(0, 1));
        assert.equal((await reading.read()).kind, "idle");
      });
    },
    "an entry that is too long, in one field or in many, costs nothing beside it": async (stream) => {
      const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}`, "x".repeat(900_000)]));
      await stream.add(
        entryOf(0),
        { note: "x".repeat(20_000_000), ...entryOf(9) },
        entryOf(1),
        { ...many, ...entryOf(9) },
        entryOf(2),
      );
      await withSource(stream, async (reading) => {
        const names: string[] = [];
        const details = await refusalsIn(reading, names);
        assert.deepEqual(names, events(0, 3));
        assert.equal(details.length, 2);
        for (const detail of details) {
          assert.match(detail, /^a record of \d+ bytes, of which 1048576 are allowed$/);
        }
      });
    },
    "entries that are long together are read in parts": async (stream) => {
      const note = "x".repeat(900_000);
      for (let i = 0; i < 40; i++) await stream.add({ ...entryOf(i), note });
      await withSource(stream, async (reading) => {
        const names: string[] = [];
        for (;;) {
          const { kind } = await reading.read({ limit: 1000 });
          if (kind === "idle") break;
          names.push(...namesOf(reading.batch));
        }
        assert.deepEqual(names, events(0, 40));
      });
    },
    "bytes that are no text are refused": async (stream) => {
      await stream.send([[
        "EVAL",
        `redis.call('XADD', KEYS[1], '*', 'name', '\\255\\254', 'value', 1)`,
        1,
        stream.key,
      ]]);
      await stream.add(entryOf(0));
      await withSource(stream, async (reading) => {
        const names: string[] = [];
        assert.deepEqual(await refusalsIn(reading, names), ["not UTF-8"]);
        assert.deepEqual(names, ["e0"]);
      });
    },
  });
});

Deno.test("streams of Redis: what is gone is counted", async (t) => {
  await using server = await RedisServerProcess.start();
  await streamSteps(t, server, {
    "trimmed before it was read, while it is away and while it waits": async (stream) => {
      await stream.add(...entriesOf(0, 20));
      await withSource(stream, async (reading) => {
        await reading.read();
        await stream.trimTo(6);
        assert.deepEqual(await reading.readAll(), [10, ...events(14, 20)]);
        await stream.add(...entriesOf(20, 23));
        await stream.trimTo(0);
        assert.deepEqual(await reading.readAll(), [3]);
        await stream.add(...entriesOf(23, 24));
        assert.deepEqual(await reading.readAll(), events(23, 24));
      });
    },
    "deleted in the middle": async (stream) => {
      await stream.send(Array.from({ length: 12 }, (_, i) => [
        "XADD",
        stream.key,
        `5-${i + 1}`,
        ...Object.entries(entryOf(i)).flat(),
      ]));
      await withSource(stream, async (reading) => {
        await reading.read();
        await stream.send([["XDEL", stream.key, "5-7", "5-8"]]);
        const all = await reading.readAll();
        assert.deepEqual(all.filter((one) => typeof one === "string"), [...events(4, 6), ...events(8, 12)]);
        assert.deepEqual(all.filter((one) => typeof one === "number"), [2]);
        await stream.send([["XDEL", stream.key, "5-1", "5-12"]]);
        assert.deepEqual(await reading.readAll(), []);
      });
    },
    "what was gone before the source was new is not missed; nor is what start=newest leaves out": async (
      stream,
    ) => {
      await stream.add(...entriesOf(0, 9));
      await stream.trimTo(4);
      await withSource(stream, async (reading) => {
        assert.deepEqual(await reading.readAll(), events(5, 9));
      });
      await withSource(stream, async (reading) => {
        assert.deepEqual(await reading.readAll(), []);
        await stream.add(...entriesOf(9, 11));
        assert.deepEqual(await reading.readAll(), events(9, 11));
      }, { startsAtEnd: true });
    },
    "a stream that is deleted is waited for, and read anew; what was known to be unread is lost": async (
      stream,
    ) => {
      await stream.add(...entriesOf(0, 8));
      await withSource(stream, async (reading) => {
        await reading.read();
        await stream.send([["DEL", stream.key]]);
        await assert.rejects(reading.look(), (error) => {
          assert.ok(error instanceof SourceError && error.kind === "unavailable");
          return /there is no stream \S+, or not any more: waiting for its first entry/.test(error.message);
        });
        await stream.add(...entriesOf(8, 9));
        const outcome = await reading.read();
        assert.ok(outcome.kind === "restarted");
        assert.equal(outcome.lost, 4);
        assert.match(outcome.lineage!, /#2$/);
        assert.equal(reading.partition.unreadAfter!(outcome.next!), 1, "what the stream has now");
        assert.deepEqual(await reading.readAll(), ["e8"]);
      });
    },
    "made again with ids that begin anew": async (stream) => {
      const add = (from: number, to: number) => addFromOne(stream, from, to);
      await add(0, 5);
      await withSource(stream, async (reading) => {
        assert.deepEqual(await reading.readAll(), events(0, 5));
        await stream.makeAgain();
        await add(5, 20);
        assert.deepEqual(await reading.readAll(), events(5, 20));
        await stream.makeAgain();
        await add(20, 22);
        assert.deepEqual(await reading.readAll(), events(20, 22));
      });
    },
    "a server that has lost its last entries is gone on with behind them": async (stream) => {
      const add = (from: number, to: number, ms = 5) =>
        stream.send(
          entriesOf(from, to).map((entry, i) => [
            "XADD",
            stream.key,
            `${ms}-${from + i + 1}`,
            ...Object.entries(entry).flat(),
          ]),
        );
      await add(0, 9);
      await withSource(stream, async (reading) => {
        assert.deepEqual(await reading.readAll(), events(0, 9));
        // As a replica that has not got the last three.
        await stream.makeAgain();
        await add(0, 6);
        const outcome = await reading.read();
        assert.ok(outcome.kind === "returned");
        assert.equal(outcome.doubtful, 0);
        await add(9, 11, 6);
        assert.deepEqual(await reading.readAll(), events(9, 11));
        // The same, and it goes on before it is looked at.
        await stream.makeAgain();
        await add(0, 6);
        await add(11, 20, 7);
        assert.deepEqual(await reading.readAll(), events(11, 20));
      });
    },
  });
});

Deno.test("streams of Redis: what was read is trimmed where that is asked for, and not before it is on disk", async (t) => {
  await using server = await RedisServerProcess.start(["stream-node-max-entries 10"]);
  await streamSteps(t, server, {
    "trim=true": async (stream) => {
      await stream.add(...entriesOf(0, 45));
      const lengthOf = async () => await stream.connection.ask(["XLEN", stream.key]);
      await withSource(stream, async (reading) => {
        await reading.read({ limit: 25 });
        assert.equal(await lengthOf(), 45);
        const { progress: early } = reading;
        await reading.read({ limit: 10 });
        await reading.partition.committed(early);
        await until(async () => await lengthOf() === 25, "the first two nodes to be gone", PATIENCE_MS);
        assert.deepEqual(await reading.readAll(), events(35, 45));
        await reading.partition.committed(reading.progress);
        await until(async () => Number(await lengthOf()) <= 5, "the rest to be gone", PATIENCE_MS);
        await stream.add(...entriesOf(45, 47));
        assert.deepEqual(await reading.readAll(), events(45, 47));
      }, { trims: true });
    },
    "nothing of a stream that was made again while nobody read it": async (stream) => {
      const add = (from: number, to: number) => addFromOne(stream, from, to);
      await add(0, 45);
      let progress: Reading["progress"] | undefined;
      await withSource(stream, async (reading) => {
        await reading.readAll();
        progress = reading.progress;
      }, { trims: true });
      await stream.makeAgain();
      await add(45, 80);
      await withSource(
        stream,
        async (reading) => {
          // As at a start.
          await reading.partition.committed(progress!);
          for (let turn = 0; turn < 50; turn++) await stream.connection.ask(["PING"]);
          assert.equal(await stream.connection.ask(["XLEN", stream.key]), 35);
          assert.deepEqual(await reading.readAll(), events(45, 80));
        },
        { trims: true },
        progress,
      );
    },
  });
});

Deno.test("streams of Redis: logins, rights, keys that are no streams, and a server that restarts", async (t) => {
  await using server = await RedisServerProcess.start([USER], "redis-secret");
  const admin = await connectToRedis(server.port, { username: undefined, password: "redis-secret" });
  await admin.ask(["XADD", "plant:1", "*", "name", "e0", "value", "0", "timestamp", "1000"]);
  await admin.ask(["SET", "plant:text", "x"]);
  const stream = (key: string, username: string | undefined, password: string, more = {}) =>
    RedisStream.at(server.port, key).createSource({
      access: { tls: undefined, login: { username, password }, database: 0 },
      ...more,
    });
  const failure = async (source: ReturnType<typeof stream>) => {
    try {
      return await source.probe(NEVER);
    } catch (error) {
      assert.ok(error instanceof SourceError);
      assert.doesNotMatch(error.message, /secret/);
      return `${error.kind} ${error.message}`;
    }
  };
  const login = ["vabus", "vabus-secret"] as const;
  await t.step("an ACL user with the rights of the documents", async () => {
    assert.equal(await failure(stream("plant:1", ...login)), "Redis, stream plant:1 has 1 entry");
  });
  await t.step("each that does not fit is named", async () => {
    assert.match(
      await failure(stream("plant:1", "vabus", "wrong-secret")),
      /^refused .*WRONGPASS.*check user and/,
    );
    assert.match(await failure(stream("other:1", ...login)), /^refused .*NOPERM.*grant the user/);
    assert.match(await failure(stream("plant:1", ...login, { trims: true })), /^refused .*NOPERM.*xtrim/);
    assert.match(await failure(stream("plant:text", ...login)), /^refused .*the key is no stream/);
    assert.match(
      await failure(stream("plant:none", ...login)),
      /^unavailable .*there is no stream plant:none/,
    );
    const open = { access: { tls: undefined, login: undefined, database: 0 } };
    assert.match(await failure(stream("plant:1", ...login, open)), /^refused .*NOAUTH/);
    const far = {
      access: { tls: undefined, login: { username: undefined, password: "redis-secret" }, database: 99 },
    };
    assert.match(await failure(stream("plant:1", ...login, far)), /^refused .*has no such database/);
  });
  await t.step("a server that restarts has the same stream", async () => {
    const source = stream("plant:1", ...login);
    const reading = await Reading.open(source);
    assert.deepEqual(await reading.readAll(), ["e0"]);
    await server.restart();
    // The connection may be known to be gone already.
    await reading.look().catch((error) => assert.ok(error instanceof SourceError));
    assert.deepEqual(await reading.readAll(), []);
    await source.close();
  });
  admin.close();
});

Deno.test("a server whose memory is full takes no transactions, and is read all the same", async () => {
  await using server = await RedisServerProcess.start();
  const stream = await RedisStream.create(server);
  await stream.add(...entriesOf(0, 9));
  await withSource(stream, async (reading) => {
    assert.equal((await reading.read()).kind, "events");
    await stream.send([["XTRIM", stream.key, "MAXLEN", 3], ["CONFIG", "SET", "maxmemory", 1]]);
    try {
      assert.deepEqual(await reading.readAll(), [2, ...events(6, 9)]);
      await assert.rejects(stream.add(entryOf(9)), /OOM/);
    } finally {
      await stream.send([["CONFIG", "SET", "maxmemory", 0]]);
    }
    await stream.add(entryOf(9));
    assert.deepEqual(await reading.readAll(), ["e9"]);
  });
});

Deno.test("a key that was read by another URL goes on where it was left, and none is read twice", async () => {
  await using server = await RedisServerProcess.start();
  const stream = await RedisStream.create(server);
  await stream.add(...entriesOf(0, 3));
  await withSource(stream, async (reading) => {
    await reading.readAll();
    const known = reading.progress.lineage;
    const source = stream.createSource({ name: "redis://elsewhere/key;other" });
    const lineages = { readerOf: () => undefined, isKnown: (lineage: string) => lineage === known };
    const moved = await Reading.open(source, undefined, { lineages });
    assert.deepEqual(await moved.look(), { kind: "moved", lineage: known });
    const reader = { name: "another", lineageNow: (_: AbortSignal) => Promise.resolve(known!) };
    const twice = await Reading.open(source, undefined, {
      lineages: { ...lineages, readerOf: () => reader },
    });
    await assert.rejects(twice.look(), /it is the same as another: name this key only once in VABUS_URL/);
    await source.close();
  });
  await stream.remove();
});
