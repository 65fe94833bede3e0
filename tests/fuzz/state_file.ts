import assert from "node:assert/strict";
import { ALL_WINDOWS } from "../../src/control/span.ts";
import { verify } from "../../src/control/verification.ts";
import { SqliteSink } from "../../src/sinks/sqlite/sqlite_sink.ts";
import { leaveRequest, readDeadLetters } from "../../src/state/letters/dead_letters.ts";
import { StateDatabase } from "../../src/state/file/state_database.ts";
import { StateError } from "../../src/state/file/state_error.ts";
import { readStatus } from "../../src/control/status.ts";
import { statusRecord } from "../../src/control/status_record.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { scanReply } from "../../src/codec/reply_scanner.ts";
import { MemorySource, openRig, type Rig } from "../ingest/rig.ts";
import { below, chance } from "./draw.ts";
import type { Random, Target, Trial } from "./target.ts";
import { CONTEXT, QUIET } from "../contract/sink_samples.ts";
import { rowsOf } from "../support/rows_of.ts";

/**
 * A state directory with one changed byte, or with a shorter file. Opening it must fail, or everything must
 * be as before: the numbers, the results of further work, and the proof.
 */
export const stateFile: Target = {
  name: "state-file",
  what: "every byte of a state's files flipped in turn, and files cut off anywhere: closed in good " +
    "order, and after a crash",
  open: () => StateFileTrial.open(),
};

const NOW_MS = 1_760_000_000_000;
const BUSES = ["http://one", "http://two"];
const FLAGS = { STORAGE_TYPE: "sqlite,stdout", DEDUP_MAX_IDS: "100" };
/** Steps through all bytes in an order in which any number of them is spread over the files. */
const STRIDE = 1_000_003;
const CUT_SHARE = 0.02;

interface DamagedFile {
  /** Whether the state was closed in good order. */
  readonly state: "closed" | "crashed";
  readonly name: string;
  readonly bytes: Uint8Array;
}

type Files = ReadonlyMap<string, Uint8Array>;

class StateFileTrial implements Trial {
  readonly isStateful = true;
  private start: number | undefined;
  private tried = 0;
  private readonly files: readonly DamagedFile[];
  private readonly total: number;

