import assert from "node:assert/strict";
import fc from "fast-check";
import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import { EventAggregator } from "../../src/aggregation/event_aggregator.ts";
import { readAccounts } from "../../src/store/accounts.ts";
import { Checkpoint } from "../../src/store/checkpoint.ts";
import { OutboxLog } from "../../src/store/outbox_log.ts";
import { SinkRegistry } from "../../src/store/sink_registry.ts";
import { StateDatabase } from "../../src/store/state_database.ts";
import { StateError } from "../../src/store/state_error.ts";
import { type RouteTable, WindowCloser } from "../../src/store/window_closer.ts";
import { EventBatch } from "../../src/vabus/event_batch.ts";
import { scanReply } from "../../src/vabus/event_scanner.ts";

const NOW_MS = 10_000_000;

interface Options {
  windowSizeMs?: number;
  horizonMs?: number;
  sinks?: string[];
  forget?: string[];
  router?: RouteTable;
  dedupMaxIds?: number;
}

/** A handler's inside without its outside: state, aggregator and checkpoint on a directory. */
class Inside {
  readonly state: StateDatabase;
  readonly aggregator: EventAggregator;
  readonly outbox: OutboxLog;
  readonly registry: SinkRegistry;
  readonly checkpoint: Checkpoint;
  offset: number;

  constructor(directory: string, options: Options = {}) {
    const horizonMs = options.horizonMs ?? 1e9;
    const dedupMaxIds = options.dedupMaxIds ?? 0;
    this.state = StateDatabase.open({ directory, instanceId: "test" });
    this.aggregator = new EventAggregator({
      busCount: 1,
      windowSizeMs: options.windowSizeMs ?? 1000,
      allowedLatenessMs: 500,
      correctionHorizonMs: horizonMs,
      maxFutureSkewMs: 0,
      maxSeries: 1000,
      dedupMaxIds,
    });
    const endId = readAccounts(this.state).get("outbox_end_id") ?? 0;
    const sinks = options.sinks ?? ["all"];
    try {
      this.registry = SinkRegistry.open(this.state, endId, sinks, options.forget ?? []);
    } catch (error) {
      this.state.close();
      throw error;
    }
    this.outbox = new OutboxLog(this.state, this.registry, endId, () => NOW_MS);
    const router = options.router ?? { always: sinks, sinksFor: () => sinks };
    this.checkpoint = new Checkpoint(
      this.state,
      this.aggregator,
      this.registry,
      this.outbox,
      new WindowCloser(this.state, this.registry, router),
      { correctionHorizonMs: horizonMs, dedupMaxIds, windowSizeMs: options.windowSizeMs ?? 1000 },
    );
    this.offset = this.checkpoint.restore(["bus"])[0]!.nextOffset ?? 0;
  }

  take(events: readonly unknown[]): void {
    const next = this.offset + events.length;
    const batch = new EventBatch();
    scanReply(
      new TextEncoder().encode(JSON.stringify({ log: "L", offset: this.offset, next, events })),
      batch,
    );
    this.aggregator.aggregate(0, batch, NOW_MS, () => {});
    this.offset = next;
  }

  save(closeAll = false): void {
    this.checkpoint.write({
      nowMs: NOW_MS,
      buses: [{ name: "bus", log: "L", nextOffset: this.offset }],
      closing: closeAll ? this.aggregator.windowsWhere(() => true) : this.aggregator.windowsToClose(),
      refused: [],
      lost: 0,
      settled: { wishes: [], retried: [], purged: [], reissued: [] },
    });
  }

  /** Delivers what is in the outbox into a table keyed as a sink keys it. */
  deliver(table: Map<string, Aggregate>, sink = "all", most = 7): void {
    for (let from = this.outbox.cursor(sink);;) {
      const batch = this.outbox.read(sink, from, most);
      if (!batch) return;
      assert.equal(batch.firstId, from);
      assert.ok(batch.aggregates.length <= most);
      for (const aggregate of batch.aggregates) {
        const key = [aggregate.name, aggregate.aggFunc, aggregate.windowStartMs, aggregate.windowEndMs].join(
          "|",
        );
        const there = table.get(key);
        if (!there || there.revision < aggregate.revision) table.set(key, aggregate);
      }
      from = batch.nextId;
      this.outbox.advance(sink, from);
    }
  }
}

