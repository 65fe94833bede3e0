import assert from "node:assert/strict";
import type { Claim, Claimant, SinkContext } from "../../src/contract/sink.ts";
import { emptySink, missingRows, swallowedRows } from "../../src/sinks/alarms.ts";
import { claim, claimLost, type ClaimStore } from "../../src/sinks/claim_keeper.ts";
import { aggregateOf, CONTEXT } from "../contract/sink_samples.ts";
import { loggerTo } from "../support/logs.ts";

const FOUND: Claim = { stateId: "state", boot: 1, life: "before", nextId: 9 };

/** A sink with a claim; `losses`: how often somebody else is quicker. */
function scene(found: Claim | undefined, losses = 0, objection?: string) {
  const replaced: Claim[] = [];
  const log: string[] = [];
  const logger = loggerTo(log);
  let claims = 0;
  let reads = 0;
  const store: ClaimStore = {
    read: () => {
      reads++;
      return Promise.resolve(found);
    },
    replace: (seen, own) => {
      assert.equal(seen, found);
      replaced.push(own);
      return Promise.resolve(losses-- <= 0);
    },
  };
  const claimant: Claimant = {
    ...CONTEXT.claimant,
    boot: 2,
    life: "now",
    objection: () => objection,
    claimed: () => claims++,
  };
  const context: SinkContext = { ...CONTEXT, stateId: "state", cursor: 5, claimant };
  return { store, context, replaced, log, logger, claims: () => claims, reads: () => reads };
}

Deno.test("a sink is claimed with the position that was written last", async () => {
  const cases: [found: Claim | undefined, nextId: number, isWarned: boolean][] = [
    [undefined, 5, false],
    [FOUND, 9, false],
    [{ ...FOUND, nextId: 3 }, 5, false],
    [{ ...FOUND, stateId: "another" }, 5, true],
  ];
  for (const [found, nextId, isWarned] of cases) {
    const { claims, context, log, logger, replaced, store } = scene(found);
    await claim(store, context, "the table", logger);
    assert.deepEqual(replaced, [{ stateId: "state", boot: 2, life: "now", nextId }]);
    assert.equal(claims(), 1);
    assert.equal(log.length, isWarned ? 1 : 0);
    if (isWarned) assert.match(log[0]!, /this one takes over sink="the table" other_state="another"$/);
  }
});

Deno.test("a claim that is the handler's own is left as it is", async () => {
  const own = { ...FOUND, boot: 2, life: "now" };
  const { claims, context, logger, replaced, store } = scene(own, 0, "never asked");
  await claim(store, context, "the table", logger);
  assert.deepEqual([claims(), replaced], [1, []]);
  for (const change of [{ boot: 1 }, { life: "before" }, { stateId: "another" }]) {
    const other = scene({ ...own, ...change }, 0, "no");
    const refused = { kind: "misconfigured", message: "the table: no" };
    await assert.rejects(claim(other.store, other.context, "the table", logger), refused);
    assert.equal(other.claims(), 0);
  }
});

Deno.test("where somebody else is quicker it is tried three times", async () => {
  for (const losses of [0, 2, 3]) {
    const { claims, context, logger, reads, store } = scene(FOUND, losses);
    const claiming = claim(store, context, "the table", logger);
    if (losses < 3) await claiming;
    else {await assert.rejects(claiming, {
        kind: "unavailable",
        message: /^the table: several handlers claim it/,
      });}
    assert.deepEqual([claims(), reads()], losses < 3 ? [1, losses + 1] : [0, 3]);
  }
});

Deno.test("a claim that was lost is claimed again, unless somebody else must go on", async () => {
  for (const found of [undefined, FOUND]) {
    const { context, store } = scene(found);
    const { kind, message } = await claimLost(store, context, "the table");
    assert.deepEqual([kind, message], [
      "unavailable",
      "the table: the handler's claim was taken away; it is claimed again.",
    ]);
  }
  const { context, store } = scene(FOUND, 0, "no");
  await assert.rejects(claimLost(store, context, "the table"), { message: "the table: no" });
});

Deno.test("rows that are missing are an alarm with an example", () => {
  const rows = [aggregateOf({ name: "a", aggFunc: "sum", windowStartMs: 0 }), aggregateOf({ name: "b" })];
  const none = { any: false, newest: [] };
  const confirmed = { any: true, newest: rows };
  assert.equal(emptySink(none, "it is empty"), undefined);
  assert.deepEqual(emptySink(confirmed, "it is empty"), {
    kind: "rows_missing",
    detail: "it is empty, though it has confirmed rows",
    count: 1,
  });
  assert.equal(missingRows(confirmed, []), undefined);
  assert.equal(swallowedRows([]), undefined);
  const [missing, swallowed] = [missingRows(confirmed, rows)!, swallowedRows(rows)!];
  assert.deepEqual([missing.kind, missing.count, swallowed.kind, swallowed.count], [
    "rows_missing",
    2,
    "rows_missing",
    2,
  ]);
  const example = /such as sum\("a"\) of 1970-01-01T00:00:00\.000Z/;
  assert.match(missing.detail, /^2 of the 2 newest rows that it has confirmed are not there, such as/);
  assert.match(missing.detail, example);
  assert.match(swallowed.detail, example);
});
