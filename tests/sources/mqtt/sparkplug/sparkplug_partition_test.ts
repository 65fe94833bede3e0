/** What is remembered of Sparkplug nodes, through reads that are held back, checkpoints and kills. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { compileMapping } from "../../../../src/codec/mapping/event_mapping.ts";
import type { SparkplugReader } from "../../../../src/codec/sparkplug/sparkplug_reader.ts";
import type { Outcome, Partition, Progress, SourceError } from "../../../../src/contract/source.ts";
import { EventBatch } from "../../../../src/event/event_batch.ts";
import { LogHistory } from "../../../../src/event/log_history.ts";
import { systemClock } from "../../../../src/platform/clock/clock.ts";
import { CertificateStore } from "../../../../src/sources/mqtt/sparkplug/certificate_store.ts";
import { SparkplugPartition } from "../../../../src/sources/mqtt/sparkplug/sparkplug_partition.ts";
import { ARRIVED_MS, contentOf } from "../../../codec/mapping/read.ts";
import { encoded } from "../../../codec/sparkplug/messages.ts";
import { below, chance, oneOf } from "../../../fuzz/draw.ts";
import { randomNumbers } from "../../../support/event_stream.ts";
import { testSeed } from "../../../support/seed.ts";
import { type PlantMessage, PlantNode } from "./plant.ts";
import { SILENT } from "../../../support/logs.ts";
import { loggerTo } from "../../../support/logs.ts";

const MAPPING = compileMapping({ format: "sparkplug", name: "{path}", labels: "x:{key}" });
const HISTORY = new LogHistory();

/** Messages that are read by their number. */
class MessageLog {
  readonly messages: (Pick<PlantMessage, "topic" | "payload"> & Partial<PlantMessage>)[] = [];
  /** Messages a read. */
  limit = 3;
  fails = false;

  /** The number that a node's next message should have; undefined: it has sent none. */
  sequenceAfter(node: string): number | undefined {
    const sequence = this.messages.findLast(({ sequence, topic }) =>
      sequence !== undefined && topic.split("/")[3] === node
    )?.sequence;
    return sequence === undefined ? undefined : (sequence + 1) % 256;
  }

  partition(reader: SparkplugReader): Partition {
    return {
      id: "",
      replay: "redelivers-unacknowledged",
      readMaxMs: 0,
      read: ({ position }, into) => {
        const first = Number(position ?? 0);
        const taken = this.messages.slice(first, first + this.limit);
        const bytes = new Uint8Array(taken.reduce((sum, { payload }) => sum + payload.length, 0));
        into.reset(bytes);
        reader.begin(into);
        let at = 0;
        for (const { payload, topic } of taken) {
          bytes.set(payload, at);
          reader.read(into, at, at += payload.length, { topic, arrivedMs: ARRIVED_MS });
        }
        if (this.fails) return Promise.reject(new Error("a read that fails"));
        const step = { lineage: undefined, offset: undefined, lost: 0, decodeMs: 0 };
        return Promise.resolve({ ...step, kind: "events", next: `${first + taken.length}` });
      },
      committed: () => Promise.resolve(),
    };
  }
}

/** A handler that reads messages, with a state that survives its death. */
class Handler implements Disposable {
  position: string | undefined;
  /** As of the last checkpoint. */
  saved: { position: string | undefined; events: number; refused: number } = {
    position: undefined,
    events: 0,
    refused: 0,
  };
  readonly events: string[] = [];
  readonly refused: string[] = [];
  readonly published: string[] = [];
  readonly logged: string[] = [];
  lost = 0;
  private partition: SparkplugPartition;

  constructor(readonly log: MessageLog, private readonly path: string) {
    this.partition = this.born();
  }

  /** Reads once. Returns whether there was anything. */
  async read(isHeld = false): Promise<boolean> {
    const batch = new EventBatch();
    const outcome = await this.partition.read(
      this.progress(this.position),
      batch,
      { limit: 1000, waitMs: 0, isAfterRest: false },
      new AbortController().signal,
    );
    assert.ok(outcome.kind === "events");
    if (isHeld) return true;
    const { events, invalid } = contentOf(batch);
    this.events.push(...events.map(({ name, value }) => `${name}=${value}`));
    this.refused.push(...invalid.map(({ detail }) => detail));
    this.lost += outcome.lost;
    this.position = outcome.next;
    return batch.total > 0;
  }

