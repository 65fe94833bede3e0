import assert from "node:assert/strict";
import { addToBookEntry } from "../../../src/state/checkpoint/book_entries.ts";
import { readDeadLetters } from "../../../src/state/letters/dead_letters.ts";
import { keptDeadLetters, readLosses } from "../../../src/state/outbox/losses.ts";
import { type Inside, withInside } from "../inside.ts";
import { rowsOf } from "../../support/rows_of.ts";

/** Adds to what the books count. */
function count({ state }: Inside, entries: Readonly<Record<string, number>>): void {
  state.transaction(() => {
    for (const [name, amount] of Object.entries(entries)) addToBookEntry(state, name, amount);
  });
}

/** Each loss as one line: the marks `!` for knowingly and `@` for a sink, then the sentence. */
function losses({ state }: Inside): string[] {
  return readLosses(state).map(({ name, count, unit, reason, sink, knowingly, what }) =>
    `${knowingly ? "!" : ""}${name}${reason === null ? "" : ` (${reason})`}${
      sink === null ? "" : ` @${sink}`
    }: ` +
    `${count} ${unit} ${what}`
  );
}

Deno.test("what an operator skips is lost by his own word, what a bus had no more is not", () =>
  withInside((inside) => {
    inside.save(false, { lost: 5, skipped: 3 });
    assert.deepEqual(
      readLosses(inside.state).map(({ name, count, knowingly }) => ({ name, count, knowingly })),
      [{ name: "trimmed", count: 2, knowingly: false }, { name: "skipped", count: 3, knowingly: true }],
    );
  }));

Deno.test("every loss is told with its kind, its number and a sentence; nothing is told of nothing", () =>
  withInside((inside) => {
    assert.deepEqual(losses(inside), []);
    count(inside, { lost: 3, skipped: 1, dropped: 2, unrouted: 4 });
    assert.deepEqual(losses(inside), [
      "trimmed: 2 event were gone from a bus before they were fetched: trimmed away, or lost in a reset",
      "!skipped: 1 event was given up with --skip-to",
      "!unwanted: 2 event were dropped, by `none` in AGG_FUNCTIONS",
      "!unrouted: 4 event went to no sink, by `none` in ROUTES",
    ]);
    count(inside, { lost: -1, dropped: -1, unrouted: -4 });
    assert.deepEqual(losses(inside), [
      "trimmed: 1 event was gone from a bus before it was fetched: trimmed away, or lost in a reset",
      "!skipped: 1 event was given up with --skip-to",
      "!unwanted: 1 event was dropped, by `none` in AGG_FUNCTIONS",
    ]);
  }));

Deno.test("a refused event that is no dead letter any more was dropped or purged", () =>
  withInside((inside) => {
    count(inside, {
      invalid: 5,
      letters_dropped: 3,
      letters_dropped_invalid: 2,
      letters_dropped_not_finite: 1,
      not_finite: 2,
    });
    const isOf = (reason: string) => (line: string) => line.includes(`(${reason})`);
    assert.deepEqual(losses(inside).filter(isOf("invalid")), [
      "dropped (invalid): 2 event refused as invalid were dropped, since more dead letters are not kept",
      "!purged (invalid): 3 event refused as invalid were purged by an operator",
    ]);
    assert.deepEqual(losses(inside).filter(isOf("not_finite")), [
      "dropped (not_finite): 1 aggregate refused as not_finite was dropped, since more dead letters are " +
      "not kept",
      "!purged (not_finite): 1 aggregate refused as not_finite was purged by an operator",
    ]);
    count(inside, { letters_dropped: 1 });
    assert.deepEqual(
      losses(inside).filter(isOf("invalid"))[1],
      "dropped_or_purged (invalid): 3 event refused as " +
        "invalid were dropped, since more dead letters are not kept, or purged by an operator",
    );
  }));

Deno.test("where no dead letter was ever dropped, each that is gone was purged", () =>
  withInside((inside) => {
    count(inside, { invalid: 1 });
    assert.deepEqual(losses(inside), [
      "!purged (invalid): 1 event refused as invalid was purged by an operator",
    ]);
  }));

Deno.test("a dead letter that is still kept is no loss", () =>
  withInside((inside) => {
    const refused = ["1", "2"].map((raw, offset) => ({
      reason: "invalid" as const,
      detail: "no",
      bus: "bus",
      partition: "",
      offset,
      origin: {},
      raw: new TextEncoder().encode(raw),
      rawBytes: 1,
    }));
    inside.aggregator.books.invalid = 2;
    inside.save(false, { refused });
    assert.deepEqual([...keptDeadLetters(inside.state)], [["invalid", 2]]);
    assert.deepEqual(losses(inside), []);
    inside.request("purge", readDeadLetters(inside.state, { limit: 1 }));
    assert.deepEqual([...keptDeadLetters(inside.state)], [["invalid", 1]]);
    assert.deepEqual(losses(inside), [
      "!purged (invalid): 1 event refused as invalid was purged by an operator",
    ]);
  }));

Deno.test("events that came too late for some windows only are lost to these", () =>
  withInside((inside) => {
    const tier = (lengthMs: number, late: number) =>
      inside.state.run("INSERT OR REPLACE INTO tier VALUES (?, 0, ?, 0)", lengthMs, late);
    inside.state.transaction(() => [tier(1000, 1), tier(60_000, 2), tier(90_000, 0)]);
    assert.deepEqual(losses(inside), [
      "late (late): 1 event came too late for its windows of 1 s, and counts in others only",
      "late (late): 2 event came too late for their windows of 60 s, and count in others only",
    ]);
  }));

Deno.test("a sink lacks what was purged of its refusals and what was given up", () =>
  withInside((inside) => {
    inside.take(["a", "a", "b"].map((name) => ({ name, value: 1, timestamp: 1 })));
    inside.save(true);
    const batch = inside.outbox.read("all", 0, 9)!;
    const { ids } = batch;
    const aggregates = rowsOf(batch);
    aggregates.forEach((aggregate, i) =>
      inside.outbox.reject("all", aggregate, { reason: "rejected", detail: "no" }, ids[i]! + 1)
    );
    assert.deepEqual(losses(inside), []);
    const deadLetters = readDeadLetters(inside.state, { limit: 9 });
    inside.request("purge", deadLetters.filter(({ aggregate }) => aggregate?.name === "a"));
    assert.deepEqual(losses(inside), [
      "!purged (rejected) @all: 2 event are not in all, which rejected them, and were purged by an operator",
    ]);
    inside.state.transaction(() =>
      inside.state.run("UPDATE sink SET purged_count = 3, given_up_count = 1 WHERE name = 'all'")
    );
    assert.deepEqual(losses(inside), [
      "!forgotten @all: 1 event is not in all, by --forget-sink",
      "!purged (rejected) @all: 5 event are not in all, which rejected them, and were purged by an operator",
    ]);
  }));
