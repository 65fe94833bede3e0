import assert from "node:assert/strict";
import { CONFIRMED_MAX } from "../../../src/contract/sink.ts";
import { acceptSink } from "../../../src/state/alarms.ts";
import { readDeadLetters } from "../../../src/state/letters/dead_letters.ts";
import { Inside, type InsideOptions, inTemporaryDirectory, withInside } from "../inside.ts";
import { rowsOf } from "../../support/rows_of.ts";

const BOTH: InsideOptions = { sinks: ["x", "y"] };

const withBoth = (work: (inside: Inside) => void, options = BOTH) => withInside(work, options);

/** A window of one second. */
function publish(inside: Inside, names: readonly string[], second: number): void {
  inside.take(names.map((name) => ({ name, value: 1, timestamp: second })));
  inside.save(true);
}

function deliver(inside: Inside, sink = "x"): void {
  inside.deliver(new Map(), sink);
  inside.save();
}

/** The next row for the sink is refused by it. */
function refuse(inside: Inside, sink = "x"): void {
  const batch = inside.outbox.read(sink, inside.outbox.cursor(sink), 1)!;
  const { ids } = batch;
  const aggregates = rowsOf(batch);
  inside.outbox.reject(sink, aggregates[0]!, { reason: "rejected", detail: "no" }, ids[0]! + 1);
}

/** Whether the sink has confirmed anything, and what it is looked for in it, the newest first. */
function confirmed({ outbox }: Inside, sink = "x"): [any: boolean, newest: string[]] {
  const { any, newest } = outbox.confirmed(sink);
  return [any, newest.map(({ name, windowStartMs }) => `${name}${windowStartMs / 1000}`)];
}

Deno.test("a sink has confirmed what is behind its cursor, row by row", () =>
  withBoth((inside) => {
    assert.deepEqual(confirmed(inside), [false, []]);
    publish(inside, ["a"], 1);
    publish(inside, ["b"], 2);
    assert.deepEqual(confirmed(inside), [false, []]);
    inside.outbox.advance("x", 1);
    assert.deepEqual(confirmed(inside), [true, ["a1"]]);
    deliver(inside);
    assert.deepEqual(confirmed(inside), [true, ["b2", "a1"]]);
    assert.deepEqual(confirmed(inside, "y"), [false, []]);
    publish(inside, ["c", "d", "e"], 3);
    const batch = inside.outbox.read("x", 2, 2)!;
    const { ids } = batch;
    const aggregates = rowsOf(batch);
    inside.outbox.advance("x", ids[1]! + 1);
    const names = aggregates.map(({ name }) => `${name}3`).reverse();
    assert.deepEqual(confirmed(inside), [true, [...names, "b2", "a1"]]);
  }));

Deno.test("a sink has confirmed no rows of others, though they lie among its own", () =>
  withBoth((inside) => {
    publish(inside, ["a", "b", "c", "d"], 1);
    deliver(inside);
    deliver(inside, "y");
    assert.equal(confirmed(inside)[1].length, 4);
    assert.deepEqual(confirmed(inside, "y")[1].toSorted(), ["c1", "d1"]);
  }, { ...BOTH, router: { always: undefined, sinksFor: (name) => name < "c" ? ["x"] : ["x", "y"] } }));

Deno.test("a sink that came later has confirmed nothing of what was before it", () =>
  inTemporaryDirectory((directory) => {
    const before = new Inside(directory, { sinks: ["x"] });
    publish(before, ["a"], 1);
    deliver(before);
    before.state.close();
    const inside = new Inside(directory, BOTH);
    try {
      assert.deepEqual(confirmed(inside, "y"), [false, []]);
      publish(inside, ["b"], 2);
      deliver(inside, "y");
      assert.deepEqual(confirmed(inside, "y"), [true, ["b2"]]);
    } finally {
      inside.state.close();
    }
  }));

Deno.test("at most a hundred rows are looked for, the newest ones", () =>
  withBoth((inside) => {
    for (const second of [1, 2]) {
      publish(inside, Array.from({ length: CONFIRMED_MAX - 30 }, (_, i) => `n${i}-`), second);
    }
    deliver(inside);
    const [any, newest] = confirmed(inside);
    assert.equal(any, true);
    assert.equal(newest.length, CONFIRMED_MAX);
    assert.equal(newest.filter((row) => row.endsWith("-2")).length, CONFIRMED_MAX - 30);
  }));

Deno.test("of a window of which the sink has refused a row nothing is looked for, nor of one that is sent anew", () =>
  withBoth((inside) => {
    publish(inside, ["a", "b"], 1);
    publish(inside, ["c"], 2);
    refuse(inside);
    deliver(inside);
    deliver(inside, "y");
    assert.deepEqual(confirmed(inside), [true, ["c2"]]);
    assert.equal(confirmed(inside, "y")[1].length, 3, "another sink has refused nothing");
    inside.request("retry", readDeadLetters(inside.state, { limit: 9 }));
    deliver(inside);
    assert.deepEqual(confirmed(inside), [true, ["c2"]]);
  }));

Deno.test("where all rows are gone, the sink has confirmed some, unless it may have refused them all", () => {
  const options = { ...BOTH, horizonMs: 1000 };
  for (const isRefused of [false, true]) {
    withBoth((inside) => {
      publish(inside, ["a"], 1);
      deliver(inside, "y");
      if (isRefused) refuse(inside);
      assert.deepEqual(confirmed(inside), [false, []]);
      // Of a window that stays open, so late that none before it can be corrected any more.
      inside.take([{ name: "a", value: 1, timestamp: 9 }]);
      deliver(inside);
      assert.equal(inside.state.get("SELECT 1 FROM segment") === undefined, !isRefused, "whether it is gone");
      assert.deepEqual(confirmed(inside), [!isRefused, []]);
    }, options);
  }
});

Deno.test("what an operator has taken as it is counts for nothing", () =>
  withBoth((inside) => {
    publish(inside, ["a"], 1);
    deliver(inside);
    acceptSink(inside.state, "x", inside.outbox.endId());
    assert.deepEqual(confirmed(inside), [false, []]);
    publish(inside, ["b"], 2);
    deliver(inside);
    assert.deepEqual(confirmed(inside), [true, ["b2"]]);
  }));

Deno.test("a row is the state's own when it has given out exactly that one, in any revision", () =>
  withBoth((inside) => {
    publish(inside, ["a", "b", "c"], 1);
    publish(inside, ["b"], 1);
    const { outbox } = inside;
    const rows = rowsOf(outbox.read("x", 0, 9)!);
    assert.deepEqual(rows.map(({ name, revision }) => name + revision).sort(), ["a0", "b0", "b1", "c0"]);
    for (const row of rows) {
      assert.equal(outbox.isOwn(row), true, `${row.name} ${row.revision}`);
      for (
        const change of [
          { value: row.value + 1 },
          { count: row.count + 1 },
          { revision: row.revision + 2 },
          { name: "d" },
          { aggFunc: "max" as const },
        ]
      ) assert.equal(outbox.isOwn({ ...row, ...change }), false, JSON.stringify(change));
      assert.equal(outbox.isOwn({ ...row, windowStartMs: 0 }), undefined);
      assert.equal(outbox.isOwn({ ...row, windowEndMs: 9000 }), undefined);
    }
  }));
