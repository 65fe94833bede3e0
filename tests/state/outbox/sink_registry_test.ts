import assert from "node:assert/strict";
import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import { readAudit } from "../../../src/state/audit.ts";
import { routedByLength } from "../../../src/state/outbox/sink_tiers.ts";
import { SinkRegistry, waitingRows, writeSink } from "../../../src/state/outbox/sink_registry.ts";
import { StateError } from "../../../src/state/file/state_error.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";

/** Opens the state with these sinks, each getting everything, and lets `work` go on. */
function withSinks(
  directory: string,
  sinks: string[],
  work: (inside: Inside) => void,
  forget: string[] = [],
) {
  const inside = new Inside(directory, { sinks, forget });
  try {
    work(inside);
  } finally {
    inside.state.close();
  }
}

const isForeign = (words: RegExp) => (error: unknown) =>
  error instanceof StateError && error.kind === "foreign" && words.test(error.message);

function publish(inside: Inside, name: string): void {
  inside.take([{ name, value: 1, timestamp: 0.5 }]);
  inside.save(true);
}

function deliver(inside: Inside, sink: string): Aggregate[] {
  const table = new Map<string, Aggregate>();
  inside.deliver(table, sink);
  inside.save();
  return [...table.values()];
}

/** Something is published while there are these sinks, and is delivered to each. */
function round(directory: string, name: string, sinks: string[]): void {
  withSinks(directory, sinks, (inside) => {
    publish(inside, name);
    for (const sink of sinks) deliver(inside, sink);
  });
}

Deno.test("a sink added later starts with what closes from then on", () => {
  inTemporaryDirectory((directory) => {
    withSinks(directory, ["x"], (inside) => publish(inside, "old"));
    withSinks(directory, ["x", "y"], (inside) => {
      publish(inside, "new");
      assert.deepEqual(deliver(inside, "x").map(({ name }) => name), ["old", "new"]);
      assert.deepEqual(deliver(inside, "y").map(({ name }) => name), ["new"]);
      assert.deepEqual(inside.registry.sinks.map(({ routedCount }) => routedCount), [2, 1]);
    });
  });
});

Deno.test("a sink that has had everything may go without a word; its bit may be another's", () => {
  inTemporaryDirectory((directory) => {
    withSinks(directory, ["x", "y"], (inside) => {
      publish(inside, "a");
      deliver(inside, "x");
      deliver(inside, "y");
    });
    let bit = 0;
    withSinks(
      directory,
      ["y"],
      (inside) => assert.deepEqual(inside.registry.sinks.map(({ id }) => id), ["y"]),
    );
    withSinks(directory, ["y", "z"], (inside) => {
      bit = inside.registry.get("z").bit;
      assert.deepEqual(deliver(inside, "z"), [], "what x had under this bit is not z's");
      inside.take([{ name: "a", value: 1, timestamp: 0.6 }]);
      inside.save(true);
      assert.deepEqual(deliver(inside, "z").map(({ count, revision }) => [count, revision]), [[2, 1]]);
      assert.equal(inside.registry.get("z").routedCount, 2, "both events are new to it");
      assert.deepEqual(deliver(inside, "y").map(({ count }) => count), [2]);
      assert.equal(inside.registry.get("y").routedCount, 2);
    });
    assert.equal(bit, 1);
  });
});

Deno.test("a late event for what a removed sink had goes to those that are left", () => {
  inTemporaryDirectory((directory) => {
    withSinks(directory, ["x", "y"], (inside) => {
      publish(inside, "a");
      deliver(inside, "x");
      deliver(inside, "y");
    });
    withSinks(directory, ["y"], (inside) => {
      publish(inside, "a");
      assert.deepEqual(deliver(inside, "y").map(({ count, revision }) => [count, revision]), [[2, 1]]);
    });
  });
});

Deno.test("aggregates that wait for a sink that is gone are an error that names the way out", () => {
  inTemporaryDirectory((directory) => {
    withSinks(directory, ["x", "y"], (inside) => {
      publish(inside, "a");
      publish(inside, "b");
      deliver(inside, "x");
      assert.equal(waitingRows(inside.state, inside.registry.get("x")), 0);
      assert.equal(waitingRows(inside.state, inside.registry.get("y")), 2);
    });
    const open = (sinks: string[], forget: string[] = []) => withSinks(directory, sinks, () => {}, forget);
    assert.throws(() => open(["x"]), isForeign(/2 aggregates .* "y".*STORAGE_TYPE.*--forget-sink y/));
    assert.throws(() => open(["x"], ["nobody"]), isForeign(/--forget-sink nobody/));
    open(["x", "y"]);
    open(["x"], ["y"]);
    open(["x"]);
    withSinks(directory, ["x", "y"], (inside) => assert.deepEqual(deliver(inside, "y"), []));
  });
});

