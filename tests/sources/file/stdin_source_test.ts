/** Lines of a pipe, whatever pieces they come in and whenever. */
import assert from "node:assert/strict";
import type { SourceContext } from "../../../src/contract/source.ts";
import { readerFor } from "../../../src/codec/mapping/record_reader.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import { STDIN, StdinSource } from "../../../src/sources/file/stdin_source.ts";
import { namesOf } from "../../contract/source_reading.ts";
import { NO_EVENT_TEXTS } from "../event_texts.ts";
import { eventText, lines } from "./written_files.ts";

const NEVER = new AbortController().signal;
const MIB = 1024 * 1024;

/** A pipe that a test writes to, and a clock whose time goes on with each sleep that is not called off. */
async function rig({ csv = false, endsWhenRead = false } = {}) {
  const pieces: (string | undefined | Error)[] = [];
  let waiting: (() => void) | undefined;
  let reads = 0;
  const input = {
    isTerminal: true,
    async read() {
      reads++;
      assert.equal(waiting, undefined, "one read at a time");
      if (pieces.length === 0) await new Promise<void>((resolve) => waiting = resolve);
      waiting = undefined;
      const piece = pieces.shift();
      if (piece instanceof Error) throw piece;
      return piece === undefined ? undefined : new TextEncoder().encode(piece);
    },
  };
  const sleeps: number[] = [];
  let nowMs = 5000;
  const clock = {
    nowMs: () => 0,
    monotonicMs: () => nowMs,
    sleep: async (ms: number, signal: AbortSignal) => {
      sleeps.push(ms);
      assert.ok(sleeps.length < 100, "it sleeps again and again");
      for (let turn = 0; turn < 20 && !signal.aborted; turn++) await Promise.resolve();
      if (!signal.aborted) nowMs += ms;
    },
  };
  const reader = csv
    ? readerFor({ ...NO_EVENT_TEXTS, format: "csv", name: "n", value: "/a", timestamp: "/t" })
    : undefined;
  const source = new StdinSource("stdin:", input, reader, endsWhenRead);
  const [partition] = await source.open({ clock } as unknown as SourceContext);
  return {
    source,
    partition: partition!,
    sleeps,
    /** How often the input was read. */
    reads: () => reads,
    nowMs: () => nowMs,
    write(...more: readonly (string | undefined | Error)[]) {
      pieces.push(...more);
      waiting?.();
    },
    /** What a read gives: names, details of what is refused, or the kind of its outcome. */
    async read(limit = 100, waitMs = 100, signal = NEVER, batch = new EventBatch()): Promise<string> {
      const from = { lineage: undefined, position: undefined, history: new LogHistory() };
      const outcome = await partition!.read(from, batch, { limit, waitMs, isAfterRest: false }, signal);
      const { kind, ...rest } = outcome;
      assert.deepEqual(rest, {
        lineage: undefined,
        next: undefined,
        offset: undefined,
        lost: 0,
        decodeMs: 0,
      });
      if (kind !== "events") return kind;
      return [...namesOf(batch), ...batch.invalid.map(({ detail }) => detail)].join();
    },
  };
}

Deno.test("lines are read as they become whole, up to the limit, and the last one at the end", async () => {
  const { read, write } = await rig();
  write(lines(0, 3) + eventText(3).slice(0, 9));
  assert.deepEqual([await read(2), await read(2), await read()], ["e0,e1", "e2", "idle"]);
  write(eventText(3).slice(9), "\n\n", eventText(4).trimEnd());
  assert.deepEqual([await read(), await read()], ["e3", "idle"]);
  write(undefined, undefined);
  assert.deepEqual([await read(), await read(), await read()], ["e4", "idle", "idle"]);
});

Deno.test("lines without an event are passed over as long as there are others, and cost no wait", async () => {
  const { read, sleeps, write } = await rig();
  write(`\n\r\n\n${lines(0, 2)}\n\n`);
  assert.deepEqual([await read(1), await read(1)], ["e0", "e1"]);
  assert.equal(sleeps.length, 1);
  write("\n", undefined);
  assert.equal(await read(1), "idle");
});

Deno.test("the last line may be one byte, and behind the end nothing is read", async () => {
  const { read, write } = await rig();
  write("x", undefined);
  assert.match(await read(), /JSON|event/);
  assert.equal(await read(), "idle");
  const other = await rig();
  other.write(lines(0, 1), undefined);
  assert.deepEqual([await other.read(), other.reads()], ["e0", 1]);
  assert.deepEqual([await other.read(), other.reads()], ["idle", 2], "a terminal would wait");
});

Deno.test("what a batch has held before is not in what is read into it", async () => {
  const { read, write } = await rig();
  const batch = new EventBatch();
  write(lines(0, 3));
  const into = () => read(2, 0, NEVER, batch);
  assert.equal(await read(2, 70, NEVER, batch), "e0,e1");
  assert.deepEqual([await into(), await into()], ["e2", "idle"]);
  write(lines(3, 4));
  assert.equal(await read(2, 70, NEVER, batch), "e3");
  const csv = await rig({ csv: true });
  csv.write("t,");
  assert.equal(await csv.read(2, 70, NEVER, batch), "idle", "its header is not whole");
});

