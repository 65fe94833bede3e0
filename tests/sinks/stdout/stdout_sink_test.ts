import assert from "node:assert/strict";
import { toRecord } from "../../../src/aggregation/aggregate.ts";
import { StdoutSink } from "../../../src/sinks/stdout/stdout_sink.ts";
import { rowOf } from "../../e2e/topic.ts";
import {
  aggregateOf,
  batchOf,
  CONTEXT,
  highestRevisions,
  NEVER,
  type SinkBackend,
  sinkError,
  testSinkContract,
} from "../../contract/sink_contract.ts";

const INSTANCE = "plant-1";
/** No divisor of anything here, so that characters and lines are cut anywhere. */
const MOST_BYTES_AT_ONCE = 100_003;

/** Takes some bytes at a time, as a pipe does; `beforeWrite` decides when, and whether at all. */
class Pipe {
  text = "";
  private readonly decoder = new TextDecoder();

  constructor(
    private readonly mostBytes: number,
    private readonly beforeWrite: () => Promise<void> = () => Promise.resolve(),
  ) {}

  readonly write = async (bytes: Uint8Array): Promise<number> => {
    await this.beforeWrite();
    const taken = bytes.subarray(0, this.mostBytes);
    this.text += this.decoder.decode(taken, { stream: true });
    return taken.length;
  };
}

const lineOf = (name: string) => JSON.stringify(toRecord(aggregateOf({ name }), INSTANCE));

function createBackend(): Promise<SinkBackend> {
  const pipe = new Pipe(MOST_BYTES_AT_ONCE);
  return Promise.resolve({
    createSink: (instance) => new StdoutSink({ id: "stdout", write: pipe.write, instance }),
    read(instance) {
      const rows = pipe.text.split("\n").slice(0, -1).map(rowOf).filter((row) => row.instance === instance);
      return Promise.resolve(highestRevisions(rows.map(({ instance: _, ...aggregate }) => aggregate)));
    },
    remove: () => Promise.resolve(),
  });
}

Deno.test("StdoutSink keeps the contract of sinks", (t) => testSinkContract(t, createBackend));

Deno.test("StdoutSink writes one line of documented JSON for each aggregate", async () => {
  const pipe = new Pipe(7);
  const sink = new StdoutSink({ id: "stdout", write: pipe.write, instance: INSTANCE });
  await sink.open(CONTEXT);
  await sink.write(batchOf([aggregateOf({ name: "ä" }), aggregateOf({ name: "b\n" })]), NEVER);
  assert.equal(pipe.text, `${lineOf("ä")}\n${lineOf("b\n")}\n`);
});

Deno.test("StdoutSink begins a new line after a failure in the middle of one", async () => {
  let writesLeft = 2;
  const pipe = new Pipe(
    10,
    () => writesLeft-- > 0 ? Promise.resolve() : Promise.reject(new Error("Broken pipe")),
  );
  const sink = new StdoutSink({ id: "stdout", write: pipe.write, instance: INSTANCE });
  const batch = batchOf([aggregateOf({ name: "a" })]);
  await assert.rejects(sink.write(batch, NEVER), sinkError("unavailable", /stdout.*Broken pipe/));
  writesLeft = Infinity;
  await sink.write(batch, NEVER);
  assert.equal(pipe.text, `${lineOf("a").slice(0, 20)}\n${lineOf("a")}\n`);
});

Deno.test("StdoutSink leaves a full pipe when told to, and never mixes lines", async () => {
  const room = Promise.withResolvers<void>();
  const full = Promise.withResolvers<void>();
  const pipe = new Pipe(10, () => {
    full.resolve();
    return room.promise;
  });
  const sink = new StdoutSink({ id: "stdout", write: pipe.write, instance: INSTANCE });
  const abort = new AbortController();
  const interrupted = assert.rejects(
    sink.write(batchOf([aggregateOf({ name: "a" })]), abort.signal),
    sinkError("unavailable", /interrupted/),
  );
  await full.promise;
  abort.abort();
  await interrupted;
  const next = sink.write(batchOf([aggregateOf({ name: "b" })]), NEVER);
  room.resolve();
  await next;
  assert.equal(pipe.text, `${lineOf("a")}\n${lineOf("b")}\n`);
});
