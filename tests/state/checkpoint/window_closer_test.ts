import assert from "node:assert/strict";
import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import { type OpenWindow, PAGE_SLOTS } from "../../../src/aggregation/open_windows.ts";
import { nothingClosed } from "../../../src/state/checkpoint/closed.ts";
import { ArchivedWindow } from "../../../src/state/outbox/archive.ts";
import { readDeadLetters } from "../../../src/state/letters/dead_letters.ts";
import { StateError } from "../../../src/state/file/state_error.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";
import { rowsOf } from "../../support/rows_of.ts";

Deno.test("a checkpoint that failed while a window was corrected leaves nothing behind for the next try", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory);
    const names = ["a", "b", "c", "d", "e"];
    const events = names.map((name) => ({ name, value: 1, timestamp: 0.5 }));
    inside.take([...events.slice(1), { name: "x", value: 1, timestamp: 5 }]);
    inside.save();
    inside.take(events);
    const { state } = inside;
    // A full disk can show itself in a read: SQLite makes room in its cache by writing to the log.
    let reads = 0;
    state.get = () => {
      reads++;
      throw new StateError("unwritable", "disk full");
    };
    assert.throws(() => inside.save(), StateError);
    assert.equal(reads, 1);
    Reflect.deleteProperty(state, "get");
    inside.save();
    const table = new Map<string, Aggregate>();
    let rows = 0;
    for (let from = 0, batch; (batch = inside.outbox.read("all", from, 100)); from = batch.nextId) {
      rows += batch.aggregates.length;
    }
    assert.equal(rows, 4 + 5);
    inside.deliver(table);
    assert.deepEqual(
      [...table.values()].map(({ name, count, revision }) => [name, count, revision]).toSorted(),
      [["a", 1, 0], ["b", 2, 1], ["c", 2, 1], ["d", 2, 1], ["e", 2, 1]],
    );
    state.close();
  });
});

Deno.test("what is sent again is the aggregate as it was, for the sink that refused it alone", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, { sinks: ["x", "y"] });
    const name = "größe.of.it";
    inside.take([1, 2, 9].map((value) => ({ name, value, timestamp: 0.5, agg_func: "p50" })));
    inside.take(["b", "c"].map((other) => ({ name: other, value: 4, timestamp: 0.5 })));
    inside.save(true);
    inside.take([{ name, value: 3, timestamp: 0.5, agg_func: "p50" }]);
    inside.save(true);
    const batch = inside.outbox.read("x", 0, 9)!;
    const { nextId } = batch;
    const aggregates = rowsOf(batch);
    const refused = aggregates.find((row) => row.name === name && row.revision === 1)!;
    assert.equal(refused.count, 4);
    inside.outbox.reject("x", refused, { reason: "rejected", detail: "no" }, nextId);
    inside.outbox.advance("y", nextId);
    inside.request("retry", readDeadLetters(inside.state, { limit: 9 }));
    assert.deepEqual(rowsOf(inside.outbox.read("x", nextId, 9)), [refused]);
    assert.deepEqual(rowsOf(inside.outbox.read("y", nextId, 9)), []);
    assert.deepEqual(readDeadLetters(inside.state, { limit: 9 }), []);
    const routed = ["x", "y"].map((sink) => inside.registry.get(sink).routedCount);
    assert.deepEqual(routed, [6, 6], "it was counted when it was routed first");
    inside.state.close();
  });
});

