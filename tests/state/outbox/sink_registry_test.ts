import assert from "node:assert/strict";
import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import { waitingRows } from "../../../src/state/outbox/sink_registry.ts";
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