Deno.test("the standard input gives what has come, until it ends", async () => {
  const { read } = Deno.stdin;
  const pieces = ["abc", ""];
  try {
    Deno.stdin.read = (into) => {
      const piece = pieces.shift();
      return Promise.resolve(piece === undefined ? null : new TextEncoder().encodeInto(piece, into).written);
    };
    const found = [];
    for (let i = 0; i < 3; i++) found.push(await STDIN.read());
    assert.deepEqual(found.map((bytes) => bytes && new TextDecoder().decode(bytes)), ["abc", "", undefined]);
  } finally {
    Deno.stdin.read = read;
  }
});

Deno.test("a read waits as long as it may, and its bytes are not lost", async () => {
  const { nowMs, read, sleeps, write } = await rig();
  assert.equal(await read(1, 0), "idle");
  assert.deepEqual(sleeps, []);
  assert.equal(await read(1, 70), "idle");
  assert.deepEqual(sleeps, [70]);
  assert.equal(await read(1, 70, AbortSignal.abort()), "idle");
  assert.equal(sleeps.length, 1);
  write(lines(0, 1));
  const before = nowMs();
  assert.equal(await read(1, 70), "e0");
  assert.equal(sleeps.length, 2);
  for (let turn = 0; turn < 30; turn++) await Promise.resolve();
  assert.equal(nowMs(), before, "nobody sleeps on");
});

Deno.test("a run that ends waits for the writer of a pipe, a day at most", async () => {
  const once = await rig({ endsWhenRead: true });
  const first = once.read(1, 0);
  once.write(lines(0, 1), undefined, undefined);
  assert.deepEqual([await first, await once.read(1, 0)], ["e0", "idle"]);
  assert.equal(once.sleeps[0], 24 * 3_600_000);
  const other = await rig({ endsWhenRead: true });
  assert.equal(await other.read(1, 40), "idle");
  assert.deepEqual(other.sleeps, [40]);
  assert.equal(await other.read(1, 0), "idle");
  assert.deepEqual(other.sleeps, [40, 24 * 3_600_000]);
});

Deno.test("a line of more than a megabyte is refused once, and what follows it is read", async () => {
  const { read, write } = await rig();
  const said = "a line of more than 1048576 bytes";
  write("x".repeat(MIB - 1), "yz", "z".repeat(MIB), `z\n${lines(1, 2)}`);
  assert.deepEqual([await read(), await read(), await read()], [said, "e1", "idle"]);
  write(`${"x".repeat(MIB - 1)}\n${lines(2, 3)}`);
  assert.match(await read(1), /JSON|event/);
  assert.equal(await read(), "e2");
});

Deno.test("CSV begins with its header, and has another one where it changes", async () => {
  const { read, write } = await rig({ csv: true });
  write("t,a");
  assert.equal(await read(), "idle");
  write("\n5,1\n");
  assert.equal(await read(), "n");
  const batch = new EventBatch();
  write("a,t\n2,6\n", "3,7", undefined);
  for (const [value, timeMs] of [[2, 6000], [3, 7000]]) {
    assert.equal(await read(1, 100, NEVER, batch), "n");
    assert.deepEqual([batch.value[0], batch.timeMs[0]], [value, timeMs]);
  }
  assert.equal(await read(), "idle");
  const changed = await rig({ csv: true });
  changed.write("t,a\n5,1\n");
  assert.equal(await changed.read(), "n");
  changed.write("a,t\n2,6\n");
  assert.equal(await changed.read(), "n", "in the same read");
  const quoted = await rig({ csv: true });
  quoted.write('t,a,"x\n');
  assert.equal(await quoted.read(), "idle");
  quoted.write('y"\n5,1,2\n');
  assert.equal(await quoted.read(), "n");
  const only = await rig({ csv: true });
  only.write("t,a", undefined);
  assert.equal(await only.read(), "idle");
});

Deno.test("what is too long for a header of CSV is refused, and the header is what follows it", async () => {
  const { read, write } = await rig({ csv: true });
  write("x".repeat(MIB), `x\nt,a\n5,1\n`);
  assert.deepEqual([await read(), await read(), await read()], [
    "a line of more than 1048576 bytes",
    "n",
    "idle",
  ]);
});

Deno.test("an input that cannot be read says why, and is read on; a terminal is told from a pipe", async () => {
  const { partition, read, source, write } = await rig();
  write(new Error("it is broken"), lines(0, 1));
  await assert.rejects(read(), { kind: "unavailable", message: "stdin cannot be read: it is broken" });
  assert.equal(await read(), "e0");
  assert.equal(await source.probe(), "a terminal");
  assert.equal(
    await new StdinSource("stdin:", { ...STDIN, isTerminal: false }, undefined, false).probe(),
    "a pipe or a file",
  );
  assert.deepEqual([partition.id, partition.replay], ["", "none"]);
});
