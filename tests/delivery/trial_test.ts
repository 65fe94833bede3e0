/** Refusals that do not tell whether a row or the sink is at fault. */
import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { type OutboxBatch, type Sink, SinkError, UnexplainedRefusal } from "../../src/contract/sink.ts";
import { Trial } from "../../src/delivery/trial.ts";
import { deliveryTo, HastyClock, Ledger } from "./delivery_rig.ts";
import { MemoryOutbox } from "./memory_outbox.ts";
import { rowsOf } from "../support/rows_of.ts";

const NEVER = new AbortController().signal;
const FIRED = AbortSignal.abort();

/** Keeps names. An error from `fate` for a name ends its write before anything is kept. */
class JudgedSink implements Sink {
  readonly id = "s";
  readonly repeat = "upsert";
  readonly rows = new Set<string>();
  writes: number[] = [];

  constructor(readonly fate: (name: string, size: number) => SinkError | undefined) {}

  open = (context: { cursor: number }) => Promise.resolve(context.cursor);
  probe = () => Promise.resolve("here");
  close = () => Promise.resolve();

  write(batch: OutboxBatch): Promise<void> {
    this.writes.push(batch.aggregates.length);
    for (const { name } of batch.aggregates) {
      const error = this.fate(name, batch.aggregates.length);
      if (error) return Promise.reject(error);
    }
    for (const { name } of batch.aggregates) this.rows.add(name);
    return Promise.resolve();
  }
}

const unexplained = (name: string, otherwise: "unavailable" | "misconfigured" = "unavailable") =>
  new UnexplainedRefusal("(P0001)", otherwise, `no such meter: ${name} (P0001)`);

Deno.test("property: rows that fail alone are condemned with the sink's words, all others arrive", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 60 }),
      fc.uniqueArray(fc.integer({ min: 0, max: 59 })),
      fc.uniqueArray(fc.integer({ min: 0, max: 59 })),
      async (count, bad, plain) => {
        const outbox = MemoryOutbox.of(count);
        const names = (chosen: number[]) => chosen.filter((i) => i < count).map((i) => `n${i}`);
        const unexplainedNames = new Set(names(bad));
        const rejectedNames = new Set(names(plain).filter((name) => !unexplainedNames.has(name)));
        // While no row succeeds, nothing is known about the others.
        fc.pre(unexplainedNames.size + rejectedNames.size < count);
        const sink = new JudgedSink((name) =>
          unexplainedNames.has(name)
            ? unexplained(name)
            : rejectedNames.has(name)
            ? new SinkError("rejected", `cannot stand ${name}`)
            : undefined
        );
        const delivery = deliveryTo(sink, outbox, new HastyClock());
        const stop = new AbortController();
        const running = delivery.run(NEVER, stop.signal);
        const clock = new HastyClock();
        const good = count - unexplainedNames.size - rejectedNames.size;
        // Rows at the end that nothing passes after and nothing has passed before wait for more.
        for (let added = 0; outbox.cursor("s") < outbox.endId() && added < 5;) {
          await clock.sleep(0, NEVER);
          if (delivery.standing.error?.includes("No other row passes") && added++ < 5) {
            outbox.add({ ...outbox.aggregates[0]!, name: `later${added}` });
          }
        }
        while (outbox.cursor("s") < outbox.endId()) await clock.sleep(0, NEVER);
        stop.abort();
        await running;
        const condemned = outbox.rejected.map(({ name }) => name).sort();
        assert.deepEqual(condemned, [...unexplainedNames, ...rejectedNames].sort());
        assert.equal([...sink.rows].filter((name) => !name.startsWith("later")).length, good);
        for (const { name, error } of outbox.rejected) assert.ok(error.includes(name), error);
      },
    ),
    { numRuns: 60 },
  );
});

for (const otherwise of ["unavailable", "misconfigured"] as const) {
  Deno.test(`a sink that refuses every row is ${otherwise}, and no row is condemned`, async () => {
    const outbox = MemoryOutbox.of(40);
    let isMended = false;
    const sink = new JudgedSink((name) => isMended ? undefined : unexplained(name, otherwise));
    const clock = new HastyClock();
    const ledger = new Ledger();
    const stop = new AbortController();
    const running = deliveryTo(sink, outbox, clock, ledger).run(NEVER, stop.signal);
    while (ledger.failures.length < 6) await clock.sleep(0, NEVER);
    assert.deepEqual(outbox.rejected, []);
    assert.equal(outbox.cursor("s"), 0);
    assert.ok(ledger.failures.includes(otherwise));
    isMended = true;
    while (outbox.cursor("s") < 40) await clock.sleep(0, NEVER);
    stop.abort();
    await running;
    assert.equal(sink.rows.size, 40);
  });
}

