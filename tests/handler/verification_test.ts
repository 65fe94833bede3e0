import assert from "node:assert/strict";
import fc from "fast-check";
import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import { type Proof, verify } from "../../src/handler/verification.ts";
import type { ProvableSink } from "../../src/sinks/sink.ts";
import { readDeadLetters } from "../../src/store/dead_letters.ts";
import { Inside, type InsideOptions } from "../store/inside.ts";

/** What a sink holds, open to every kind of tampering. */
class Place implements ProvableSink {
  readonly name = "all";
  readonly rows = new Map<string, Aggregate>();
  /** What goes on elsewhere while the sink is being read. */
  meanwhile: () => void = () => {};

  put(aggregate: Aggregate): void {
    const { name, aggFunc, windowStartMs, windowEndMs } = aggregate;
    const key = JSON.stringify([name, aggFunc, windowStartMs, windowEndMs]);
    const there = this.rows.get(key);
    if (!there || there.revision < aggregate.revision) this.rows.set(key, aggregate);
  }

  change(name: string, change: (row: Aggregate) => Aggregate | undefined): void {
    for (const [key, row] of this.rows) {
      if (row.name !== name) continue;
      const changed = change(row);
      if (changed) this.rows.set(key, changed);
      else this.rows.delete(key);
    }
  }

  sumOfCounts(): Promise<number> {
    this.meanwhile();
    return Promise.resolve([...this.rows.values()].reduce((sum, { count }) => sum + count, 0));
  }

  rowsOfWindow(_instance: string, startMs: number, endMs: number): Promise<Aggregate[]> {
    this.meanwhile();
    return Promise.resolve(
      [...this.rows.values()].filter((row) => row.windowStartMs === startMs && row.windowEndMs === endMs),
    );
  }

  open = (context: { cursor: number }) => Promise.resolve(context.cursor);
  write = () => Promise.resolve();
  probe = () => Promise.resolve("here");
  close = () => Promise.resolve();
}

/** A handler's inside and its sink. */
class Plant {
  readonly place = new Place();
  inside: Inside;

  constructor(private readonly directory: string, private readonly options: InsideOptions = {}) {
    this.inside = new Inside(directory, options);
  }

  restart(): void {
    this.inside.state.close();
    this.inside = new Inside(this.directory, this.options);
  }

  /** Closes all windows, so each call gives those of the same time another revision. */
  take(...events: [name: string, timestamp: number, value?: number][]): void {
    this.inside.take(events.map(([name, timestamp, value = 1]) => ({ name, timestamp, value })));
    this.inside.save(true);
  }

  deliver(isRejected: (aggregate: Aggregate) => boolean = () => false): void {
    const { outbox } = this.inside;
    for (let batch; (batch = outbox.read("all", outbox.cursor("all"), 1));) {
      const [aggregate] = batch.aggregates;
      if (aggregate && isRejected(aggregate)) outbox.reject("all", aggregate, "no", batch.nextId);
      else {
        if (aggregate) this.place.put(aggregate);
        outbox.advance("all", batch.nextId);
      }
    }
    this.inside.save();
  }

  letters = () => readDeadLetters(this.inside.state, { limit: 99 });

  verify(sinceMs = -Infinity): Promise<Proof> {
    return verify(this.inside.state, [this.place], sinceMs, new AbortController().signal);
  }

  async differences(sinceMs?: number): Promise<readonly string[]> {
    return (await this.verify(sinceMs)).sinks[0]!.differences;
  }
}

async function withPlant(work: (plant: Plant) => Promise<void>, options?: InsideOptions): Promise<void> {
  const directory = await Deno.makeTempDir();
  const plant = new Plant(directory, options);
  try {
    await work(plant);
  } finally {
    plant.inside.state.close();
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a rejected aggregate whose window is final can be purged and the rest still be proven", async () => {
  await withPlant(async (plant) => {
    plant.take(["a", 1], ["a", 1], ["b", 1], ["corrected", 1]);
    plant.deliver();
    plant.take(["a", 1], ["b", 1], ["corrected", 1]);
    plant.deliver(() => true);
    plant.take(["corrected", 1]);
    plant.deliver();
    const before = await plant.verify();
    assert.deepEqual([before.proven, before.sinks[0]!.refused_events], [true, 2]);
    plant.inside.wish("purge", plant.letters());
    assert.equal((await plant.verify()).proven, true);
    plant.take(["b", 100]);
    plant.deliver();
    for (let checkpoint = 0; checkpoint < 5; checkpoint++) plant.inside.save();
    const segments = plant.inside.state.all<{ start: number }>(
      "SELECT window_start_ms AS start FROM segment",
    );
    assert.deepEqual(segments.map(({ start }) => start), [100_000], "the final window has gone");
    assert.deepEqual(await plant.differences(), []);
  }, { horizonMs: 10_000 });
});

Deno.test("rejected, put back, rejected again: the books still say what the sink must hold", async () => {
  await withPlant(async (plant) => {
    plant.take(["a", 1]);
    plant.deliver(() => true);
    plant.take(["a", 1]);
    plant.deliver(() => true);
    assert.equal(plant.letters().length, 2);
    assert.deepEqual(await plant.differences(), []);
    plant.inside.wish("retry", plant.letters());
    plant.deliver(() => true);
    assert.deepEqual(plant.letters().map(({ aggregate }) => aggregate!.revision), [1], "one row went again");
    assert.deepEqual(await plant.differences(), []);
    plant.inside.wish("retry", plant.letters());
    plant.deliver();
    assert.deepEqual([...plant.place.rows.values()].map(({ count, revision }) => [count, revision]), [[
      2,
      1,
    ]]);
    assert.deepEqual(await plant.differences(), []);
    assert.deepEqual(plant.letters(), []);
  });
});

Deno.test("a sink that is away for longer than the horizon can be proven meanwhile", async () => {
  await withPlant(async (plant) => {
    plant.take(["a", 1]);
    plant.deliver();
    plant.take(["a", 1]);
    plant.take(["a", 100]);
    const [proof] = (await plant.verify()).sinks;
    assert.deepEqual(proof!.differences, []);
    assert.deepEqual([proof!.found_events, proof!.waiting_events], [1, 2]);
  }, { horizonMs: 10_000 });
});

const step = fc.oneof(
  fc.record({
    take: fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.nat({ max: 3 })), {
      minLength: 1,
      maxLength: 4,
    }),
  }),
  fc.record({ deliver: fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }) }),
  fc.record({
    wish: fc.constantFrom("retry" as const, "purge" as const),
    every: fc.integer({ min: 1, max: 3 }),
  }),
  fc.constantFrom("days go by" as const, "checkpoint" as const, "restart" as const),
);

Deno.test("property: whatever is corrected, rejected, put back and purged, an untouched sink is proven at any moment", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await withPlant(async (plant) => {
        let start = 0;
        for (const action of steps) {
          if (action === "days go by") plant.take(["a", start += 1000]);
          else if (action === "checkpoint") plant.inside.save();
          else if (action === "restart") plant.restart();
          else if ("take" in action) {
            plant.take(...action.take.map(([n, t]): [string, number] => [n, start + t]));
          } else if ("deliver" in action) {
            let turn = 0;
            plant.deliver(() => action.deliver[turn++ % action.deliver.length]!);
          } else plant.inside.wish(action.wish, plant.letters().filter((_, i) => i % action.every === 0));
          const proof = await plant.verify();
          assert.deepEqual([...proof.state_faults, ...proof.sinks[0]!.differences], []);
        }
      }, { horizonMs: 100_000 });
    }),
    { numRuns: 60 },
  );
});
