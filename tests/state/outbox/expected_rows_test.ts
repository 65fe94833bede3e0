import assert from "node:assert/strict";
import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import { Books } from "../../../src/state/checkpoint/books.ts";
import { readDeadLetters } from "../../../src/state/letters/dead_letters.ts";
import {
  expectedRows,
  historyOf,
  refusedEvents,
  rowKey,
  type WindowKey,
} from "../../../src/state/outbox/expected_rows.ts";
import { Inside, type InsideOptions, inTemporaryDirectory } from "../inside.ts";
import { hand, publish } from "./rows_for_sinks.ts";
import { rowsOf } from "../../support/rows_of.ts";

const WINDOW: WindowKey = { startMs: 1000, endMs: 2000 };

/** Opens the state with the sinks `x` and `y` for some work, as one life of the handler would. */
function live(directory: string, work: (inside: Inside) => void, options: InsideOptions = {}): void {
  const inside = new Inside(directory, { sinks: ["x", "y"], ...options });
  try {
    work(inside);
  } finally {
    inside.state.close();
  }
}

const shortly = (rows: readonly Aggregate[]) =>
  rows.map(({ name, count, revision }) => `${name}${count} r${revision}`).toSorted();

/** What `x` must have of a window, by its fate. */
function expected(inside: Inside, window = WINDOW) {
  const sink = new Books(inside.state);
  const x = [...sink.sinks, ...sink.absentSinks].find(({ id }) => id === "x")!;
  const { delivered, waiting, givenUp } = expectedRows(inside.state, x, window);
  assert.ok([...waiting.values(), ...givenUp.values()].every((rows) => rows.length > 0));
  return {
    delivered: shortly([...delivered.values()]),
    waiting: shortly([...waiting.values()].flat()),
    givenUp: shortly([...givenUp.values()].flat()),
  };
}

/** The events that `x` lacks of a window by its refusals. */
function lacking(inside: Inside, window = WINDOW): [kept: number, purged: number] {
  const { kept, purged } = refusedEvents(inside.state, inside.registry.get("x"), window);
  return [kept, purged];
}

Deno.test("of each series a sink must have the newest revision that it was handed, and what waits may come", () =>
  inTemporaryDirectory((directory) =>
    live(directory, (inside) => {
      publish(inside, "ab");
      publish(inside, "a", 2);
      publish(inside, "a");
      hand(inside);
      publish(inside, "bc");
      publish(inside, "b");
      assert.deepEqual(expected(inside), {
        delivered: ["a2 r1", "b1 r0"],
        waiting: ["b2 r1", "b3 r2", "c1 r0"],
        givenUp: [],
      });
      assert.deepEqual(expected(inside, { startMs: 2000, endMs: 3000 }).delivered, ["a1 r0"]);
      assert.deepEqual(expected(inside, { startMs: 1000, endMs: 3000 }).delivered, []);
      assert.deepEqual(expected(inside, { startMs: 2000, endMs: 2000 }).delivered, []);
      const history = historyOf(inside.state, inside.registry.get("x"), WINDOW);
      assert.deepEqual([...history.keys()].toSorted(), ["sum a", "sum b", "sum c"]);
      const { handed, waiting, givenUp } = history.get("sum b")!;
      assert.deepEqual([handed, waiting, givenUp].map((rows) => rows.map(({ revision }) => revision)), [
        [0],
        [1, 2],
        [],
      ]);
    })
  ));

Deno.test("what was given up is what is newer than the newest that was handed", () =>
  inTemporaryDirectory((directory) => {
    live(directory, (inside) => {
      publish(inside, "ab");
      hand(inside);
      publish(inside, "ac");
      assert.equal(inside.registry.get("x").routedCount, 4);
    });
    live(directory, (inside) => {
      publish(inside, "b");
      assert.deepEqual(expected(inside), {
        delivered: ["a1 r0", "b1 r0"],
        waiting: [],
        givenUp: ["a2 r1", "c1 r0"],
      });
    }, { sinks: ["y"], forget: ["x"] });
    live(directory, (inside) => {
      publish(inside, "a");
      hand(inside);
      assert.deepEqual(expected(inside), {
        delivered: ["a3 r2", "b1 r0"],
        waiting: [],
        givenUp: ["c1 r0"],
      });
    });
  }));

