import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import { readAudit } from "../../../src/state/audit.ts";
import {
  addNotFinite,
  addRefusedAggregates,
  addRefusedEvents,
  leaveRequest,
  readDeadLetters,
  readRequests,
  settleRequests,
} from "../../../src/state/letters/dead_letters.ts";
import type { DeadLetterReason } from "../../../src/state/letters/dead_letter_reason.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";

const event = (reason: DeadLetterReason, text: string, rawBytes?: number) => {
  const raw = new TextEncoder().encode(text);
  return {
    reason,
    detail: "why",
    bus: "http://bus",
    partition: "",
    offset: 7,
    raw,
    rawBytes: rawBytes ?? raw.length,
  };
};
const AGGREGATE: Aggregate = {
  name: "größe",
  labels: '{"":"","ort \\"x\\"":"🏭"}',
  aggFunc: "p99.9",
  value: -0.5,
  windowStartMs: 100,
  windowEndMs: 200,
  count: 3,
  revision: 2,
};

function withState(work: (state: Inside["state"]) => void): void {
  inTemporaryDirectory((directory) => {
    const { state } = new Inside(directory);
    work(state);
    state.close();
  });
}

Deno.test("a dead letter comes back as it was kept: event bytes, offset or none, aggregate, value that is none", () => {
  withState((state) => {
    addRefusedEvents(state, [event("invalid", '{"name":"\\ud800"}'), {
      ...event("late", "x", 99_999),
      offset: undefined,
    }], 5000);
    const values = [AGGREGATE.value, NaN, Infinity, -Infinity, Number.MIN_VALUE];
    addRefusedAggregates(
      state,
      values.map((value, i) => ({
        reason: i === 0 ? "rejected" : "not_finite",
        detail: "its own words",
        sink: i === 0 ? "kafka" : undefined,
        aggregate: { ...AGGREGATE, value },
      })),
      6000,
    );
    const [invalid, late, ...aggregates] = readDeadLetters(state, { limit: 99 });
    assert.equal(new TextDecoder().decode(invalid!.raw), '{"name":"\\ud800"}');
    assert.deepEqual([invalid!.offset, invalid!.isCut, invalid!.refusedAtMs], [7, false, 5000]);
    assert.deepEqual([late!.offset, late!.isCut, late!.aggregate], [undefined, true, undefined]);
    assert.deepEqual(
      aggregates.map(({ aggregate }) => aggregate),
      values.map((value) => ({ ...AGGREGATE, value })),
    );
    assert.deepEqual(aggregates.map(({ sink, raw }) => [sink, raw])[0], ["kafka", undefined]);
  });
});

Deno.test("aggregates that are kept for the books only are no dead letters", () => {
  withState((state) => {
    const refused = { reason: "rejected", detail: "no", sink: "all", aggregate: AGGREGATE } as const;
    addRefusedAggregates(state, [refused], 0, true);
    assert.deepEqual(readDeadLetters(state, { limit: 9 }), []);
    const lines = state.all<{ sink: string; purged: number }>("SELECT sink, purged FROM dead_letter");
    assert.deepEqual(lines.map(({ sink, purged }) => [sink, purged]), [["all", 1]]);
  });
});

Deno.test("aggregates whose value is no number are dead letters of no sink, and say which value it was", () => {
  withState((state) => {
    addNotFinite(state, [-Infinity, NaN].map((value) => ({ ...AGGREGATE, value })), 7000);
    const found = readDeadLetters(state, { limit: 9 });
    assert.deepEqual(found.map(({ detail }) => detail), ["the value is -Infinity", "the value is NaN"]);
    for (const { reason, refusedAtMs, sink } of found) {
      assert.deepEqual([reason, refusedAtMs, sink], ["not_finite", 7000, undefined]);
    }
  });
});

Deno.test("property: what is read is what matches, in the order that was asked for, page after page", () => {
  const reasons = ["invalid", "late", "future"] as const;
  const filter = fc.record({
    reason: fc.option(fc.constantFrom(...reasons), { nil: undefined }),
    ids: fc.option(fc.array(fc.integer({ min: 1, max: 30 })), { nil: undefined }),
    limit: fc.integer({ min: 1, max: 10 }),
  });
  withState((state) => {
    const all = Array.from({ length: 25 }, (_, i) => reasons[i % 3]!);
    addRefusedEvents(state, all.map((reason) => event(reason, "{}")), 0);
    settleRequests(state, { requests: [], retried: [4], purged: [9] });
    fc.assert(fc.property(filter, ({ reason, ids, limit }) => {
      const expected = all.flatMap((r, i) =>
        [4, 9].includes(i + 1) || (reason && r !== reason) || (ids && !ids.includes(i + 1)) ? [] : [i + 1]
      );
      const pages: number[] = [];
      for (;;) {
        const page = readDeadLetters(state, { reason, ids, limit, afterId: pages.at(-1) });
        assert.ok(page.length <= limit);
        if (page.length === 0) break;
        pages.push(...page.map(({ id }) => id));
      }
      assert.deepEqual(pages, expected);
      const newest = readDeadLetters(state, { reason, ids, limit, newestFirst: true });
      assert.deepEqual(newest.map(({ id }) => id), expected.toReversed().slice(0, limit));
    }));
  });
});

