/**
 * Windows that end or begin together, as they do where the interval has changed: each is a window of its own.
 */
import assert from "node:assert/strict";
import { dropFinalWindows } from "../../../src/state/outbox/archive.ts";
import { Books } from "../../../src/state/checkpoint/books.ts";
import { readDeadLetters } from "../../../src/state/letters/dead_letters.ts";
import { expectedRows, refusedEvents } from "../../../src/state/outbox/expected_rows.ts";
import { writeOff } from "../../../src/state/outbox/write_off.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";
import { rowsOf } from "../../support/rows_of.ts";

const LONG = { startMs: 0, endMs: 4000 };
const SHORT = { startMs: 3000, endMs: 4000 };
const LATER = { startMs: 3000, endMs: 6000 };
const ALL = [LONG, SHORT, LATER];
const SINK = "all";

/**
 * A state with the series `a` in each of {@link ALL}, with one, two and three events, delivered but for what
 * is said.
 */
function withWindows(
  work: (inside: Inside) => void,
  delivers: (count: number) => boolean = () => true,
): void {
  inTemporaryDirectory((directory) => {
    let inside: Inside | undefined;
    ALL.forEach(({ startMs, endMs }, number) => {
      inside?.state.close();
      inside = new Inside(directory, { windowSizeMs: endMs - startMs });
      const event = { name: "a", value: 1, timestamp: 3.5 };
      inside.take(Array.from({ length: number + 1 }, () => event));
      inside.save(true);
      const batch = inside.outbox.read(SINK, number, 9)!;
      const { nextId } = batch;
      const aggregates = rowsOf(batch);
      const [aggregate] = aggregates;
      if (delivers(aggregate!.count)) inside.outbox.advance(SINK, nextId);
      else inside.outbox.reject(SINK, aggregate!, { reason: "rejected", detail: "no" }, nextId);
      inside.save();
    });
    work(inside!);
    inside!.state.close();
  });
}

/** What the sink lacks for good of the one window that is then settled. */
const writtenOff = (inside: Inside, deliveredId: number, finalMs: number) =>
  writeOff(inside.state, [inside.registry.get(SINK)], deliveredId, finalMs).lacking;

const left = (inside: Inside) =>
  inside.state.all<{ startMs: number; endMs: number }>(
    "SELECT window_start_ms AS startMs, window_end_ms AS endMs FROM segment ORDER BY first_id",
  ).map(({ startMs, endMs }) => ({ startMs, endMs }));

Deno.test("a sink must hold of each window what came for it", () =>
  withWindows((inside) => {
    const sink = inside.registry.get(SINK);
    ALL.forEach((window, number) => {
      const { delivered, waiting } = expectedRows(inside.state, sink, window);
      assert.deepEqual([...delivered.values()].map(({ count, revision }) => [count, revision]), [[
        number + 1,
        0,
      ]]);
      assert.equal(waiting.size, 0);
    });
    const books = new Books(inside.state);
    assert.deepEqual(books.faults(), []);
    assert.deepEqual(
      books.windows(-Infinity, Infinity),
      ALL.map((window) => Object.assign(Object.create(null), window)),
    );
    assert.deepEqual(books.windows(1, Infinity).length, 2);
    for (const window of ALL) assert.ok(books.holds(window));
    assert.ok(!books.holds({ startMs: 0, endMs: 6000 }));
  }));

Deno.test("a correction is one of its own window", () =>
  withWindows((inside) => {
    inside.take([{ name: "a", value: 1, timestamp: 3.5 }]);
    inside.save(true);
    const corrected = rowsOf(inside.outbox.read(SINK, 3, 9)!);
    assert.deepEqual(
      corrected.map((
        { windowStartMs, windowEndMs, count, revision },
      ) => [windowStartMs, windowEndMs, count, revision]),
      [[LATER.startMs, LATER.endMs, 4, 1]],
    );
  }));

Deno.test("final windows go each by itself: what was refused of one holds no other", () =>
  withWindows((inside) => {
    dropFinalWindows(inside.state, 3, 4000, 9);
    assert.deepEqual(left(inside), [SHORT, LATER]);
    dropFinalWindows(inside.state, 3, 6000, 9);
    assert.deepEqual(left(inside), [SHORT]);
  }, (count) => count !== 2));

for (const [number, refused] of ALL.entries()) {
  Deno.test(`what a sink lacks of the window from ${refused.startMs} to ${refused.endMs} is written off with it alone`, () =>
    withWindows((inside) => {
      const sink = inside.registry.get(SINK);
      assert.deepEqual(
        ALL.map((window) => refusedEvents(inside.state, sink, window)),
        ALL.map((window) => ({ kept: window === refused ? number + 1 : 0, purged: 0 })),
      );
      assert.equal(expectedRows(inside.state, sink, refused).delivered.size, 0);
      const { kept, purged } = new Books(inside.state).refusedEvents(sink);
      assert.deepEqual({ kept, purged }, { kept: number + 1, purged: 0 });
      inside.request("purge", readDeadLetters(inside.state, { limit: 9 }));
      assert.deepEqual(refusedEvents(inside.state, sink, refused), { kept: 0, purged: number + 1 });
      assert.deepEqual(writtenOff(inside, 3, refused.endMs - 1), new Map(), "not final yet");
      assert.deepEqual(writtenOff(inside, number, refused.endMs), new Map(), "not delivered yet");
      assert.deepEqual(writtenOff(inside, 3, refused.endMs), new Map([[SINK, number + 1]]));
      assert.deepEqual(left(inside), ALL.filter((window) => window !== refused));
      assert.deepEqual(writtenOff(inside, 3, 9999), new Map(), "nothing is left of it");
    }, (count) => count !== number + 1));
}

Deno.test("a window is not written off while something else of it may still be put back, and no other waits for that", () =>
  withWindows((inside) => {
    const [long, short] = readDeadLetters(inside.state, { limit: 9 });
    inside.request("purge", [short!]);
    inside.outbox.reject(SINK, { ...short!.aggregate!, name: "b", count: 5 }, {
      reason: "rejected",
      detail: "no",
    }, 3);
    assert.deepEqual(writtenOff(inside, 3, 9999), new Map(), "b of the same window is open");
    inside.request("purge", readDeadLetters(inside.state, { limit: 9 }).filter(({ id }) => id !== long!.id));
    assert.deepEqual(writtenOff(inside, 3, 9999), new Map([[SINK, 7]]));
    assert.deepEqual(left(inside), [LONG, LATER]);
    assert.deepEqual(readDeadLetters(inside.state, { limit: 9 }).map(({ id }) => id), [long!.id]);
  }, (count) => count === 3));
