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

Deno.test("of two metrics the dead letter of each has its line, and one alone has the text as it came", () => {
  assert.deepEqual(read(`${lineOf("a")}\nno metric`, SPARKPLUG).invalid.map(({ raw }) => raw), ["no metric"]);
  assert.deepEqual(read(`\n${lineOf("a")}\n`, SPARKPLUG).events.map(({ raw }) => raw), [
    `\n${lineOf("a")}\n`,
  ]);
});

for (const text of ["", "\n", "no metric"]) {
  Deno.test(`no metric at all in ${JSON.stringify(text)}: the whole text is refused`, () => {
    assert.deepEqual(read(text, SPARKPLUG), { events: [], invalid: [{ detail: NO_METRIC, raw: text }] });
  });
}

Deno.test("each part of a metric as JSON has to be of its kind", () => {
  const sound = { group: "g", node: "n", metric: "m", value: 1, timestamp: 5 };
  const outcome = (parts: Record<string, unknown>) => {
    const { events, invalid } = read(JSON.stringify(parts), SPARKPLUG);
    return events.length === 1 ? "event" : invalid[0]!.detail;
  };
  const cases: readonly (readonly [Record<string, unknown>, string])[] = [
    [{}, "event"],
    [{ timestamp: 0 }, "event"],
    [{ value: true }, "event"],
    [{ value: "2" }, "event"],
    [{ device: "d" }, "event"],
    [{ alias: 1 }, "event"],
    [{ alias: "1" }, "event"],
    [{ isHistorical: false }, "event"],
    [{ isHistorical: true }, "event"],
    [{ properties: {} }, "event"],
    [{ group: 1 }, NO_METRIC],
    [{ group: undefined }, NO_METRIC],
    [{ node: null }, NO_METRIC],
    [{ device: 1 }, NO_METRIC],
    [{ metric: 1 }, NO_METRIC],
    [{ metric: undefined }, NO_METRIC],
    [{ problem: 1 }, NO_METRIC],
    [{ alias: true }, NO_METRIC],
    [{ value: null }, NO_METRIC],
    [{ value: [] }, NO_METRIC],
    [{ timestamp: -1 }, NO_METRIC],
    [{ timestamp: "5" }, NO_METRIC],
    [{ isHistorical: 1 }, NO_METRIC],
    [{ properties: null }, NO_METRIC],
    [{ properties: "a" }, NO_METRIC],
    [{ problem: "is bad" }, "the metric m is bad"],
    [{ metric: undefined, alias: 7, problem: "is bad" }, "the metric with the alias 7 is bad"],
    [{ metric: undefined, problem: "is bad" }, "a metric is bad"],
    [{ properties: { Quality: 0 } }, "the metric m has the quality 0, which is bad"],
    [{ isHistorical: true, timestamp: undefined }, "the metric m is historical and has no time of its own"],
    [{ timestamp: undefined }, "event"],
    [{ isHistorical: false, timestamp: undefined }, "event"],
  ];
  for (const [parts, expected] of cases) {
    assert.equal(outcome({ ...sound, ...parts }), expected, JSON.stringify(parts));
  }
  for (const text of ["null", "1", "[]", '"a"', "{}", "{"]) {
    assert.equal(read(text, SPARKPLUG).invalid[0]!.detail, NO_METRIC, text);
  }
});

Deno.test("the id of a metric's event is its path, its time and its value; without a time it has none", () => {
  const event = (parts: Record<string, unknown>) =>
    read(JSON.stringify({ group: "g", node: "n", metric: "m", value: 1.5, ...parts }), SPARKPLUG).events[0]!;
  assert.equal(event({ timestamp: 5 }).id, "g/n/m@5=1.5");
  assert.equal(event({ timestamp: 5, device: "d" }).id, "g/n/d/m@5=1.5");
  assert.equal(event({}).id, undefined);
  assert.equal(event({ timestamp: 1e300 }).timeMs, Number.MAX_SAFE_INTEGER);
  assert.deepEqual(event({ device: "d" }).labels, { device: "d", group: "g", node: "n" });
});