Deno.test("a sink lacks the events of what it refuses, less those that it has by an earlier revision", () =>
  inTemporaryDirectory((directory) =>
    live(directory, (inside) => {
      assert.deepEqual(lacking(inside), [0, 0]);
      publish(inside, "aabbbc");
      hand(inside, "b");
      assert.deepEqual(expected(inside).delivered, ["a2 r0", "c1 r0"]);
      assert.deepEqual(lacking(inside), [3, 0]);
      assert.deepEqual(lacking(inside, { startMs: 1000, endMs: 3000 }), [0, 0]);
      assert.deepEqual(lacking(inside, { startMs: 0, endMs: 2000 }), [0, 0]);
      publish(inside, "aa");
      hand(inside, "a");
      assert.deepEqual(expected(inside).delivered, ["a2 r0", "c1 r0"]);
      assert.deepEqual(lacking(inside), [5, 0]);
      publish(inside, "a");
      hand(inside, "a");
      assert.deepEqual(lacking(inside), [6, 0], "only the newest refusal of a series counts");
      inside.request("purge", readDeadLetters(inside.state, { limit: 9 }).slice(0, 1));
      assert.deepEqual(lacking(inside), [3, 3], "b is purged");
      inside.request("purge", readDeadLetters(inside.state, { limit: 9 }).slice(0, 1));
      assert.deepEqual(lacking(inside), [3, 3], "the newest refusal of a is kept");
      publish(inside, "b");
      assert.deepEqual(lacking(inside), [3, 0], "a later revision of b waits");
      hand(inside);
      assert.deepEqual(lacking(inside), [3, 0], "and is in the sink");
      assert.deepEqual(expected(inside).delivered, ["a2 r0", "b4 r1", "c1 r0"]);
      const { kept, purged, byLength } = new Books(inside.state).refusedEvents(inside.registry.get("x"));
      assert.deepEqual([kept, purged, [...byLength]], [3, 0, [[1000, 3]]]);
    })
  ));

Deno.test("what a sink has refused of other windows, or at earlier revisions, is no matter for what it must have", () =>
  inTemporaryDirectory((directory) =>
    live(directory, (inside) => {
      publish(inside, "a");
      hand(inside);
      publish(inside, "a", 2);
      hand(inside, "a");
      assert.deepEqual(expected(inside).delivered, ["a1 r0"]);
      for (const refused of ["a", "", "a"]) {
        publish(inside, "a");
        hand(inside, refused);
      }
      assert.deepEqual(expected(inside), { delivered: ["a3 r2"], waiting: [], givenUp: [] });
      assert.deepEqual(lacking(inside), [1, 0], "of revision 3 only");
      const [refused] = rowsOf(inside.outbox.read("y", 0, 9)!).filter(({ revision }) => revision === 2);
      inside.outbox.reject("y", refused!, { reason: "rejected", detail: "no" }, 1);
      assert.deepEqual(
        expected(inside).delivered,
        ["a3 r2"],
        "what another sink refuses is not missing here",
      );
    })
  ));

Deno.test("what was routed to other sinks only is not expected, though it lies among what was", () =>
  inTemporaryDirectory((directory) =>
    live(directory, (inside) => {
      publish(inside, "aob");
      assert.deepEqual(expected(inside).waiting, ["a1 r0", "b1 r0"]);
      hand(inside);
      assert.deepEqual(expected(inside), { delivered: ["a1 r0", "b1 r0"], waiting: [], givenUp: [] });
    }, { router: { always: undefined, sinksFor: (name) => name === "o" ? ["y"] : ["x", "y"] } })
  ));

Deno.test("a refused aggregate that is sent again waits, and was not handed before", () =>
  inTemporaryDirectory((directory) =>
    live(directory, (inside) => {
      publish(inside, "ab");
      hand(inside, "b");
      inside.request("retry", readDeadLetters(inside.state, { limit: 9 }));
      assert.deepEqual(expected(inside), { delivered: ["a1 r0"], waiting: ["b1 r0"], givenUp: [] });
      hand(inside);
      assert.deepEqual(expected(inside), { delivered: ["a1 r0", "b1 r0"], waiting: [], givenUp: [] });
    })
  ));

Deno.test("the key of an aggregate tells its function, labels and name apart", () => {
  assert.equal(rowKey({ name: "a", aggFunc: "sum" }), "sum a");
  assert.equal(rowKey({ name: "a", labels: '{"b":"c"}', aggFunc: "max" }), 'max{"b":"c"} a');
});
