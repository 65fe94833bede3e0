import assert from "node:assert/strict";
import { NO_METRIC } from "../../../src/codec/sparkplug/metric_record.ts";
import { read } from "../mapping/read.ts";

const SPARKPLUG = { format: "sparkplug" } as const;
const lineOf = (metric: string) =>
  JSON.stringify({ group: "plant", node: "edge", metric, value: 7, timestamp: 1_790_000_000_000 });

Deno.test("metrics come one a line, and a dead letter of one has its line alone", () => {
  const { events, invalid } = read(`${lineOf("a")}\n\nno metric\n${lineOf("b")}`, SPARKPLUG);
  assert.deepEqual(events.map(({ raw }) => raw), [lineOf("a"), lineOf("b")]);
  assert.deepEqual(events.map(({ value }) => value), [7, 7]);
  assert.deepEqual(invalid, [{ detail: NO_METRIC, raw: "no metric" }]);
});

for (const text of ["", "\n", "no metric"]) {
  Deno.test(`no metric at all in ${JSON.stringify(text)}: the whole text is refused`, () => {
    assert.deepEqual(read(text, SPARKPLUG), { events: [], invalid: [{ detail: NO_METRIC, raw: text }] });
  });
}