Deno.test("requests are kept in their order, over a restart, until they are settled", () => {
  inTemporaryDirectory((directory) => {
    let { state } = new Inside(directory);
    leaveRequest(state, "retry", [3, 1]);
    leaveRequest(state, "purge", [2]);
    state.close();
    ({ state } = new Inside(directory));
    const requests = readRequests(state);
    assert.deepEqual(requests.map(({ action, deadLetterIds }) => [action, deadLetterIds]), [
      ["retry", [3, 1]],
      [
        "purge",
        [2],
      ],
    ]);
    settleRequests(state, { requests: [requests[0]!.id], retried: [], purged: [] });
    assert.deepEqual(readRequests(state).map(({ action }) => action), ["purge"]);
    state.close();
  });
});

Deno.test("purged events are gone; a purged aggregate stays in the books, and the number of neither comes again", () => {
  withState((state) => {
    addRefusedEvents(state, [event("invalid", "{}")], 0);
    addRefusedAggregates(state, [{ reason: "rejected", detail: "no", sink: "all", aggregate: AGGREGATE }], 0);
    settleRequests(state, { requests: [], retried: [], purged: [1, 2] });
    assert.deepEqual(readDeadLetters(state, { limit: 9 }), []);
    const lines = state.all<{ sink: string; purged: number }>("SELECT sink, purged FROM dead_letter");
    assert.deepEqual(lines.map(({ sink, purged }) => [sink, purged]), [["all", 1]]);
    addRefusedEvents(state, [event("late", "{}")], 0);
    const [next] = readDeadLetters(state, { limit: 9 });
    assert.ok(next!.id > 2);
  });
});

Deno.test("while a request is open no dead letter is dropped, be there too many; once it is settled they are", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, { deadLetterBound: { deadLetters: 2, bytes: 1e6 } });
    const ids = () => readDeadLetters(inside.state, { limit: 9 }).map(({ id }) => id);
    inside.save(false, { refused: [event("invalid", "1"), event("invalid", "2")] });
    leaveRequest(inside.state, "retry", [1]);
    inside.save(false, { refused: [event("invalid", "3"), event("invalid", "4")] });
    assert.deepEqual([ids(), inside.checkpoint.counters.deadLettersDropped], [[1, 2, 3, 4], 0]);
    const requests = readRequests(inside.state).map(({ id }) => id);
    inside.save(false, { settled: { requests, retried: [1], refusedAgain: [], purged: [], reissued: [] } });
    assert.deepEqual([ids(), inside.checkpoint.counters.deadLettersDropped], [[3, 4], 1]);
    inside.state.close();
  });
});

Deno.test("after a purge the file gives its space back, a piece with each transaction, and keeps what is in it", () => {
  withState((state) => {
    const pages = () => state.get<{ page_count: number }>("PRAGMA page_count")!.page_count;
    const raw = new Uint8Array(64 * 1024).fill(0x20);
    state.transaction(() =>
      addRefusedEvents(
        state,
        Array.from({ length: 1000 }, () => ({ ...event("invalid", ""), raw, rawBytes: raw.length })),
        0,
      )
    );
    const full = pages();
    const purged = Array.from({ length: 999 }, (_, i) => i + 1);
    state.transaction(() => settleRequests(state, { requests: [], retried: [], purged }));
    const afterPurge = pages();
    for (let i = 0; i < 15; i++) state.transaction(() => addRefusedEvents(state, [event("late", "{}")], i));
    assert.ok(full > 15_000 && afterPurge > full - 1100, `${full} pages, ${afterPurge} after the purge`);
    assert.ok(pages() < 4300, `${pages()} of ${full} pages`);
    const left = readDeadLetters(state, { limit: 99 });
    assert.equal(left.length, 16);
    assert.deepEqual(left[0]!.raw, raw);
  });
});

Deno.test("very many dead letters become several requests, none of them empty", () => {
  withState((state) => {
    for (const [count, sizes] of [[0, []], [1, [1]], [1000, [1000]], [1001, [1000, 1]]] as const) {
      const ids = Array.from({ length: count }, (_, i) => i + 1);
      leaveRequest(state, "purge", ids);
      const requests = readRequests(state);
      assert.deepEqual(requests.map(({ deadLetterIds }) => deadLetterIds.length), sizes);
      assert.deepEqual(requests.flatMap(({ deadLetterIds }) => deadLetterIds), ids);
      state.transaction(() =>
        settleRequests(state, { requests: requests.map(({ id }) => id), retried: [], purged: [] })
      );
    }
  });
});

Deno.test("the line of an order tells what all of its requests have settled", () => {
  withState((state) => {
    addRefusedEvents(state, Array.from({ length: 3 }, () => event("invalid", "{}")), 0);
    const order = { who: "root", atMs: 5, action: "purge", detail: "--all" };
    leaveRequest(state, "purge", [1, 2, ...Array.from({ length: 998 }, (_, i) => 10 + i), 3], order);
    const results: (string | undefined)[] = [readAudit(state, 9)[0]!.result];
    for (const [i, { id }] of readRequests(state).entries()) {
      settleRequests(state, { requests: [id], retried: [], purged: i === 0 ? [1, 2] : [3] });
      results.push(readAudit(state, 9)[0]!.result);
    }
    assert.deepEqual(results, [undefined, "2 purged", "3 purged"]);
    assert.equal(readAudit(state, 9).length, 1);
  });
});
