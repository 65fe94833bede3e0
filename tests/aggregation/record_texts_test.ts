import assert from "node:assert/strict";
import { toRecord } from "../../src/aggregation/aggregate.ts";
import { RecordTexts } from "../../src/aggregation/record_texts.ts";
import { canonicalLabels } from "../../src/event/labels.ts";
import { aggregateOf } from "../contract/sink_samples.ts";
import fc from "../support/fast_check.ts";

const INSTANCE = 'plant "1"';

/** Keys that an object does not put before all others. */
const labelKey = fc.string({ unit: "grapheme" }).filter((key) => !/^\d+$/.test(key) && key !== "__proto__");
const aggregates = fc.array(
  fc.record({
    name: fc.string({ unit: "grapheme" }),
    labels: fc.option(fc.dictionary(labelKey, fc.string({ unit: "grapheme" }), { minKeys: 1 }), {
      nil: undefined,
    }),
    value: fc.double(),
    windowStartMs: fc.integer({ min: 0, max: 3 }).map((windows) => windows * 1500),
    seconds: fc.constantFrom(1, 0.5, 60),
    count: fc.nat(),
    revision: fc.nat(),
  }).map(({ labels, seconds, ...rest }) =>
    aggregateOf({
      ...rest,
      ...(labels && { labels: canonicalLabels(labels) }),
      windowEndMs: rest.windowStartMs + seconds * 1000,
    })
  ),
);

Deno.test("property: the text of an aggregate is that of its record", () => {
  fc.assert(fc.property(aggregates, (some) => {
    const texts = new RecordTexts(INSTANCE);
    for (const aggregate of some) {
      assert.equal(texts.of(aggregate), JSON.stringify(toRecord(aggregate, INSTANCE)));
    }
  }));
});

Deno.test("labels whose keys are numbers keep their canonical order", () => {
  const labels = canonicalLabels({ 9: "a", 10: "b" });
  assert.ok(new RecordTexts(INSTANCE).of(aggregateOf({ labels })).includes(`"labels":{"10":"b","9":"a"}`));
});