Deno.test("a refusal that comes once is tried again as it is", async () => {
  const outbox = MemoryOutbox.of(8);
  let refusals = 1;
  const sink = new JudgedSink((name) => refusals-- > 0 ? unexplained(name) : undefined);
  assert.equal(await deliveryTo(sink, outbox, new HastyClock()).run(FIRED, NEVER), undefined);
  assert.deepEqual(sink.writes, [8, 8]);
});

Deno.test("a single row that waits is not condemned before another has passed", async () => {
  const outbox = MemoryOutbox.of(1);
  const sink = new JudgedSink((name) => name === "n0" ? unexplained(name) : undefined);
  const clock = new HastyClock();
  const ledger = new Ledger();
  const stop = new AbortController();
  const running = deliveryTo(sink, outbox, clock, ledger).run(NEVER, stop.signal);
  while (ledger.failures.length < 8) await clock.sleep(0, NEVER);
  assert.deepEqual(outbox.rejected, []);
  outbox.add({ ...outbox.aggregates[0]!, name: "n1" });
  while (outbox.cursor("s") < 2) await clock.sleep(0, NEVER);
  stop.abort();
  await running;
  assert.deepEqual(outbox.rejected.map(({ name }) => name), ["n0"]);
});

Deno.test("a whole batch that is refused is judged by rows that wait behind it", async () => {
  // Batches are of eight rows: an old window that a trigger refuses, and a newer one.
  const outbox = MemoryOutbox.of(24);
  const sink = new JudgedSink((name) => Number(name.slice(1)) < 12 ? unexplained(name) : undefined);
  const delivery = deliveryTo(sink, outbox, new HastyClock());
  assert.equal(await delivery.run(FIRED, NEVER), undefined);
  assert.deepEqual(
    outbox.rejected.map(({ name }) => name),
    Array.from({ length: 12 }, (_, i) => `n${i}`),
  );
  assert.equal(sink.rows.size, 12);
});

Deno.test("more than 1,000 rows with one error are the sink's fault", async () => {
  const outbox = MemoryOutbox.of(2100);
  const isBad = (name: string) => Number(name.slice(1)) % 2 === 0;
  const sink = new JudgedSink((name) => isBad(name) ? unexplained(name) : undefined);
  const clock = new HastyClock();
  const delivery = deliveryTo(sink, outbox, clock);
  const stop = new AbortController();
  const running = delivery.run(NEVER, stop.signal);
  while (delivery.standing.state !== "misconfigured") await clock.sleep(0, NEVER);
  assert.equal(outbox.rejected.length, 1000);
  assert.match(
    delivery.standing.error!,
    /1000 aggregates with one error, so the fault is the sink's.*dead-letters retry/,
  );
  stop.abort();
  await running;
});

Deno.test("a batch that takes too long is halved until it passes, and grows again", async () => {
  const outbox = MemoryOutbox.of(200);
  let slow = true;
  const sink = new JudgedSink((_, size) =>
    slow && size > 2 ? new SinkError("timed_out", "canceled due to statement timeout") : undefined
  );
  const stop = new AbortController();
  const clock = new HastyClock();
  const running = deliveryTo(sink, outbox, clock).run(NEVER, stop.signal);
  while (outbox.cursor("s") < 20) await clock.sleep(0, NEVER);
  slow = false;
  while (outbox.cursor("s") < 200) await clock.sleep(0, NEVER);
  stop.abort();
  await running;
  assert.deepEqual(sink.writes.slice(0, 4), [8, 4, 2, 2]);
  assert.ok(sink.writes.lastIndexOf(8) > 3);
  assert.deepEqual(outbox.rejected, []);
});

Deno.test("what is postponed holds nothing up, and comes by itself once the sink takes it", async () => {
  const outbox = MemoryOutbox.of(20);
  let hasPartition = false;
  const sink = new JudgedSink((name) =>
    !hasPartition && Number(name.slice(1)) < 3 ? new SinkError("postponed", "no partition") : undefined
  );
  const clock = new HastyClock();
  const stop = new AbortController();
  const running = deliveryTo(sink, outbox, clock).run(NEVER, stop.signal);
  while (outbox.cursor("s") < 20) await clock.sleep(0, NEVER);
  assert.deepEqual(outbox.rejected.map(({ name, reason }) => [name, reason]), [
    ["n0", "postponed"],
    ["n1", "postponed"],
    ["n2", "postponed"],
  ]);
  hasPartition = true;
  while (outbox.rejected.length > 0) await clock.sleep(0, NEVER);
  while (outbox.cursor("s") < outbox.endId()) await clock.sleep(0, NEVER);
  stop.abort();
  await running;
  assert.equal(sink.rows.size, 20);
});