Deno.test("only the newest revision of an aggregate that the archive has can be sent again", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, {
      sinks: ["x", "y"],
      router: { always: ["x"], sinksFor: () => ["x"] },
    });
    for (let revision = 0; revision < 3; revision++) {
      inside.take([{ name: "a", value: 1, timestamp: 0.5 }]);
      inside.save(true);
    }
    const { outbox, state, checkpoint: { closer } } = inside;
    const aggregates = rowsOf(outbox.read("x", 0, 9)!);
    assert.deepEqual(aggregates.map(({ revision }) => revision), [0, 1, 2]);
    const newest = aggregates[2]!;
    const archived = ArchivedWindow.load(state, 0, 1000);
    const segments = () =>
      state.all("SELECT first_id, reissued, closed_at_ms FROM segment ORDER BY first_id");
    const before = segments();
    const reissue = (sink: string, aggregate: Aggregate) => {
      const closed = { ...nothingClosed(), endId: 50 };
      const answer = state.transaction(() => closer.reissue(sink, aggregate, archived, closed, 777));
      return [answer, closed.endId];
    };
    assert.deepEqual(reissue("x", aggregates[0]!), ["superseded", 50]);
    assert.deepEqual(reissue("x", aggregates[1]!), ["superseded", 50]);
    assert.deepEqual(reissue("x", { ...newest, revision: 3 }), ["impossible", 50]);
    assert.deepEqual(reissue("x", { ...newest, name: "b" }), ["impossible", 50]);
    assert.deepEqual(reissue("y", newest), ["impossible", 50], "it was never routed there");
    assert.deepEqual(segments(), before);
    assert.deepEqual(reissue("x", newest), ["reissued", 51]);
    assert.deepEqual({ ...segments().at(-1) as object }, { first_id: 50, reissued: 1, closed_at_ms: 777 });
    assert.deepEqual(
      state.all<{ reissued: number }>("SELECT reissued FROM segment").map(({ reissued }) => reissued),
      [0, 0, 0, 1],
    );
    state.close();
  });
});

Deno.test("windows close in turns where their pages may have more rows than one step makes", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, { rowsAStep: 2 * PAGE_SLOTS });
    const areMany = (...pages: number[]) =>
      inside.checkpoint.closer.areMany(pages.map((count) => ({ pages: Array(count).fill(0) }) as OpenWindow));
    assert.deepEqual([areMany(), areMany(2), areMany(1, 1), areMany(3), areMany(1, 2)], [
      false,
      false,
      false,
      true,
      true,
    ]);
    inside.state.close();
  });
});

Deno.test("changed routes hold for all windows that close from then on, also where their rows were made before", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    const to = (sink: string) => ({ always: [sink], sinksFor: () => [sink] });
    const inside = new Inside(directory, { sinks: ["x", "y"], router: to("x"), rowsAStep: 1 });
    const { aggregator, checkpoint: { closer }, outbox, state } = inside;
    const publish = (name: string) => inside.take([{ name, value: 1, timestamp: 0.5 }]);
    const prepare = (giveWay = () => Promise.resolve()) =>
      closer.prepare(aggregator, aggregator.windowsWhere(() => true), giveWay);
    publish("first");
    inside.save(true);
    publish("made before");
    await prepare();
    closer.reroute({ ofLength: () => to("y") });
    inside.save(true);
    publish("made meanwhile");
    await prepare(() => {
      closer.reroute({ ofLength: () => to("x") });
      return Promise.resolve();
    });
    inside.save(true);
    const names = (sink: string) => rowsOf(outbox.read(sink, 0, 9)!).map(({ name }) => name);
    assert.deepEqual([names("x"), names("y")], [["first", "made meanwhile"], ["made before"]]);
    state.close();
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("the revisions of a restored state begin above those that the lost one may have used", () => {
  inTemporaryDirectory((directory) => {
    const before = new Inside(directory);
    before.state.transaction(() => before.state.run("INSERT INTO account VALUES ('revision_floor', 1000)"));
    before.state.close();
    const inside = new Inside(directory);
    for (let i = 0; i < 2; i++) {
      inside.take([{ name: "a", value: 1, timestamp: 0.5 }]);
      inside.save(true);
    }
    assert.deepEqual(rowsOf(inside.outbox.read("all", 0, 9)!).map(({ revision }) => revision), [
      1000,
      1001,
    ]);
    inside.state.close();
  });
});