  async checkpoint(): Promise<void> {
    const { events, position, refused } = this;
    this.saved = { position, events: events.length, refused: refused.length };
    if (position !== undefined) await this.partition.committed(this.progress(position));
  }

  die(): void {
    this.partition.close();
    const { events, position, refused } = this.saved;
    this.position = position;
    this.events.length = events;
    this.refused.length = refused;
    this.partition = this.born();
  }

  interrupted(): void {
    this.partition.interrupted();
  }

  [Symbol.dispose](): void {
    this.partition.close();
  }

  private born(): SparkplugPartition {
    if (!("ok" in MAPPING)) throw new Error("no mapping");
    const logger = loggerTo(this.logged, "warn");
    const publish = (topic: string) => void this.published.push(topic);
    const options = { mapping: MAPPING.ok!, path: this.path, name: "bus", publish };
    return new SparkplugPartition(
      options,
      { clock: systemClock, logger },
      (reader) => this.log.partition(reader),
    );
  }

  private progress(position: string | undefined): Progress {
    return { lineage: undefined, position, history: HISTORY };
  }
}

async function withDirectory(test: (path: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-births-" });
  try {
    await test(join(directory, "births.sqlite"));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("Sparkplug, property: whatever is held back and whenever it dies, all events have their names", async () => {
  const seed = testSeed(144);
  for (let round = 0; round < 4; round++) {
    await withDirectory(async (path) => {
      const random = randomNumbers(seed + round);
      const nodes = ["n1", "n2", "n3"].map((node) => new PlantNode("g", node, random));
      const log = new MessageLog();
      const expected: string[] = [];
      using handler = new Handler(log, path);
      for (let step = 0; step < 300; step++) {
        const message = oneOf(random, nodes).act();
        log.messages.push(message);
        expected.push(...message.events);
        log.limit = 1 + below(random, 6);
        const draw = random();
        if (draw < 0.1) await handler.read(true);
        else if (draw < 0.6) await handler.read();
        else if (draw < 0.7) await handler.checkpoint();
        else if (draw < 0.73) handler.die();
        else if (draw < 0.75) handler.interrupted();
        else if (draw < 0.78) {
          log.fails = true;
          await assert.rejects(handler.read(), /a read that fails/);
          log.fails = false;
        }
      }
      while (await handler.read());
      assert.deepEqual(handler.events, expected);
      assert.deepEqual(handler.refused, []);
      assert.equal(handler.lost, 0);
      assert.deepEqual(handler.published, []);
    });
  }
});

Deno.test("Sparkplug, property: messages that are lost cost events, and never give them other names", async () => {
  const seed = testSeed(145);
  let refusals = 0;
  let taken = 0;
  for (let round = 0; round < 4; round++) {
    await withDirectory(async (path) => {
      const random = randomNumbers(seed + round);
      const nodes = new Map(["n1", "n2", "n3"].map((node) => [node, new PlantNode("g", node, random)]));
      const log = new MessageLog();
      const sent = new Set<string>();
      using handler = new Handler(log, path);
      const send = (message: PlantMessage, isAway: boolean) => {
        for (const event of message.events) sent.add(event);
        if (!isAway || message.isKept) log.messages.push(message);
      };
      for (let step = 0; step < 300; step++) {
        send(oneOf(random, [...nodes.values()]).act(), false);
        await handler.read(chance(random, 0.1));
        if (chance(random, 0.2)) await handler.checkpoint();
        if (chance(random, 0.03)) {
          // The connection or the handler dies; what the broker has sent by then is lost unless it keeps it.
          if (chance(random, 0.5)) handler.die();
          else handler.interrupted();
          log.messages.length = Number(handler.position?.split(";")[0] ?? 0);
          for (let away = below(random, 30); away > 0; away--) {
            send(oneOf(random, [...nodes.values()]).act(), true);
          }
          // A birth that was missed begins the numbers anew. Where they fit by chance, nobody can tell.
          for (const [name, node] of nodes) {
            while (node.nextSequence === log.sequenceAfter(name)) send(node.act(), true);
          }
        }
        for (const topic of handler.published.splice(0)) {
          send(nodes.get(topic.split("/")[3]!)!.beBornAgain(), false);
        }
      }
      while (await handler.read());
      for (const event of handler.events) assert.ok(sent.has(event), `nobody has sent ${event}`);
      refusals += handler.refused.length;
      taken += handler.events.length;
    });
  }
  assert.ok(refusals > 0 && taken > 500, `${refusals} refused, ${taken} taken`);
});

Deno.test("Sparkplug: births that are not where they were kept are asked for again", async () => {
  await withDirectory(async (path) => {
    const log = new MessageLog();
    const birth = { seq: 0, metrics: [{ name: "a", alias: 1, type: "Int8", value: 1 }] };
    const data = { seq: 1, metrics: [{ alias: 1, type: "Int8", value: 2 }] };
    log.messages.push({ topic: "spBv1.0/g/NBIRTH/n", payload: encoded(birth) });
    using handler = new Handler(log, path);
    await handler.read();
    await handler.checkpoint();
    handler.die();
    await Deno.remove(path);
    log.messages.push({ topic: "spBv1.0/g/NDATA/n", payload: encoded(data) });
    await handler.read();
    assert.match(handler.refused[0]!, /^the metric with the alias 1 has no name/);
    assert.deepEqual(handler.published, ["spBv1.0/g/NCMD/n"]);
    assert.match(
      handler.logged.join(),
      /the birth certificates of the Sparkplug nodes are not where they were/,
    );
  });
});

Deno.test("Sparkplug: certificates that no position needs any more are deleted", async () => {
  await withDirectory(async (path) => {
    const log = new MessageLog();
    log.limit = 1;
    using handler = new Handler(log, path);
    for (let value = 0; value < 50; value++) {
      const metrics = [
        { name: "a", alias: 1, type: "Int32", value },
        { name: "text", type: "String", value: "a".repeat(10_000) },
      ];
      log.messages.push({ topic: "spBv1.0/g/NBIRTH/n", payload: encoded({ seq: 0, metrics }) });
      await handler.read();
      await handler.checkpoint();
    }
    handler.die();
    log.messages.push({
      topic: "spBv1.0/g/NDATA/n",
      payload: encoded({ seq: 1, metrics: [{ alias: 1, type: "Int32", value: 7 }] }),
    });
    await handler.read();
    assert.equal(handler.refused.length, 0);
    const { size } = await Deno.stat(path);
    assert.ok(size < 200_000, `${size} bytes`);
  });
});

Deno.test("Sparkplug: gaps count as lost messages and are told", async () => {
  await withDirectory(async (path) => {
    const log = new MessageLog();
    const metrics = [{ name: "a", alias: 1, type: "Int8", value: 1 }];
    log.messages.push({ topic: "spBv1.0/g/NBIRTH/n", payload: encoded({ seq: 0, metrics }) });
    log.messages.push({ topic: "spBv1.0/g/NDATA/n", payload: encoded({ seq: 4, metrics }) });
    using handler = new Handler(log, path);
    await handler.read(true);
    await handler.read();
    assert.equal(handler.lost, 3);
    assert.match(handler.logged[0]!, /messages of Sparkplug nodes are missing.* gaps=1 lost=3/);
  });
});

Deno.test("Sparkplug: after a restart the next number decides whether aliases are as they were", async () => {
  await withDirectory(async (path) => {
    const log = new MessageLog();
    const message = (seq: number, type = "NDATA") => {
      const name = type === "NBIRTH" ? { name: "a" } : {};
      const metrics = [{ ...name, alias: 1, type: "Int32", value: seq }];
      log.messages.push({ topic: `spBv1.0/g/${type}/n`, payload: encoded({ seq, metrics }) });
    };
    using handler = new Handler(log, path);
    message(0, "NBIRTH");
    await handler.read();
    await handler.checkpoint();
    handler.die();
    message(1);
    await handler.read();
    assert.deepEqual([handler.events, handler.published], [["g/n/a=0", "g/n/a=1"], []]);
    await handler.checkpoint();
    handler.die();
    message(3);
    await handler.read();
    assert.deepEqual(handler.published, ["spBv1.0/g/NCMD/n"]);
    assert.match(handler.refused[0]!, /^the metric a may be another one by now/);
    await handler.checkpoint();
    handler.die();
    message(4);
    await handler.read();
    assert.match(
      handler.refused[1]!,
      /^the metric a may be another one by now/,
      "a doubt outlives the process",
    );
    message(0, "NBIRTH");
    message(1);
    await handler.read();
    assert.deepEqual(handler.events.slice(2), ["g/n/a=0", "g/n/a=1"]);
  });
});

Deno.test("Sparkplug: a damaged file of births stops reading, and says what to do", async () => {
  await withDirectory(async (path) => {
    await Deno.writeTextFile(path, "no database, but long enough to be taken for one".repeat(100));
    const log = new MessageLog();
    using handler = new Handler(log, path);
    await assert.rejects(handler.read(), (error: SourceError) => {
      assert.equal(error.kind, "unavailable");
      assert.match(
        error.message,
        /^the birth certificates in .* cannot be read or written: .* may be deleted/,
      );
      return true;
    });
    await Deno.remove(path);
    log.messages.push({ topic: "spBv1.0/g/NDATA/n", payload: encoded({ metrics: [] }) });
    await handler.read();
  });
});

/** The handler dies, and somebody changes its file. */
function changeFile(handler: Handler, path: string, sql: string): void {
  handler.die();
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

function birthOf(node: string) {
  const metrics = [{ name: "a", alias: 1, type: "Int8", value: 1 }];
  return { topic: `spBv1.0/g/NBIRTH/${node}`, payload: encoded({ seq: 0, metrics }) };
}

Deno.test("Sparkplug: births that are not those that were kept are asked for again", async () => {
  const other = `x'${Buffer.from(birthOf("n").payload).toString("hex")}00'`;
  for (
    const sql of [
      "DELETE FROM certificate",
      "DELETE FROM roll",
      "UPDATE roll SET digest = 'x'",
      "UPDATE certificate SET topic = 'spBv1.0/g/NBIRTH/m'",
      "UPDATE certificate SET topic = 'elsewhere'",
      "UPDATE certificate SET message = x'ffff'",
      `UPDATE certificate SET message = ${other}`,
    ]
  ) {
    await withDirectory(async (path) => {
      const log = new MessageLog();
      using handler = new Handler(log, path);
      log.messages.push(birthOf("n"));
      await handler.read();
      await handler.checkpoint();
      changeFile(handler, path, sql);
      const data = { seq: 1, metrics: [{ alias: 1, type: "Int8", value: 2 }] };
      log.messages.push({ topic: "spBv1.0/g/NDATA/n", payload: encoded(data) });
      await handler.read();
      assert.deepEqual([handler.events, handler.published], [["g/n/a=1"], ["spBv1.0/g/NCMD/n"]], sql);
      assert.match(handler.refused.join(), /^the metric with the alias 1 has no name/);
      assert.match(handler.logged.join(), /are not where they were kept/);
    });
  }
});

Deno.test("Sparkplug: births that cannot be deleted now are told of, and deleted later", async () => {
  await withDirectory(async (path) => {
    const log = new MessageLog();
    using handler = new Handler(log, path);
    const readAndKeep = async (node: string) => {
      log.messages.push(birthOf(node));
      await handler.read();
      await handler.checkpoint();
    };
    await readAndKeep("n");
    changeFile(
      handler,
      path,
      "CREATE TRIGGER kept BEFORE DELETE ON roll BEGIN SELECT RAISE(ABORT, 'it is kept'); END",
    );
    await readAndKeep("m");
    assert.match(handler.logged.join(), /old birth certificates cannot be deleted.*it is kept/);
    assert.equal(handler.logged.length, 1);
    changeFile(handler, path, "DROP TRIGGER kept");
    await readAndKeep("o");
    handler.die();
    const database = new DatabaseSync(path);
    const [{ rolls }] = database.prepare("SELECT count(*) AS rolls FROM roll").all() as [{ rolls: number }];
    database.close();
    assert.deepEqual([rolls, handler.events, handler.logged.length], [
      1,
      ["g/n/a=1", "g/m/a=1", "g/o/a=1"],
      1,
    ]);
  });
});

Deno.test("Sparkplug: births that cannot be saved or read stop reading, and nothing of it is lost", async () => {
  await withDirectory(async (path) => {
    const log = new MessageLog();
    const said = {
      kind: "unavailable",
      message: /^the birth certificates in .* cannot be read or written: .*Is the disk full\?/,
    };
    using handler = new Handler(log, path);
    const change = (sql: string) => changeFile(handler, path, sql);
    const birth = (node: string) => log.messages.push(birthOf(node));
    birth("n");
    await handler.read();
    await handler.checkpoint();
    change("CREATE TRIGGER full BEFORE INSERT ON roll BEGIN SELECT RAISE(ABORT, 'full'); END");
    birth("m");
    for (let time = 0; time < 2; time++) await assert.rejects(handler.read(), said);
    change("DROP TRIGGER full; UPDATE roll SET members = 'no list'");
    await assert.rejects(handler.read(), said);
    const data = { seq: 1, metrics: [{ alias: 1, type: "Int8", value: 2 }] };
    change(`UPDATE roll SET members = (SELECT json_array(digest) FROM certificate)`);
    log.messages.push({ topic: "spBv1.0/g/NDATA/n", payload: encoded(data) });
    await handler.read();
    assert.deepEqual(handler.events, ["g/n/a=1", "g/m/a=1", "g/n/a=2"]);
    assert.deepEqual([handler.refused, handler.published, handler.lost, handler.logged], [[], [], 0, []]);
  });
});

Deno.test("Sparkplug: what the messages themselves lead to is passed on, with what is remembered beside it", async () => {
  await withDirectory(async (path) => {
    assert.ok("ok" in MAPPING && MAPPING.ok !== undefined);
    const log = new MessageLog();
    const seen: string[] = [];
    let instead: Outcome | undefined;
    const inner = (reader: SparkplugReader): Partition => ({
      ...log.partition(reader),
      read: async (from, into, ...rest) => {
        seen.push(`read ${from.position}`);
        const outcome = await log.partition(reader).read(from, into, ...rest);
        return instead ?? outcome;
      },
      committed: ({ position }) => Promise.resolve(void seen.push(`committed ${position}`)),
      farewell: ({ position }) => Promise.resolve(void seen.push(`farewell ${position}`)),
    });
    const logger = SILENT;
    const options = { mapping: MAPPING.ok, path, name: "bus", publish: () => {} };
    const partition = new SparkplugPartition(options, { clock: systemClock, logger }, inner);
    const { id, readMaxMs, replay } = partition;
    assert.deepEqual([id, readMaxMs, replay], ["", 0, "redelivers-unacknowledged"]);
    let position: string | undefined;
    const progress = () => ({ lineage: undefined, position, history: HISTORY });
    const read = async () => {
      const request = { limit: 9, waitMs: 0, isAfterRest: false };
      const outcome = await partition.read(
        progress(),
        new EventBatch(),
        request,
        new AbortController().signal,
      );
      if ("next" in outcome) position = outcome.next;
      return outcome;
    };
    const message = (seq: number, type: string) => {
      const metrics = [{ name: "a", alias: 1, type: "Int8", value: 1 }];
      log.messages.push({ topic: `spBv1.0/g/${type}/n`, payload: encoded({ seq, metrics }) });
    };
    message(0, "NBIRTH");
    await read();
    assert.match(position!, /^1; /);
    const memory = position!.slice(1);
    const step = { lineage: undefined, offset: undefined } as const;
    // Nothing new is remembered.
    instead = { ...step, kind: "idle", next: "1", lost: 2, decodeMs: 0 };
    log.messages.length = 1;
    assert.deepEqual(await read(), { ...instead, next: `1${memory}` });
    instead = { ...step, kind: "gap", next: "4", lost: 1 };
    assert.deepEqual(await read(), { ...instead, next: `4${memory}` });
    instead = { kind: "moved", lineage: "x" };
    assert.deepEqual(await read(), instead);
    instead = { ...step, kind: "idle", next: undefined, lost: 0, decodeMs: 0 };
    assert.deepEqual(await read(), instead, "there is no position yet");
    instead = undefined;
    position = `1${memory}`;
    message(3, "NDATA");
    const outcome = await read();
    assert.ok(outcome.kind === "events");
    assert.equal(outcome.lost, 2, "by the numbers of the messages");
    seen.length = 0;
    await partition.committed(progress());
    await partition.farewell(progress(), new AbortController().signal);
    await partition.committed({ ...progress(), position: "7" });
    assert.deepEqual(seen, ["committed 2", "farewell 2", "committed 7"]);
    partition.close();
    await partition.committed(progress());
    assert.equal(seen.at(-1), "committed 2");
    // Nobody has the file any more.
    CertificateStore.open(path).close();
  });
});

Deno.test("Sparkplug: each gap is told by itself", async () => {
  await withDirectory(async (path) => {
    const log = new MessageLog();
    log.limit = 1;
    using handler = new Handler(log, path);
    const metrics = [{ name: "a", alias: 1, type: "Int8", value: 1 }];
    for (const [type, seq] of [["NBIRTH", 0], ["NDATA", 4], ["NDATA", 5], ["NDATA", 7]] as const) {
      log.messages.push({ topic: `spBv1.0/g/${type}/n`, payload: encoded({ seq, metrics }) });
      await handler.read();
    }
    assert.deepEqual(handler.logged.map((line) => /gaps=.*/.exec(line)?.[0]), [
      "gaps=1 lost=3",
      "gaps=1 lost=1",
    ]);
    assert.equal(handler.lost, 4);
  });
});

Deno.test("Sparkplug: a position keeps what is remembered where nothing comes, also after a restart", async () => {
  await withDirectory(async (path) => {
    const log = new MessageLog();
    using handler = new Handler(log, path);
    log.messages.push(birthOf("n"));
    await handler.read();
    const { position } = handler;
    await handler.checkpoint();
    await handler.read();
    assert.equal(handler.position, position);
    handler.die();
    await handler.read();
    assert.equal(handler.position, position);
  });
});

Deno.test("Sparkplug: a read that begins at an older position remembers what was known there", async () => {
  await withDirectory(async (path) => {
    const log = new MessageLog();
    log.limit = 1;
    using handler = new Handler(log, path);
    const metrics = [{ alias: 1, type: "Int8", value: 1 }];
    log.messages.push(birthOf("n"));
    for (const seq of [1, 2, 3]) {
      log.messages.push({ topic: "spBv1.0/g/NDATA/n", payload: encoded({ seq, metrics }) });
    }
    await handler.read();
    const { position } = handler;
    for (let more = 0; more < 3; more++) await handler.read();
    handler.position = position;
    for (let again = 0; again < 3; again++) await handler.read();
    assert.deepEqual(handler.events, Array(7).fill("g/n/a=1"));
    assert.deepEqual([handler.lost, handler.refused, handler.published], [0, [], []]);
  });
});

Deno.test("Sparkplug: after an interruption a number that is missing puts aliases in doubt", async () => {
  await withDirectory(async (path) => {
    for (const isInterrupted of [false, true]) {
      const log = new MessageLog();
      log.limit = 1;
      using handler = new Handler(log, path);
      const metrics = [{ alias: 1, type: "Int8", value: 1 }];
      log.messages.push(birthOf("n"));
      await handler.read();
      if (isInterrupted) handler.interrupted();
      log.messages.push({ topic: "spBv1.0/g/NDATA/n", payload: encoded({ seq: 2, metrics }) });
      await handler.read();
      assert.equal(handler.refused.length, isInterrupted ? 1 : 0);
      handler.die();
      await Deno.remove(path);
    }
  });
});