function inTemporaryDirectory(work: (directory: string) => void): void {
  const directory = Deno.makeTempDirSync();
  try {
    work(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

const event = fc.record({
  name: fc.constantFrom("a", "b", "c", "größe"),
  value: fc.integer({ min: -100, max: 100 }),
  timestamp: fc.integer({ min: 0, max: 8000 }).map((ms) => ms / 1000),
  agg_func: fc.constantFrom("sum", "avg", "min", "max", "count", "first", "last", "stddev", "p50"),
});
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 4, arbitrary: fc.constant("save" as const) },
  { weight: 2, arbitrary: fc.constant("crash" as const) },
  { weight: 2, arbitrary: fc.constant("deliver" as const) },
);

Deno.test("whatever the order of batches, checkpoints, deliveries and crashes, each event counts once", () => {
  fc.assert(
    fc.property(
      fc.array(event, { minLength: 1, maxLength: 60 }),
      fc.array(step, { maxLength: 40 }),
      (log, steps) => {
        inTemporaryDirectory((directory) => {
          let inside = new Inside(directory);
          const table = new Map<string, Aggregate>();
          for (const action of steps) {
            if (action === "save") inside.save();
            else if (action === "deliver") inside.deliver(table);
            else if (action === "crash") {
              inside.state.close();
              inside = new Inside(directory);
            } else inside.take(log.slice(inside.offset, inside.offset + action.take));
          }
          while (inside.offset < log.length) inside.take(log.slice(inside.offset, inside.offset + 10));
          inside.save(true);
          inside.deliver(table);
          inside.state.close();

          const direct = new Map<string, Aggregate>();
          inTemporaryDirectory((elsewhere) => {
            const once = new Inside(elsewhere);
            once.take(log);
            once.save(true);
            once.deliver(direct);
            once.state.close();
          });
          assert.deepEqual([...table.keys()].toSorted(), [...direct.keys()].toSorted());
          for (const [key, expected] of direct) {
            const actual = table.get(key)!;
            assert.equal(actual.count, expected.count, key);
            const tolerance = 1e-9 * Math.max(1, Math.abs(expected.value));
            assert.ok(
              Math.abs(actual.value - expected.value) <= tolerance,
              `${key}: ${actual.value} ${expected.value}`,
            );
          }
          assert.equal([...table.values()].reduce((sum, row) => sum + row.count, 0), log.length);
        });
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("a late event makes the next revision; one for a window that never was makes revision 0", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory);
    const table = new Map<string, Aggregate>();
    inside.take([{ name: "a", value: 1, timestamp: 0.1 }, { name: "a", value: 1, timestamp: 5 }]);
    inside.save();
    inside.take([{ name: "a", value: 2, timestamp: 0.2 }, { name: "b", value: 7, timestamp: 0.2 }, {
      name: "a",
      value: 9,
      timestamp: 2.2,
    }]);
    inside.save();
    inside.deliver(table);
    assert.deepEqual(
      [...table.values()].map((row) => [row.name, row.windowStartMs, row.value, row.count, row.revision]),
      [["a", 0, 3, 2, 1], ["b", 0, 7, 1, 0], ["a", 2000, 9, 1, 0]],
    );
    inside.state.close();
  });
});

Deno.test("a window closed ahead of its time is corrected too, also after a restart", () => {
  inTemporaryDirectory((directory) => {
    let inside = new Inside(directory);
    const table = new Map<string, Aggregate>();
    inside.take([{ name: "a", value: 1, timestamp: 0.1 }]);
    inside.save(true);
    inside.state.close();
    inside = new Inside(directory);
    inside.take([{ name: "a", value: 1, timestamp: 0.9 }]);
    assert.equal(inside.aggregator.lateArrivals, 1);
    inside.save(true);
    inside.deliver(table);
    assert.deepEqual([...table.values()].map((row) => [row.count, row.revision]), [[2, 1]]);
    inside.state.close();
  });
});

Deno.test("ids are remembered over a crash exactly as far as their events are", () => {
  inTemporaryDirectory((directory) => {
    let inside = new Inside(directory, { dedupMaxIds: 3 });
    const send = (...ids: string[]) =>
      inside.take(ids.map((id) => ({ name: "a", value: 1, timestamp: 1, id })));
    const restart = () => {
      inside.state.close();
      inside = new Inside(directory, { dedupMaxIds: 3 });
    };
    send("1", "2");
    inside.save();
    send("3");
    restart();
    send("3", "1", "2");
    assert.equal(inside.aggregator.accounting.duplicate, 2);
    inside.save();
    restart();
    restart();
    send("1", "2", "3", "4", "1");
    assert.equal(inside.aggregator.accounting.duplicate, 5);
    assert.equal(inside.aggregator.accounting.aggregated, 5);
    inside.state.close();
  });
});

Deno.test("an open window keeps its length when the interval changes", () => {
  inTemporaryDirectory((directory) => {
    let inside = new Inside(directory, { windowSizeMs: 4000 });
    const table = new Map<string, Aggregate>();
    inside.take([{ name: "a", value: 1, timestamp: 1 }]);
    inside.save();
    inside.state.close();
    inside = new Inside(directory, { windowSizeMs: 1000 });
    inside.take([{ name: "a", value: 1, timestamp: 1 }, { name: "a", value: 1, timestamp: 9 }]);
    inside.save();
    inside.deliver(table);
    assert.deepEqual([...table.values()].map((row) => [row.windowStartMs, row.windowEndMs, row.count]), [
      [1000, 2000, 1],
      [0, 4000, 1],
    ]);
    inside.state.close();
  });
});

Deno.test("segments go when they are delivered and final, not before", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, { horizonMs: 10_000 });
    const count = () => inside.state.get<{ n: number }>("SELECT count(*) AS n FROM segment")!.n;
    inside.take([{ name: "a", value: 1, timestamp: 0.5 }, { name: "a", value: 1, timestamp: 10.9 }]);
    inside.save();
    inside.deliver(new Map());
    inside.save();
    assert.equal(count(), 1, "an event of 0.95 would still be taken");
    inside.take([{ name: "a", value: 1, timestamp: 10.999 }]);
    inside.save();
    assert.equal(count(), 0);
    inside.take([{ name: "a", value: 1, timestamp: 100 }, { name: "a", value: 1, timestamp: 200 }]);
    inside.save();
    inside.save();
    assert.equal(count(), 2, "not delivered");
    inside.state.close();
  });
});