Deno.test("a refusal changes nothing", () => {
  inTemporaryDirectory((directory) => {
    withSinks(directory, ["x", "y", "z"], (inside) => {
      publish(inside, "a");
      deliver(inside, "x");
    });
    assert.throws(() => withSinks(directory, ["new"], () => {}), isForeign(/"y"/));
    withSinks(directory, ["x", "y", "z"], (inside) => {
      assert.deepEqual(inside.registry.sinks.map(({ id, cursor }) => [id, cursor]), [["x", 1], ["y", 0], [
        "z",
        0,
      ]]);
      assert.equal(inside.registry.deliveredId(), 0);
      assert.equal(inside.registry.bitsOf(["x", "z"]), 0b101);
      assert.throws(() => inside.registry.get("new"));
    });
  });
});

Deno.test("32 sinks are known at a time", () => {
  inTemporaryDirectory((directory) => {
    const names = Array.from({ length: 33 }, (_, i) => `s${i}`);
    assert.throws(() => withSinks(directory, names, () => {}), isForeign(/32/));
    withSinks(directory, names.slice(1), (inside) => {
      publish(inside, "a");
      for (const name of names.slice(1)) assert.equal(deliver(inside, name).length, 1, name);
    });
  });
});

const TOY = (id: string) => ({ id, kind: "toy" });

Deno.test("a sink of another kind under the same name is refused, also one that was removed", () => {
  inTemporaryDirectory((directory) => {
    withSinks(directory, ["x", "y"], () => {});
    withSinks(directory, ["y"], ({ state, registry }) => {
      assert.deepEqual(registry.absent.map(({ id }) => id), ["x"]);
      for (const id of ["x", "y"]) {
        assert.throws(
          () => SinkRegistry.open(state, 0, [{ id, kind: "file" }, TOY(id === "x" ? "y" : "x")], [], 1),
          isForeign(new RegExp(`the sink "${id}" was a toy and is a file now.*new-${id}:file`)),
        );
      }
    });
  });
});

Deno.test("what is given up of a sink is moved in its books, and the order is noted", () => {
  inTemporaryDirectory((directory) => {
    withSinks(directory, ["x", "y"], (inside) => {
      publish(inside, "a");
      deliver(inside, "x");
      publish(inside, "b");
      publish(inside, "a");
    });
    withSinks(directory, ["x", "y"], ({ state, outbox }) => {
      const forget = (operator?: string) =>
        SinkRegistry.open(state, outbox.endId(), [TOY("y")], ["x"], 7, operator);
      const [x] = forget("root").absent;
      assert.deepEqual([x!.id, x!.bit, x!.routedCount, x!.givenUpCount, x!.purgedCount], ["x", 0, 1, 2, 0]);
      assert.deepEqual(x!.earlier, [{ sinceId: 0, untilId: 3, bit: 1, cursor: 1 }]);
      assert.deepEqual([x!.cursor, x!.sinceId], [Infinity, Infinity]);
      assert.deepEqual([...routedByLength(state, "x")], [[1000, 1]]);
      const [order] = readAudit(state, 9);
      assert.deepEqual([order!.who, order!.action, order!.detail, order!.result, order!.atMs], [
        "root",
        "--forget-sink",
        "x",
        "2 aggregates given up",
        7,
      ]);
      assert.throws(() => forget("root"), isForeign(/--forget-sink x: the state knows no such sink/));
      assert.equal(readAudit(state, 9).length, 1);
      const back = SinkRegistry.open(state, 3, [TOY("y"), TOY("x")], [], 8);
      const { bit, sinceId, cursor, routedCount, givenUpCount } = back.get("x");
      assert.deepEqual([bit, sinceId, cursor, routedCount, givenUpCount], [1, 3, 3, 1, 2]);
      assert.equal(back.absent.length, 0);
    });
  });
});

Deno.test("configured sinks are checked without changing anything", () => {
  inTemporaryDirectory((directory) => {
    withSinks(directory, ["x", "y"], (inside) => {
      publish(inside, "a");
      deliver(inside, "x");
      const check = (...sinks: { id: string; kind: string }[]) =>
        SinkRegistry.assertNoneStranded(inside.state, sinks);
      check(TOY("x"), TOY("y"));
      check(TOY("y"), TOY("new"));
      assert.throws(() => check(TOY("x")), isForeign(/^1 aggregates still wait for the sink "y"/));
      assert.throws(() => check(TOY("x"), { id: "y", kind: "file" }), isForeign(/was a toy and is a file/));
      assert.deepEqual(SinkRegistry.read(inside.state).sinks.map(({ id }) => id), ["x", "y"]);
    });
  });
});

