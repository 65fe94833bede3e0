import assert from "node:assert/strict";
import { type OutboxBatch, SinkError, UnexplainedRefusal } from "../../src/contract/sink.ts";
import { PostponedAggregates } from "../../src/delivery/postponed_aggregates.ts";
import { HastyClock } from "./delivery_rig.ts";
import { aggregateNamed, MemoryOutbox } from "./memory_outbox.ts";
import { loggerTo } from "../support/logs.ts";
import { rowsOf } from "../support/rows_of.ts";

/** An outbox with postponed aggregates of as many windows, two of each. */
function postponed(windows: number) {
  const outbox = MemoryOutbox.of(0);
  for (let window = 1; window <= windows; window++) {
    for (const name of ["a", "b"]) {
      const aggregate = { ...aggregateNamed(`${name}${window}`), windowEndMs: window * 1000 };
      outbox.reject("s", aggregate, { reason: "postponed", detail: "later" }, 5);
    }
  }
  const clock = new HastyClock();
  const log: string[] = [];
  const logger = loggerTo(log);
  const of = new PostponedAggregates("s", outbox, clock, logger);
  const tried: OutboxBatch[] = [];
  /** The names that are tried in a round, each of which ends as `write` says. */
  const round = async (
    write: () => Promise<void> = () => Promise.reject(new SinkError("postponed", "x")),
  ) => {
    tried.length = 0;
    await of.tryDue((batch) => {
      tried.push(batch);
      return write();
    });
    return tried.flatMap((batch) => rowsOf(batch).map(({ name }) => name));
  };
  return { outbox, clock, log, tried, round };
}

const names = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `a${from + i}`);

Deno.test("one of each window is tried each minute, of twenty windows, the next ones the next time", async () => {
  const { clock, round, tried } = postponed(45);
  assert.deepEqual(await round(), names(1, 20));
  assert.deepEqual(
    tried.map(({ firstId, nextId, ids }) => [firstId, nextId, ids]),
    Array(20).fill([5, 5, [5]]),
  );
  clock.ms = 59_999;
  assert.deepEqual(await round(), []);
  clock.ms = 60_000;
  assert.deepEqual(await round(), names(21, 40));
  clock.ms = 120_000;
  assert.deepEqual(await round(), names(41, 45));
  clock.ms = 180_000;
  assert.deepEqual(await round(), [], "the round is over");
  clock.ms = 240_000;
  assert.deepEqual(await round(), names(1, 20));
});

Deno.test("where it passes, all of its window are put back, and others stay", async () => {
  const { log, outbox, round } = postponed(3);
  let tries = 0;
  await round(() => ++tries === 2 ? Promise.resolve() : Promise.reject(new SinkError("rejected", "no")));
  assert.deepEqual(outbox.aggregates.map(({ name }) => name), ["a2", "b2"]);
  assert.deepEqual(outbox.rejected.map(({ name }) => name), ["a1", "b1", "a3", "b3"]);
  assert.equal(log.length, 1);
  assert.match(log[0]!, /INFO.*takes what it had postponed.*sink="s" aggregates=2/);
});

Deno.test("a refusal of a row goes on with the next window, another error ends the round", async () => {
  const refusal = new UnexplainedRefusal("(X)", "unavailable", "why not");
  assert.deepEqual(await postponed(2).round(() => Promise.reject(refusal)), names(1, 2));
  const away = postponed(2);
  await assert.rejects(away.round(() => Promise.reject(new SinkError("unavailable", "away"))), /away/);
  assert.equal(away.tried.length, 1);
});
