import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import type { Proof } from "../../src/control/proof.ts";
import { ALL_WINDOWS } from "../../src/control/span.ts";
import { verify } from "../../src/control/verification.ts";
import { type Sink, SinkError } from "../../src/contract/sink.ts";
import type { DeletedRows, ReadBack } from "../../src/contract/read_back.ts";
import { readDeadLetters } from "../../src/state/letters/dead_letters.ts";
import { Inside, type InsideOptions } from "../state/inside.ts";
import { rowsOf } from "../support/rows_of.ts";

/** The rows of a sink, which a test can change in every way. */
class Backend implements Sink, ReadBack {
  readonly id: string = "all";
  readonly repeat = "upsert";
  readonly readBack = this;
  readonly cost = "cheap";
  readonly rows = new Map<string, Aggregate>();
  /** What happens while the sink is read. */
  meanwhile: () => void = () => {};
  gone: DeletedRows | undefined;

  put(aggregate: Aggregate): void {
    const { name, labels, aggFunc, windowStartMs, windowEndMs } = aggregate;
    const key = JSON.stringify([name, labels, aggFunc, windowStartMs, windowEndMs]);
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

  deleted = () => Promise.resolve(this.gone);
  open = (context: { cursor: number }) => Promise.resolve(context.cursor);
  write = () => Promise.resolve();
  probe = () => Promise.resolve("here");
  close = () => Promise.resolve();
}

/** A handler without its surroundings, and its sink. */
class Plant {
  readonly backend = new Backend();
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
      if (aggregate && isRejected(aggregate)) {
        outbox.reject("all", aggregate, { reason: "rejected", detail: "no" }, batch.nextId);
      } else {
        if (aggregate) this.backend.put(aggregate);
        outbox.advance("all", batch.nextId);
      }
    }
    this.inside.save();
  }

  deadLetters = () => readDeadLetters(this.inside.state, { limit: 99 });

  verify(sinceMs = -Infinity): Promise<Proof> {
    return verify(
      this.inside.state,
      [this.backend],
      { ...ALL_WINDOWS, sinceMs },
      new AbortController().signal,
    );
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

Deno.test("every kind of difference is found, told and counted", async () => {
  const cases: [what: RegExp, isInSum: boolean, tamper: (backend: Backend) => void][] = [
    [
      /sum\("a"\) = 7 of 2 .* should be sum\("a"\) = 2 of 2/,
      false,
      (backend) => backend.change("a", (row) => ({ ...row, value: 7 })),
    ],
    [
      /of 3 events, revision 0, should be .* of 2 events/,
      true,
      (backend) => backend.change("a", (row) => ({ ...row, count: 3 })),
    ],
    [
      /revision 1, should be .* revision 0$/,
      false,
      (backend) => backend.change("a", (row) => ({ ...row, revision: 1 })),
    ],
    [
      /sum\("a"\) = 2 of 2 events, revision 0, is missing/,
      true,
      (backend) => backend.change("a", () => undefined),
    ],
    [
      /sum\("a"\{"l":"1"\}\).* is there and should not be/,
      true,
      (backend) => backend.rows.set("l", { ...backend.rows.values().next().value!, labels: '{"l":"1"}' }),
    ],
    [
      /sum\("x"\).* is there and should not be/,
      true,
      (backend) => backend.rows.set("x", { ...backend.rows.values().next().value!, name: "x" }),
    ],
    [
      /are too many/,
      true,
      (backend) =>
        backend.rows.set("y", {
          ...backend.rows.values().next().value!,
          windowStartMs: -1000,
          windowEndMs: 0,
        }),
    ],
  ];
  for (const [what, isInSum, tamper] of cases) {
    await withPlant(async (plant) => {
      plant.take(["a", 1], ["a", 1], ["b", 1]);
      plant.deliver();
      assert.deepEqual(await plant.differences(), []);
      tamper(plant.backend);
      const proof = await plant.verify();
      const found = proof.sinks[0]!;
      assert.equal(proof.proven, false);
      assert.ok(
        found.differences.some((text) => what.test(text)),
        `${what}: ${found.differences.join("\n")}`,
      );
      assert.equal(found.difference_count, found.differences.length);
      assert.equal(found.expected_events !== found.found_events, isInSum, `${what}`);
    });
  }
});

Deno.test("of very many differences the first are told and all are counted", async () => {
  await withPlant(async (plant) => {
    plant.take(...Array.from({ length: 50 }, (_, i): [string, number] => [`n${i}`, 1]));
    plant.deliver();
    plant.backend.rows.clear();
    const [proof] = (await plant.verify()).sinks;
    assert.equal(proof!.difference_count, 51);
    assert.equal(proof!.differences.length, 20);
  });
});

Deno.test("what a sink has deleted for its age is in the sum and not missed; what it lacks beyond is", async () => {
  await withPlant(async (plant) => {
    plant.take(["a", 1], ["a", 2], ["a", 5]);
    plant.deliver();
    const { backend } = plant;
    backend.change("a", (row) => row.windowStartMs < 2000 ? undefined : row);
    backend.gone = { beforeMs: 3000, events: 1 };
    const [proof] = (await plant.verify()).sinks;
    assert.deepEqual(proof!.differences, []);
    assert.deepEqual([proof!.expected_events, proof!.found_events], [3, 3]);
    assert.deepEqual([proof!.deleted_events, proof!.rows_since], [1, 3]);
    // What is still there is compared, though it may go at any moment.
    backend.change("a", (row) => row.windowStartMs === 2000 ? { ...row, value: 99 } : row);
    assert.match((await plant.differences()).join(), /= 99 of 1 events.* should be/);
    backend.change("a", (row) => row.windowStartMs === 2000 ? undefined : row);
    assert.match((await plant.differences()).join(), /stand for 3 events in all and stand for 2/);
    backend.gone = { beforeMs: 3000, events: 2 };
    assert.deepEqual(await plant.differences(), []);
    backend.change("a", () => undefined);
    assert.match((await plant.differences()).join(), /sum\("a"\) = 1 of 1 events, revision 0, is missing/);
  });
});

Deno.test("--since proves what retention has left, and takes no sum", async () => {
  await withPlant(async (plant) => {
    plant.take(["a", 1], ["a", 5]);
    plant.deliver();
    plant.backend.change("a", (row) => row.windowStartMs < 5000 ? undefined : row);
    assert.equal((await plant.verify()).proven, false);
    const since = await plant.verify(5000);
    assert.equal(since.proven, true);
    const [proof] = since.sinks;
    assert.deepEqual([proof!.expected_events, proof!.windows_compared, proof!.rows_compared], [null, 1, 1]);
  });
});

Deno.test("what waits is no difference, also where the sink has it and the cursor does not say so", async () => {
  await withPlant(async (plant) => {
    plant.take(["a", 1], ["b", 1]);
    const waiting = (await plant.verify()).sinks[0]!;
    assert.deepEqual([waiting.waiting_events, waiting.expected_events, waiting.difference_count], [2, 0, 0]);
    const [first] = rowsOf(plant.inside.outbox.read("all", 0, 1)!);
    plant.backend.put(first!);
    const ahead = (await plant.verify()).sinks[0]!;
    assert.deepEqual([ahead.waiting_events, ahead.expected_events, ahead.difference_count], [1, 1, 0]);
    plant.backend.change(first!.name, (row) => ({ ...row, value: 5 }));
    assert.equal((await plant.differences()).length, 1, "a wrong row is a difference though it waits");
  });
});

Deno.test("books that do not add up, and a sink that the state does not know", async () => {
  await withPlant(async (plant) => {
    plant.take(["a", 1]);
    plant.deliver();
    const { state } = plant.inside;
    const faultsOf = async (sql: string) => {
      state.run(sql);
      const { proven, state_faults: faults } = await plant.verify();
      plant.inside.save();
      assert.equal(proven, false);
      return faults;
    };
    assert.match(
      (await faultsOf("UPDATE account SET value = 2 WHERE name = 'received'")).join(),
      /received 2 events, but aggregated .* = 1/,
    );
    assert.match(
      (await faultsOf("UPDATE account SET value = value + 1 WHERE name = 'contributed'")).join(),
      /the aggregated events count for 2, but open windows hold 0 and closed ones 1/,
    );
    const negative = await faultsOf(
      "UPDATE account SET value = CASE name WHEN 'future' THEN -1 ELSE 1 END WHERE name IN " +
        "('future', 'invalid')",
    );
    assert.match(negative.join(), /entry future of the books stands at -1/, "though the sum is right");
    assert.equal((await plant.verify()).proven, true);
    state.run("UPDATE sink SET name = 'other'");
    assert.match((await plant.differences()).join(), /knows no such sink/);
  });
});

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
    plant.inside.request("purge", plant.deadLetters());
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
    assert.equal(plant.deadLetters().length, 2);
    assert.deepEqual(await plant.differences(), []);
    plant.inside.request("retry", plant.deadLetters());
    plant.deliver(() => true);
    assert.deepEqual(
      plant.deadLetters().map(({ aggregate }) => aggregate!.revision),
      [1],
      "one row went again",
    );
    assert.deepEqual(await plant.differences(), []);
    plant.inside.request("retry", plant.deadLetters());
    plant.deliver();
    assert.deepEqual([...plant.backend.rows.values()].map(({ count, revision }) => [count, revision]), [[
      2,
      1,
    ]]);
    assert.deepEqual(await plant.differences(), []);
    assert.deepEqual(plant.deadLetters(), []);
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

Deno.test("a handler at work while it is proven makes no difference", async () => {
  await withPlant(async (plant) => {
    plant.take(["a", 1], ["b", 1], ["a", 2]);
    plant.deliver();
    let turn = 0;
    plant.backend.meanwhile = () => {
      if (++turn > 7) return;
      plant.take(["a", 1], ["b", 2 + turn], ["new", 1]);
      plant.deliver((aggregate) => aggregate.name === "new" && turn % 2 === 0);
    };
    const proof = await plant.verify();
    assert.deepEqual(proof.sinks[0]!.differences, []);
    assert.equal(proof.sinks[0]!.found_events, proof.sinks[0]!.expected_events);
    assert.ok(proof.proven);
    assert.ok(turn > 2);
  });
});

Deno.test("a sink that cannot be read is named, and the others are proven all the same", async () => {
  await withPlant(async (plant) => {
    plant.take(["a", 1], ["b", 1]);
    plant.deliver();
    const { state } = plant.inside;
    const away = new Backend();
    const verifyBoth = (signal: AbortSignal) => verify(state, [away, plant.backend], ALL_WINDOWS, signal);
    away.rowsOfWindow = () => Promise.reject(new SinkError("unavailable", "nobody is there."));
    const { proven, sinks: [first, second] } = await verifyBoth(new AbortController().signal);
    assert.equal(proven, false);
    assert.deepEqual(first!.failure, { kind: "unavailable", message: "nobody is there." });
    assert.deepEqual([first!.difference_count, first!.expected_events], [0, null]);
    assert.deepEqual([second!.failure, second!.found_events, second!.rows_compared], [null, 2, 2]);

    const ended = AbortSignal.abort();
    await assert.rejects(
      verifyBoth(ended),
      { name: "AbortError" },
      "a sink that was interrupted has not failed",
    );
  });
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
    request: fc.constantFrom("retry" as const, "purge" as const),
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
          } else {plant.inside.request(
              action.request,
              plant.deadLetters().filter((_, i) => i % action.every === 0),
            );}
          const proof = await plant.verify();
          assert.deepEqual([...proof.state_faults, ...proof.sinks[0]!.differences], []);
        }
      }, { horizonMs: 100_000 });
    }),
    { numRuns: 30 },
  );
});