Deno.test("the outbox waits for the sinks that have got the fewest", () => {
  inTemporaryDirectory((directory) =>
    withSinks(directory, ["x", "y", "z"], (inside) => {
      publish(inside, "a");
      publish(inside, "b");
      const { registry } = inside;
      assert.deepEqual([registry.slowest(), registry.deliveredId()], [["x", "y", "z"], 0]);
      inside.outbox.advance("x", 2);
      inside.outbox.advance("y", 1);
      inside.outbox.advance("z", 1);
      assert.deepEqual([registry.slowest(), registry.deliveredId()], [["y", "z"], 1]);
      assert.equal(registry.bitsOf(["z", "y", "y"]), 0b110);
      assert.equal(registry.bitsOf([]), 0);
    })
  );
});

Deno.test("the counts of a sink that is gone are changed in its latest stay", () => {
  inTemporaryDirectory((directory) => {
    round(directory, "a", ["x", "y", "z"]);
    round(directory, "b", ["z"]);
    round(directory, "c", ["x", "z"]);
    withSinks(directory, ["z"], ({ registry, state }) => {
      const counts = () =>
        SinkRegistry.read(state).absent.map(({ id, ...sink }) =>
          [id, sink.routedCount, sink.givenUpCount, sink.purgedCount].join(" ")
        ).toSorted();
      assert.deepEqual(counts(), ["x 2 0 0", "y 1 0 0"]);
      const x = registry.absent.find(({ id }) => id === "x")!;
      assert.equal(x.earlier.length, 2);
      const sums = () =>
        state.all<{ sink: string; sum: number }>(
          "SELECT sink, sum(routed_count) AS sum FROM stay GROUP BY sink",
        )
          .map(({ sink, sum }) => `${sink} ${sum}`);
      assert.deepEqual(sums(), ["x 3", "y 1"]);
      state.transaction(() => writeSink(state, x, { routedCount: 7, givenUpCount: 8, purgedCount: 9 }));
      assert.deepEqual(counts(), ["x 7 8 9", "y 1 0 0"]);
      assert.deepEqual(sums(), ["x 8", "y 1"], "earlier stays are as they were");
    });
  });
});

Deno.test("each sink is asked for its own kind only", () => {
  inTemporaryDirectory((directory) => {
    withSinks(directory, [], ({ state }) => {
      const configured = [TOY("x"), { id: "y", kind: "file" }, { id: "z", kind: "http" }];
      for (const again of [configured, configured, configured.toReversed()]) {
        const { sinks } = SinkRegistry.open(state, 0, again, [], 1);
        assert.deepEqual(sinks.map(({ id, kind }) => ({ id, kind })), configured);
        SinkRegistry.assertNoneStranded(state, again);
      }
    });
  });
});

Deno.test("earlier stays of a sink are known as long as the archive has something of them", () => {
  inTemporaryDirectory((directory) => {
    round(directory, "a", ["x", "y", "z"]);
    round(directory, "b", ["z"]);
    round(directory, "c", ["x", "z"]);
    round(directory, "d", ["z"]);
    withSinks(directory, ["z"], ({ state, outbox }) => {
      const open = (...names: string[]) => SinkRegistry.open(state, outbox.endId(), names.map(TOY), [], 1);
      const stays = ({ sinks, absent }: SinkRegistry) =>
        [...sinks, ...absent].map(({ id, routedCount, earlier }) =>
          `${id} ${routedCount}: ${earlier.map(({ sinceId, untilId }) => `${sinceId}-${untilId}`).join(" ")}`
        ).toSorted();
      assert.deepEqual(stays(open("z")), ["x 2: 0-1 2-3", "y 1: 0-1", "z 4: "]);
      const trim = (belowId: number) =>
        state.transaction(() => state.seal.remove("segment", "first_id < ?", belowId));
      trim(1);
      assert.deepEqual(stays(open("z")), ["x 2: 2-3", "y 1: 0-1", "z 4: "], "the last stay has the counts");
      trim(99);
      assert.deepEqual(stays(open("z")), ["x 2: 2-3", "y 1: 0-1", "z 4: "]);
      assert.deepEqual(stays(open("x", "z")), ["x 2: ", "y 1: 0-1", "z 4: "]);
    });
  });
});
