import assert from "node:assert/strict";
import { Host, TIME_MS } from "./messages.ts";

const NDATA = "spBv1.0/plant/NDATA/n1";

/** The metric of the only dead letter of a message. */
function deadLetter(metric: Uint8Array | Record<string, unknown>): Record<string, unknown> {
  const { events, invalid } = new Host().take(
    NDATA,
    metric instanceof Uint8Array ? metric : { metrics: [metric] },
  );
  assert.deepEqual([events.length, invalid.length], [0, 1]);
  return { ...JSON.parse(invalid[0]!.raw), detail: invalid[0]!.detail };
}

Deno.test("a dead letter has the number that JSON has not as text", () => {
  for (const value of [NaN, Infinity, -Infinity]) {
    const { metric, value: shown } = deadLetter({ name: "x", type: "Double", value });
    assert.deepEqual([metric, shown], ["x", `${value}`]);
  }
});

Deno.test("a dead letter has the value that does not fit its type, unless it is bytes", () => {
  const [name, type] = [[0x0a, 1, 0x78], [0x20, 10]];
  const metricOf = (value: number[]) => {
    const metric = [...name, ...type, ...value];
    return Uint8Array.from([0x12, metric.length, ...metric]);
  };
  const problem = "has a value that is none of its type, Double";
  const text = deadLetter(metricOf([0x7a, 1, 0x61]));
  assert.deepEqual([text.value, text.problem, text.detail], ["a", problem, `the metric x ${problem}`]);
  const bytes = deadLetter(metricOf([0x82, 1, 1, 0x61]));
  assert.deepEqual([bytes.value, bytes.problem], [undefined, problem]);
  const none = deadLetter(metricOf([]));
  assert.deepEqual([none.value, none.problem], [undefined, "has no value"]);
});

Deno.test("a metric without a type is none of numbers where its value is a text or bytes", () => {
  const received = (value: number[]) => {
    const metric = [0x0a, 1, 0x78, ...value];
    return new Host().received(NDATA, Uint8Array.from([0x12, metric.length, ...metric]));
  };
  assert.equal(received([0x7a, 1, 0x61]), 0, "a text");
  assert.equal(received([0x82, 1, 1, 0x61]), 0, "bytes");
  assert.equal(received([0x70, 1]), 1, "a boolean");
  assert.equal(received([0x50, 1]), 1, "a whole number, which is refused");
  assert.equal(received([]), 1, "nothing, which is refused");
});

Deno.test("a property of 64 bits is read as one of 32", () => {
  const host = new Host({ name: "{metric}", labels: "a:{property:a},b:{property:b},c:{property:c}" });
  const properties = {
    a: { type: "Int64", value: 5 },
    b: { type: "Int32", value: 6 },
    c: { type: "Boolean", value: true },
  };
  const { events } = host.take(NDATA, { metrics: [{ name: "x", type: "Int8", value: 1, properties }] });
  assert.deepEqual(events.map(({ labels, timeMs }) => [labels, timeMs]), [[
    { a: "5", b: "6", c: "true" },
    TIME_MS,
  ]]);
});

Deno.test("a transient metric is no event, whether its message or its birth says so", () => {
  const host = new Host();
  const metric = { alias: 1, type: "Double", value: 1 };
  host.take("spBv1.0/plant/NBIRTH/n1", {
    seq: 0,
    metrics: [{ ...metric, name: "a", isTransient: true }, { ...metric, name: "b", alias: 2 }],
  });
  assert.equal(host.received(NDATA, { seq: 1, metrics: [metric] }), 0);
  assert.equal(host.received(NDATA, { seq: 2, metrics: [{ ...metric, alias: 2, isTransient: true }] }), 0);
  assert.deepEqual(host.values(NDATA, { seq: 3, metrics: [{ ...metric, alias: 2 }] }), { b: 1 });
});

Deno.test("properties of a birth hold for data that have others of their own, which go before them", () => {
  const host = new Host({ name: "{metric}", labels: "unit:{property:unit},area:{property:area}" });
  const properties = {
    unit: { type: "String", value: "C" },
    area: { type: "String", value: "north" },
  };
  const metric = { alias: 1, type: "Double", value: 1 };
  host.take("spBv1.0/plant/NBIRTH/n1", { seq: 0, metrics: [{ ...metric, name: "a", properties }] });
  const labels = (properties: Record<string, { type: string; value: unknown }> | undefined) =>
    host.take(NDATA, { metrics: [{ ...metric, ...(properties && { properties }) }] }).events[0]!.labels;
  assert.deepEqual(labels(undefined), { unit: "C", area: "north" });
  assert.deepEqual(labels({ area: { type: "String", value: "south" } }), { unit: "C", area: "south" });
  assert.deepEqual(labels({ Quality: { type: "Int32", value: 192 } }), { unit: "C", area: "north" });
  assert.deepEqual(labels(undefined), { unit: "C", area: "north" }, "those of data are of one value");
});

Deno.test("as long as a name is in doubt, each message asks for a birth", () => {
  const host = new Host();
  const metric = { alias: 1, type: "Double", value: 1 };
  host.take("spBv1.0/plant/NBIRTH/n1", { seq: 0, metrics: [{ ...metric, name: "a" }] });
  host.reader.sessions.putOnTrial();
  host.take(NDATA, { seq: 5, metrics: [metric] });
  assert.deepEqual(host.rebirths(), ["plant/n1"]);
  assert.match(host.refusal(NDATA, { seq: 6, metrics: [metric] }), /may be another one by now/);
  assert.deepEqual(host.rebirths(), ["plant/n1"]);
  assert.deepEqual(host.values(NDATA, { seq: 7, metrics: [{ ...metric, name: "a" }] }), { a: 1 });
  assert.deepEqual(host.rebirths(), [], "a metric with a name of its own is in no doubt");
});

Deno.test("a message of which no metric fits is one dead letter with each of its numbers in a line", () => {
  const metric = { type: "Double", value: 1 };
  const { events, invalid } = new Host().take(NDATA, {
    metrics: [{ ...metric, alias: 1 }, { name: "text", type: "String", value: "a" }, { ...metric, alias: 2 }],
  });
  assert.equal(events.length, 0);
  assert.deepEqual(invalid.map(({ detail }) => detail), [
    "the metric with the alias 1 has no name: no birth certificate of its node or device is known; " +
    "and 1 more of its parts do not fit",
  ]);
  const lines = invalid[0]!.raw.split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(lines.map(({ alias, value }) => [alias, value]), [[1, 1], [2, 1]]);
});
