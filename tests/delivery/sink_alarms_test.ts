import assert from "node:assert/strict";
import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import { SinkAlarms } from "../../src/delivery/sink_alarms.ts";
import { aggregateNamed, MemoryOutbox } from "./memory_outbox.ts";
import { loggerTo } from "../support/logs.ts";

function alarms(isOwn: (held: Aggregate) => boolean | undefined = () => false) {
  const outbox = MemoryOutbox.of(0);
  outbox.isOwn = isOwn;
  const log: string[] = [];
  const logger = loggerTo(log);
  return { outbox, log, of: new SinkAlarms("s", outbox, logger) };
}

Deno.test("an alarm is kept, and told once with the way out", () => {
  const { outbox, log, of } = alarms();
  const alarm = { kind: "rows_missing", detail: "two rows are gone", count: 2 } as const;
  of.raise(alarm);
  assert.equal(log.length, 1);
  of.raise(alarm);
  assert.deepEqual(outbox.alarms, [{ sink: "s", alarm }, { sink: "s", alarm }]);
  assert.equal(log.length, 1);
  assert.match(log[0]!, /ERROR.*ALARM: two rows are gone\. Delivery goes on\. What to do: .*\bs\b/);
  assert.match(log[0]!, /sink="s" alarm="rows_missing" rows=2$/);
});

Deno.test("a row that differs is somebody else's at the same revision, or at one that the state never had", () => {
  const written = aggregateNamed("a");
  const cases: [revision: number, isOwn: boolean | undefined, isForeign: boolean][] = [
    [0, true, true],
    [0, undefined, true],
    [0, false, true],
    [1, true, false],
    [1, undefined, false],
    [1, false, true],
  ];
  for (const [revision, isOwn, isForeign] of cases) {
    const { outbox, of } = alarms(() => isOwn);
    of.contradicted([{ written, held: { ...written, value: 9, revision } }]);
    assert.equal(outbox.alarms.length, isForeign ? 1 : 0, `${revision} ${isOwn}`);
  }
});

Deno.test("the first foreign row is described, and all of them are counted", () => {
  const { outbox, of } = alarms(({ revision }) => revision === 1);
  of.contradicted([]);
  assert.deepEqual(outbox.alarms, []);
  const long = aggregateNamed("n".repeat(101));
  const found = [
    { written: aggregateNamed("own"), held: { ...aggregateNamed("own"), revision: 1 } },
    { written: long, held: { ...long, value: 7, count: 3, revision: 2 } },
    { written: aggregateNamed("b"), held: { ...aggregateNamed("b"), value: 8 } },
  ];
  of.contradicted(found);
  const [{ alarm }] = outbox.alarms as [typeof outbox.alarms[0]];
  const series = `sum("${"n".repeat(100)}") of 1970-01-01T00:00:00.000Z`;
  assert.deepEqual(alarm, {
    kind: "rows_differ",
    detail:
      `it holds ${series} = 7 of 3 events, revision 2, which was to become ${series} = 1 of 1 events, ` +
      "revision 0: somebody else has written or changed it",
    count: 2,
  });
});
