import assert from "node:assert/strict";
import { toRecord } from "../../../src/aggregation/aggregate.ts";
import { StdoutSink } from "../../../src/sinks/stdout/stdout_sink.ts";
import { aggregateOf, batchOf, CONTEXT, NEVER, sinkError } from "../../contract/sink_samples.ts";
import { Pipe } from "./pipe.ts";

const INSTANCE = "plant-1";
const lineOf = (name: string) => JSON.stringify(toRecord(aggregateOf({ name }), INSTANCE));

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

Deno.test("StdoutSink says what to do where nobody reads any more", async () => {
  const pipe = new Pipe(10, () => Promise.reject(new Deno.errors.BrokenPipe("Broken pipe (os error 32)")));
  const sink = new StdoutSink({ id: "stdout", write: pipe.write, instance: INSTANCE });
  const told = sinkError("unavailable", /whoever read it has ended\. Start the handler again together with/);
  await assert.rejects(sink.write(batchOf([aggregateOf()]), NEVER), told);
});

/** A sink to a pipe that is full until there is room, and what interrupts its writes. */
function fullPipe() {
  const room = Promise.withResolvers<void>();
  const full = Promise.withResolvers<void>();
  const pipe = new Pipe(10, () => {
    full.resolve();
    return room.promise;
  });
  const sink = new StdoutSink({ id: "stdout", write: pipe.write, instance: INSTANCE });
  const abort = new AbortController();
  return { abort, full, pipe, room, sink };
}

Deno.test("StdoutSink leaves a full pipe when told to, and never mixes lines", async () => {
  const { abort, full, pipe, room, sink } = fullPipe();
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

Deno.test("StdoutSink is done with a batch whose write was interrupted before it began", async () => {
  const { abort, full, pipe, room, sink } = fullPipe();
  const begun = assert.rejects(sink.write(batchOf([aggregateOf({ name: "a" })]), abort.signal));
  await full.promise;
  let asked = 0;
  const rows = [aggregateOf({ name: "b" })];
  const aggregates = {
    get length() {
      asked++;
      return rows.length;
    },
    at: (index: number) => rows.at(index),
    [Symbol.iterator]: () => rows.values(),
  };
  const waiting = assert.rejects(
    sink.write({ ...batchOf(rows), aggregates }, abort.signal),
    sinkError("unavailable", /interrupted/),
  );
  abort.abort();
  await Promise.all([begun, waiting]);
  room.resolve();
  await sink.write(batchOf([aggregateOf({ name: "c" })]), NEVER);
  assert.equal(asked, 0);
  assert.equal(pipe.text, `${lineOf("a")}\n${lineOf("c")}\n`);
});