Deno.test("of many windows that are postponed each has its turn before any is tried again", async () => {
  const outbox = MemoryOutbox.of(45);
  outbox.aggregates.forEach((aggregate, i) =>
    outbox.aggregates[i] = { ...aggregate, windowEndMs: (i + 1) * 1000 }
  );
  const tries = new Map<string, number>();
  const sink = new JudgedSink((name, size) => {
    if (outbox.cursor("s") === 45 && size === 1) tries.set(name, (tries.get(name) ?? 0) + 1);
    return new SinkError("postponed", "no partition");
  });
  const clock = new HastyClock();
  const stop = new AbortController();
  const running = deliveryTo(sink, outbox, clock).run(NEVER, stop.signal);
  while (tries.size < 45) {
    await clock.sleep(0, NEVER);
    assert.ok(tries.values().every((times) => times === 1), "none is tried again before its turn");
  }
  stop.abort();
  await running;
});

/**
 * Settles the first rows of an outbox, of six if not told otherwise. Each write, in its order, as the numbers
 * of its rows.
 */
async function settled(
  rows: number,
  fate: (name: string, write: number) => SinkError | undefined,
  outbox = MemoryOutbox.of(6),
) {
  const writes: string[] = [];
  const trial = new Trial("s", outbox, {
    write(batch) {
      const aggregates = rowsOf(batch);
      writes.push(aggregates.map(({ name }) => name.slice(1)).join(""));
      const error = aggregates.map(({ name }) => fate(name, writes.length)).find((found) => found);
      return error === undefined ? Promise.resolve() : Promise.reject(error);
    },
    reject: ({ aggregates, nextId }, refusal) => outbox.reject("s", aggregates.at(0)!, refusal, nextId),
  });
  const failure = await trial.settle(outbox.read("s", 0, rows)!).catch((error: Error) => error.message);
  const rejected = outbox.rejected.map(({ name }) => name);
  return { writes: writes.join(" "), rejected, cursor: outbox.cursor("s"), failure };
}

Deno.test("a trial halves a batch, and condemns a row when one after it has passed", async () => {
  const bad = (...names: string[]) => (name: string) => names.includes(name) ? unexplained(name) : undefined;
  assert.deepEqual(await settled(4, bad("n1")), {
    ...{ writes: "01 0 1 2 1 23", rejected: ["n1"], cursor: 4, failure: undefined },
  });
  // None passes after it in the batch: one beyond the batch does.
  assert.deepEqual(await settled(2, bad("n1")), {
    ...{ writes: "0 1 2 1", rejected: ["n1"], cursor: 2, failure: undefined },
  });
  // Nor beyond it: the newest that was delivered does.
  const last = await settled(2, bad("n1", "n2", "n3", "n4", "n5"));
  assert.deepEqual(last, { writes: "0 1 2 3 4 5 0 1", rejected: ["n1"], cursor: 2, failure: undefined });
});

Deno.test("a trial ends with an error of the sink, and what is before it is settled", async () => {
  const gone = new SinkError("unavailable", "the server is gone");
  const away = (from: number) => (name: string, write: number) =>
    write >= from ? gone : name === "n1" ? unexplained(name) : undefined;
  // While a half is written, a row alone, a witness, and the suspect again.
  for (const [from, cursor] of [[1, 0], [2, 0], [3, 1], [4, 1], [5, 1]] as const) {
    const { writes, rejected, cursor: settledTo, failure } = await settled(4, away(from));
    assert.deepEqual([rejected, settledTo, failure], [[], cursor, "the server is gone"], `from ${from}`);
    assert.equal(writes.split(" ").length, from, "nothing more is written");
  }
});

Deno.test("a row that passes when it is tried again is delivered; one with another error then is not condemned", async () => {
  let tries = 0;
  const once = await settled(2, (name) => name === "n1" && tries++ < 1 ? unexplained(name) : undefined);
  assert.deepEqual(once, { writes: "0 1 2 1", rejected: [], cursor: 2, failure: undefined });
  const other = new UnexplainedRefusal("(P0002)", "unavailable", "something else (P0002)");
  const { failure, rejected } = await settled(
    2,
    (name, write) => name !== "n1" ? undefined : write < 4 ? unexplained(name) : other,
  );
  assert.deepEqual([rejected, failure], [[], "something else (P0002) No other row passes either."]);
});

Deno.test("a trial of one row alone, and a row that the sink refuses with a reason", async () => {
  const alone = await settled(1, (name) => name === "n0" ? unexplained(name) : undefined);
  assert.deepEqual(alone, { writes: "0 1 0", rejected: ["n0"], cursor: 1, failure: undefined });
  const plain = await settled(2, (name) => name === "n0" ? new SinkError("rejected", "too long") : undefined);
  assert.deepEqual(plain, { writes: "0 1", rejected: ["n0"], cursor: 2, failure: undefined });
});

Deno.test("rows that may speak for a suspect are spread over those after it: all of a few, twenty of many", async () => {
  const none = (name: string) => unexplained(name);
  const few = await settled(6, none);
  assert.equal(few.writes, "012 0 1 2 3 4 5");
  const many = await settled(80, none, MemoryOutbox.of(80));
  const writes = many.writes.split(" ");
  assert.deepEqual(
    writes.slice(writes.indexOf("0") + 1),
    Array.from({ length: 20 }, (_, i) => `${1 + 3 * i}`),
  );
});
