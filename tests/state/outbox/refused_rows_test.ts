import assert from "node:assert/strict";
import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import { readDeadLetters, readRequests, settleRequests } from "../../../src/state/letters/dead_letters.ts";
import { RefusedRows } from "../../../src/state/outbox/refused_rows.ts";
import { TooManyRefused } from "../../../src/state/outbox/outbox.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";

const ROW: Aggregate = {
  ...{ name: "a", labels: '{"line":"1"}', aggFunc: "sum", value: 1, count: 1, revision: 0 },
  ...{ windowStartMs: 1000, windowEndMs: 2000 },
};

function withRows(work: (rows: RefusedRows, state: Inside["state"]) => void, max?: number): void {
  inTemporaryDirectory((directory) => {
    const { state } = new Inside(directory, { sinks: ["x", "y"] });
    work(new RefusedRows(state, () => 5000, max), state);
    state.close();
  });
}

const purge = (state: Inside["state"], ...ids: number[]) =>
  settleRequests(state, { requests: [], retried: [], purged: ids });

Deno.test("it is known of each row whether a sink has refused it, at whatever revision", () =>
  withRows((rows) => {
    rows.add("x", ROW, { reason: "rejected", detail: "no" }, 1);
    const { labels: _, ...plain } = ROW;
    rows.add("x", { ...plain, name: "b" }, { reason: "rejected", detail: "no" }, 2);
    const has = (change: Partial<Aggregate> = {}) => rows.has("x", { ...ROW, ...change });
    assert.deepEqual([has(), has({ revision: 7 }), rows.has("y", ROW)], [true, true, false]);
    const others = [{ name: "b" }, { aggFunc: "max" }, { labels: "{}" }, { windowStartMs: 0 }, {
      windowEndMs: 3000,
    }];
    for (const other of others) assert.equal(has(other), false, JSON.stringify(other));
    assert.equal(rows.has("x", plain), false, "without labels it is another");
    assert.equal(rows.has("x", { ...plain, name: "b" }), true);
  }));

Deno.test("the refusals of a sink with some words are counted, without those that are purged", () =>
  withRows((rows, state) => {
    for (
      const [sink, detail] of [["x", "no (P1)"], ["x", "no (P2)"], ["y", "no (P1)"], [
        "x",
        "no (P1)",
      ]] as const
    ) {
      rows.add(sink, ROW, { reason: "rejected", detail }, 1);
    }
    assert.deepEqual([rows.countWith("x", "(P1)"), rows.countWith("x", "no"), rows.countWith("z", "no")], [
      2,
      3,
      0,
    ]);
    purge(state, 1);
    assert.equal(rows.countWith("x", "(P1)"), 1);
  }));

Deno.test("what a sink has postponed is told by its windows, the earliest end first, and put back as a request", () =>
  withRows((rows, state) => {
    const windows = [[3000, 4000], [1000, 2000], [1000, 2000], [0, 2000], [5000, 6000]] as const;
    for (const [windowStartMs, windowEndMs] of windows) {
      rows.add("x", { ...ROW, windowStartMs, windowEndMs }, { reason: "postponed", detail: "later" }, 1);
    }
    rows.add("y", ROW, { reason: "postponed", detail: "later" }, 1);
    rows.add("x", { ...ROW, windowEndMs: 2500 }, { reason: "rejected", detail: "no" }, 1);
    const told = (endMs: number, most = 9) =>
      rows.postponed("x", endMs, most).map(({ sample, windowEndMs, deadLetterIds }) =>
        `${sample.windowStartMs}-${windowEndMs}: ${deadLetterIds}`
      );
    assert.deepEqual(told(-Infinity).toSorted(), [
      "0-2000: 4",
      "1000-2000: 2,3",
      "3000-4000: 1",
      "5000-6000: 5",
    ]);
    assert.deepEqual(told(-Infinity).slice(2), ["3000-4000: 1", "5000-6000: 5"]);
    assert.deepEqual(told(1999).length, 4);
    assert.deepEqual(told(2000), ["3000-4000: 1", "5000-6000: 5"]);
    assert.deepEqual(told(2000, 1), ["3000-4000: 1"]);
    purge(state, 5);
    assert.deepEqual(told(2000), ["3000-4000: 1"]);
    rows.putBack([2, 3]);
    assert.deepEqual(told(-Infinity), [], "the request may be for these");
    const requests = readRequests(state);
    assert.deepEqual(requests.map(({ action, deadLetterIds }) => [action, deadLetterIds]), [["retry", [
      2,
      3,
    ]]]);
    settleRequests(state, { requests: requests.map(({ id }) => id), retried: [2, 3], purged: [] });
    assert.deepEqual(told(-Infinity), ["0-2000: 4", "3000-4000: 1"]);
  }));

Deno.test("each sink may refuse so many rows; those that are purged make room", () =>
  withRows((rows, state) => {
    const refuse = (sink: string) => rows.add(sink, ROW, { reason: "rejected", detail: "no" }, 1);
    for (const sink of ["x", "x", "y"]) refuse(sink);
    assert.throws(() => refuse("x"), TooManyRefused);
    assert.equal(readDeadLetters(state, { limit: 9 }).length, 3);
    refuse("y");
    assert.throws(() => refuse("y"), TooManyRefused);
    purge(state, 1);
    refuse("x");
    assert.throws(() => refuse("x"), /has refused 2 aggregates/);
    assert.throws(() =>
      new RefusedRows(state, () => 0, 2).add("x", ROW, { reason: "rejected", detail: "" }, 1)
    );
  }, 2));