  private constructor(
    private readonly root: string,
    private readonly states: Readonly<Record<DamagedFile["state"], Files>>,
    private readonly expected: Readonly<Record<DamagedFile["state"], unknown>>,
  ) {
    this.files = (["closed", "crashed"] as const).flatMap((state) =>
      [...states[state]].map(([name, bytes]) => ({ state, name, bytes }))
    );
    this.total = this.files.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  static async open(): Promise<StateFileTrial> {
    const root = await Deno.makeTempDir({ ...fastDirectory(), prefix: "vabus-fuzz-" });
    const states = await sampleStates(root);
    const expected = {
      closed: await findings(root, states.closed),
      crashed: await findings(root, states.crashed),
    };
    return new StateFileTrial(root, states, expected);
  }

  get isExhausted(): boolean {
    return this.tried >= this.total;
  }

  async attempt(random: Random): Promise<string> {
    this.start ??= below(random, this.total);
    const at = (this.start + this.tried++ * STRIDE) % this.total;
    const { file, offset } = this.fileAt(at);
    const isCut = chance(random, CUT_SHARE);
    const mask = chance(random, 0.7) ? 1 << below(random, 8) : 1 + below(random, 255);
    const damaged = isCut ? file.bytes.slice(0, offset) : flipped(file.bytes, offset, mask);
    const what = `${file.state} state, ${file.name}, ${
      isCut ? `cut at ${offset}` : `byte ${offset} ^ ${mask}`
    }`;
    const files = new Map([...this.states[file.state], [file.name, damaged]]);
    let found: unknown;
    try {
      found = await findings(this.root, files);
    } catch (error) {
      if (error instanceof StateError) return `refused: ${error.kind}`;
      throw new Error(`${what}: ${error instanceof Error ? error.stack : error}`);
    }
    try {
      assert.deepEqual(found, this.expected[file.state]);
    } catch (error) {
      throw new Error(`${what}: opened, and wrong: ${(error as Error).message.slice(0, 2000)}`);
    }
    return "unaffected";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }

  private fileAt(at: number): { file: DamagedFile; offset: number } {
    let offset = at;
    for (const file of this.files) {
      if (offset < file.bytes.length) return { file, offset };
      offset -= file.bytes.length;
    }
    throw new Error(`there is no byte ${at}`);
  }
}

function flipped(bytes: Uint8Array, offset: number, mask: number): Uint8Array {
  const damaged = bytes.slice();
  damaged[offset]! ^= mask;
  return damaged;
}

/** In memory, where there is such a place: each input is a directory of its own. */
function fastDirectory(): { dir?: string } {
  try {
    return Deno.statSync("/dev/shm").isDirectory ? { dir: "/dev/shm" } : {};
  } catch {
    return {};
  }
}

/**
 * Everything that can be read from a state, by those who only read and by a handler that goes on with it.
 * @throws {StateError}
 */
async function findings(root: string, files: Files): Promise<unknown> {
  const directory = `${root}/tried`;
  await write(directory, files);
  try {
    const seen = await readerFindings(directory, `${root}/aggregates.sqlite`);
    return { seen, ...handlerFindings(directory) };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function readerFindings(directory: string, sinkPath: string): Promise<unknown> {
  const state = StateDatabase.openForReading(directory);
  const sink = new SqliteSink({ id: "sqlite", path: sinkPath, instance: "rig" }, QUIET);
  try {
    const { state_bytes: _, ...status } = statusRecord(readStatus(state, 0));
    const deadLetters = readDeadLetters(state, { limit: 1000 });
    return {
      status,
      deadLetters,
      proof: await verify(state, [sink], ALL_WINDOWS, new AbortController().signal),
    };
  } finally {
    await sink.close();
    state.close();
  }
}

function handlerFindings(directory: string): Record<string, unknown> {
  using rig = openState(directory);
  const { aggregator, checkpoint, ingest, state } = rig.core;
  const found = {
    positions: ingest.partitions.map((state) => state?.position),
    books: { ...aggregator.books },
    counters: checkpoint.counters,
    watermark: aggregator.watermark.valueMs,
    rows: outboxRows(rig),
  };
  // A correction of each closed window, an id seen before, and what stands open: all of it must be as if
  // nothing was.
  accept(rig, 0, [reading("a", 1000, 1), reading("a", 1000, 11), reading("a", 1000, 21, "id-3")]);
  assert.equal(ingest.checkpointNow(true), true);
  const { state_bytes: _, ...after } = statusRecord(readStatus(state, 0));
  return {
    ...found,
    after,
    rowsAfter: outboxRows(rig),
    deadLettersAfter: readDeadLetters(state, { limit: 1000 }).map(({ refusedAtMs: _, ...deadLetter }) =>
      deadLetter
    ),
  };
}

function outboxRows({ core }: Rig): unknown[] {
  const rows: unknown[] = [];
  for (const sink of ["sqlite", "stdout"]) {
    rows.push([sink, core.outbox.cursor(sink)]);
    let from = 0;
    for (let batch; (batch = core.outbox.read(sink, from, 1000)); from = batch.nextId) {
      rowsOf(batch).forEach((aggregate, i) => rows.push({ sink, id: batch!.ids[i], ...aggregate }));
    }
  }
  return rows;
}

function openState(directory: string): Rig {
  return openRig(directory, BUSES.map((name) => new MemorySource(name)), NOW_MS, FLAGS);
}

async function write(directory: string, files: Files): Promise<void> {
  await Deno.mkdir(directory, { recursive: true });
  for (const [name, bytes] of files) await Deno.writeFile(`${directory}/${name}`, bytes);
}

/** Files of a state with something of everything in it, of which the sink has a part. */
async function sampleStates(root: string): Promise<Record<DamagedFile["state"], Files>> {
  const directory = `${root}/sample`;
  await Deno.mkdir(directory);
  const rig = withFixedId(() => openState(directory));
  const { core } = rig;
  const sink = new SqliteSink({ id: "sqlite", path: `${root}/aggregates.sqlite`, instance: "rig" }, QUIET);
  await sink.open({ ...CONTEXT, stateId: core.state.stateId, cursor: 0, endId: 0 });
  accept(rig, 0, [
    ...["sum", "avg", "min", "max", "count", "first", "last", "stddev", "p50"].flatMap((aggFunc, i) => [
      reading("a", i, 1, undefined, aggFunc),
      reading("a", 2 * i, 2, undefined, aggFunc),
    ]),
    reading("größe", 1, 3, "id-1"),
    { name: "no value" },
    reading("b", 1, 1e10),
  ]);
  accept(rig, 1, [reading("a", 7, 4), reading("c", 1e300, 5)]);
  core.ingest.checkpointNow(true);
  const batch = core.outbox.read("sqlite", 0, 1000)!;
  await sink.write({ ...batch, aggregates: rowsOf(batch).slice(1) }, new AbortController().signal);
  await sink.close();
  core.outbox.reject(
    "sqlite",
    rowsOf(batch)[0]!,
    { reason: "rejected", detail: "a sink's own words" },
    batch.nextId,
  );
  core.outbox.advance("sqlite", batch.nextId);
  // Corrections of the first window, and a second one, which wait.
  accept(rig, 0, [reading("a", 100, 6), reading("c", 2, 12), reading("c", 2, 12, "id-2"), "not an object"]);
  core.ingest.checkpointNow(true);
  accept(rig, 0, [reading("a", 3, 21, "id-3"), reading("a", 4, 22, undefined, "p99"), reading("d", 5, 32)]);
  core.ingest.checkpointNow();
  leaveRequest(core.state, "purge", [1]);
  const crashed = await filesOf(directory);
  rig[Symbol.dispose]();
  return { closed: await filesOf(directory), crashed };
}

/**
 * A state's id is drawn by chance. With one that is always the same, the same byte of each sample means the
 * same.
 */
function withFixedId<T>(work: () => T): T {
  const { randomUUID } = crypto;
  crypto.randomUUID = () => "5a3b1c0e-0000-4000-8000-000000000000";
  try {
    return work();
  } finally {
    crypto.randomUUID = randomUUID;
  }
}

/** What a crash would leave: `-shm` is made anew from the others, and the lock says nothing. */
async function filesOf(directory: string): Promise<Files> {
  const files = new Map<string, Uint8Array>();
  for await (const { name } of Deno.readDir(directory)) {
    if (name !== "lock" && !name.endsWith("-shm")) {
      files.set(name, await Deno.readFile(`${directory}/${name}`));
    }
  }
  return files;
}

function reading(name: string, value: number, second: number, id?: string, aggFunc = "sum") {
  return {
    name,
    value,
    timestamp: NOW_MS / 1000 - 100 + second,
    agg_func: aggFunc,
    ...(id !== undefined && { id }),
  };
}

function accept({ core }: Rig, bus: number, events: readonly unknown[]): void {
  const { ingest } = core;
  const { progress } = ingest.partitions[bus]!;
  const offset = Number(progress.position ?? 0);
  const next = offset + events.length;
  const batch = new EventBatch();
  const lineage = `log-${bus}`;
  scanReply(new TextEncoder().encode(JSON.stringify({ log: lineage, offset, next, events })), batch);
  const step = { lineage, next: `${next}`, offset: next, lost: 0, decodeMs: 0 };
  ingest.settle(bus, progress, { kind: "events", ...step }, batch, 0);
}
