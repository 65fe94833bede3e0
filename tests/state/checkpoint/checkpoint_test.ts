import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import { StateError } from "../../../src/state/file/state_error.ts";
import type { NameRoutes } from "../../../src/state/checkpoint/route_table.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";

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
    { numRuns: 30 },
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
    assert.equal(inside.aggregator.books.duplicate, 2);
    inside.save();
    restart();
    restart();
    send("1", "2", "3", "4", "1");
    assert.equal(inside.aggregator.books.duplicate, 5);
    assert.equal(inside.aggregator.books.aggregated, 5);
    inside.state.close();
  });
});

Deno.test("ids that are remembered no more are no hindrance, and none is a duplicate any more", () => {
  inTemporaryDirectory((directory) => {
    let inside = new Inside(directory, { dedupMaxIds: 3 });
    inside.take([{ name: "a", value: 1, timestamp: 1, id: "1" }]);
    inside.save();
    inside.state.close();
    inside = new Inside(directory, { dedupMaxIds: 0 });
    inside.take([{ name: "a", value: 1, timestamp: 1, id: "1" }]);
    inside.save();
    assert.equal(inside.aggregator.books.aggregated, 2);
    assert.equal(inside.aggregator.books.duplicate, 0);
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
    const deadLetters = inside.state.all<{ reason: string; name: string; count: number }>(
      "SELECT reason, name, count FROM dead_letter",
    ).map((row) => ({ ...row }));
    assert.deepEqual(deadLetters, [{ reason: "not_finite", name: "a", count: 2 }]);
    inside.take([{ name: "c", value: 1.7e308, timestamp: 1 }, { name: "c", value: 1.7e308, timestamp: 1 }]);
    inside.take([{ name: "d", value: -1.7e308, timestamp: 1 }, { name: "d", value: -1.7e308, timestamp: 1 }]);
    inside.save(true);
    assert.equal(inside.checkpoint.counters.notFinite, 3);
    inside.state.close();
    const again = new Inside(directory);
    assert.equal(again.checkpoint.counters.notFinite, 3);
    again.state.close();
  });
});

Deno.test("a byte order mark is part of a name, for its route and in its dead letter", () => {
  inTemporaryDirectory((directory) => {
    const marked = "\ufeffa";
    const router: NameRoutes = {
      always: undefined,
      sinksFor: (name) => name === marked ? ["x"] : ["y"],
    };
    const inside = new Inside(directory, { sinks: ["x", "y"], router });
    inside.take([{ name: marked, value: 1, timestamp: 0 }]);
    const endless = { name: marked, value: 1.7e308, timestamp: 1 };
    inside.take([endless, endless]);
    inside.save(true);
    const table = new Map<string, Aggregate>();
    inside.deliver(table, "x");
    assert.deepEqual([...table.values()].map(({ name, windowStartMs }) => [name, windowStartMs]), [[
      marked,
      0,
    ]]);
    const names = inside.state.all<{ name: string }>("SELECT name FROM dead_letter").map(({ name }) => name);
    assert.deepEqual(names, [marked]);
    inside.state.close();
  });
});

Deno.test("sinks: routes by name, one added later starts at the end, one removed while aggregates wait is refused", () => {
  inTemporaryDirectory((directory) => {
    const both = ["x", "y"];
    const router: NameRoutes = {
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
    assert.equal(inside.checkpoint.counters.unrouted, 1);
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

Deno.test("events that went to no sink are no longer lost once a later revision has them for one", () => {
  inTemporaryDirectory((directory) => {
    const routes: NameRoutes[] = [[], ["all"]].map((sinks) => ({ always: undefined, sinksFor: () => sinks }));
    const counts: [unrouted: number, routed: number][] = [];
    for (const router of [routes[0]!, routes[0]!, routes[1]!, routes[1]!]) {
      const inside = new Inside(directory, { router });
      inside.take([{ name: "a", value: 1, timestamp: 1 }]);
      inside.save(true);
      counts.push([inside.checkpoint.counters.unrouted, inside.registry.get("all").routedCount]);
      inside.state.close();
    }
    assert.deepEqual(counts, [[1, 0], [2, 0], [0, 3], [0, 4]]);
  });
});