Deno.test("a window whose aggregate is not finite is a dead letter, not a row", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory);
    inside.take([{ name: "a", value: 1.7e308, timestamp: 0 }, { name: "a", value: 1.7e308, timestamp: 0 }]);
    inside.take([{ name: "b", value: 1, timestamp: 0 }]);
    inside.save(true);
    const table = new Map<string, Aggregate>();
    inside.deliver(table);
    assert.deepEqual([...table.values()].map((row) => row.name), ["b"]);
    const letters = inside.state.all<{ reason: string; name: string; count: number }>(
      "SELECT reason, name, count FROM dead_letter",
    ).map((row) => ({ ...row }));
    assert.deepEqual(letters, [{ reason: "not_finite", name: "a", count: 2 }]);
    inside.state.close();
  });
});

Deno.test("sinks: routes by name, one added later starts at the end, one removed while aggregates wait is refused", () => {
  inTemporaryDirectory((directory) => {
    const both = ["x", "y"];
    const router: RouteTable = {
      always: undefined,
      sinksFor: (name) => name === "a" ? ["x"] : name === "n" ? [] : both,
    };
    let inside = new Inside(directory, { sinks: both, router });
    inside.take(["a", "b", "n"].map((name) => ({ name, value: 1, timestamp: 0 })));
    inside.save(true);
    const names = (sink: string) => {
      const table = new Map<string, Aggregate>();
      inside.deliver(table, sink);
      return [...table.values()].map((row) => row.name).toSorted();
    };
    assert.deepEqual(names("x"), ["a", "b"]);
    assert.equal(inside.registry.get("x").routedCount, 2);
    assert.equal(inside.registry.get("y").routedCount, 1);
    assert.equal(inside.checkpoint.tallies.unrouted, 1);
    inside.save();
    inside.state.close();

    assert.throws(
      () => new Inside(directory, { sinks: ["x"] }),
      (error) =>
        error instanceof StateError && error.kind === "foreign" && /--forget-sink y/.test(error.message),
    );
    inside = new Inside(directory, { sinks: ["x", "z"], forget: ["y"] });
    assert.deepEqual(names("z"), []);
    inside.take([{ name: "b", value: 1, timestamp: 0 }]);
    inside.save(true);
    const table = new Map<string, Aggregate>();
    inside.deliver(table, "z");
    assert.deepEqual([...table.values()].map((row) => [row.name, row.count, row.revision]), [["b", 2, 1]]);
    assert.equal(inside.registry.get("z").routedCount, 2, "it never had revision 0, though it has y's bit");
    inside.state.close();
  });
});
