import assert from "node:assert/strict";
import { compileMapping, EVENT_FORMATS, type EventFormat } from "../../src/codec/mapping/event_mapping.ts";
import { NO_METRIC } from "../../src/codec/sparkplug/metric_record.ts";
import { read, type ReadRecord } from "../codec/mapping/read.ts";
import { below, chance, oddText, oneOf } from "./draw.ts";
import { mutated } from "./mutation.ts";
import type { Random, Target } from "./target.ts";

/**
 * Records of each format: whatever comes, each is read or refused, and what is kept of a part is that part.
 */
export const records: Target = {
  name: "records",
  what: "records by mappings: JSON, numbers, line protocol, CSV, metrics of Sparkplug",
  open: () => Promise.resolve({ attempt, [Symbol.asyncDispose]: () => Promise.resolve() }),
};

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

const NAMES: Readonly<Record<EventFormat, readonly string[]>> = {
  json: ["{/a}", "{/a}.{path}", "x.{/b/0}", "{/name}"],
  value: ["{topic}", "x.{topic[1]}"],
  influx: ["{measurement}.{field}", "{tag:a}", "{measurement}"],
  csv: ["{/a}", "{/a}.{column}", "{/name}"],
  sparkplug: ["{metric}", "{path}", "{node}.{device}", "{property:a}"],
};

function attempt(random: Random): string {
  const format = oneOf(random, EVENT_FORMATS);
  const hasPointers = format === "json" || format === "csv";
  const texts = {
    format,
    name: oneOf(random, NAMES[format]),
    value: hasPointers ? oneOf(random, ["*", "/value", "/b"]) : undefined,
    timestamp: hasPointers ? oneOf(random, ["bus", "/t"]) : undefined,
    timeUnit: format === "sparkplug"
      ? undefined
      : oneOf(random, ["s", "ms", "us", "ns", format === "influx" ? "s" : "rfc3339"]),
    labels: oneOf(random, [
      undefined,
      format === "influx" ? "a:{tag:b}" : hasPointers ? "a:/b" : "a:{topic[0]}",
    ]),
  };
  assert.ok("ok" in compileMapping(texts));
  let bytes: Uint8Array = ENCODER.encode(recordText(random, format));
  if (chance(random, 0.5)) bytes = mutated(random, bytes);
  const context = { topic: "t/u" };
  const found = read(bytes, texts, context);
  try {
    check(found, (raw) => read(raw, texts, context), bytes);
  } catch (error) {
    throw new Error(
      `${JSON.stringify(texts)} ${JSON.stringify(DECODER.decode(bytes))}\n${(error as Error).message}`,
    );
  }
  if (found.events.length === 0) return `${format}: refused`;
  return found.invalid.length > 0 ? `${format}: read in part` : `${format}: read`;
}

function check({ events, invalid }: ReadRecord, again: (raw: string) => ReadRecord, bytes: Uint8Array): void {
  assert.ok(events.length + invalid.length > 0, "a record became nothing");
  for (const event of events) {
    assert.ok(
      Number.isFinite(event.value) && event.timeMs >= 0 && event.name !== "" && !event.name.includes("\0"),
    );
    const { events: [same, ...more], invalid: refused } = again(event.raw);
    assert.deepEqual([same?.name, same && same.value + 0, same?.timeMs, same?.labels], [
      event.name,
      event.value + 0,
      event.timeMs,
      event.labels,
    ]);
    assert.equal(more.length + refused.length, 0, "a dead letter would be several events");
  }
  for (const { detail, raw } of invalid) {
    assert.ok(detail !== "");
    // What is not UTF-8 is another text when it is shown. A carriage return at the end of a field that was
    // not the last one is the end of a line by then.
    if (detail === "not UTF-8" || detail === NO_METRIC || raw.endsWith("\r")) continue;
    const { events: none, invalid: refused } = again(raw);
    assert.equal(none.length, 0, `what was refused (${detail}) is read the next time`);
    assert.equal(refused.length, 1);
  }
  assert.ok(bytes.length >= 0);
}

function recordText(random: Random, format: EventFormat): string {
  const number = () =>
    oneOf(random, ["1", "-2.5", "1e3", "9007199254740993", "1790000000", "0", "NaN", "1e999", "1,5", ""]);
  const word = () =>
    chance(random, 0.5) ? oneOf(random, ["a", "b", "x y", "ü"]) : oddText(random, 4).toWellFormed();
  switch (format) {
    case "json":
      return jsonText(random, 0, number, word);
    case "value":
      return chance(random, 0.8) ? number() : word();
    case "influx":
      return Array.from({ length: 1 + below(random, 3) }, () => influxText(random, number, word)).join("\n");
    case "csv":
      return csvText(random, number, word);
    case "sparkplug":
      return Array.from({ length: 1 + below(random, 3) }, () => metricText(random, number, word)).join("\n");
  }
}

function metricText(random: Random, number: () => string, word: () => string): string {
  const maybe = (part: () => unknown) => chance(random, 0.5) ? part() : undefined;
  return JSON.stringify({
    group: word(),
    node: word(),
    device: maybe(word),
    metric: chance(random, 0.9) ? word() : undefined,
    value: oneOf(random, [number(), 1.5, true, undefined, null]),
    timestamp: maybe(() => oneOf(random, [1_790_000_000_000, 0, -1, "x", 1e300])),
    isHistorical: maybe(() => oneOf(random, [true, false, 1])),
    properties: maybe(() => ({ a: word(), Quality: oneOf(random, [0, 192, 500, "0"]) })),
    problem: chance(random, 0.1) ? word() : undefined,
  });
}

function jsonText(random: Random, depth: number, number: () => string, word: () => string): string {
  const draw = depth === 0 && chance(random, 0.9) ? 0 : below(random, depth > 3 ? 6 : 8);
  const inner = () => jsonText(random, depth + 1, number, word);
  if (draw < 2 && depth <= 3) {
    const keys = ["a", "b", "value", "t", "name", "c", "labels", "__proto__"];
    const usual = depth > 0 ? [] : ["a", "name", "value", "t"].filter(() => chance(random, 0.9))
      .map((key) => `"${key}":${oneOf(random, ['"x"', "1", '"2.5"', "1790000000", inner()])}`);
    const fields = Array.from(
      { length: below(random, 6) },
      () => `${JSON.stringify(oneOf(random, keys))}:${inner()}`,
    );
    return `{${[...usual, ...fields].join(",")}}`;
  }
  if (draw === 6) return `[${Array.from({ length: below(random, 4) }, inner).join(",")}]`;
  if (draw === 3) return JSON.stringify(chance(random, 0.5) ? number() : word());
  return oneOf(random, ["1", "2.5", "true", "null", "-0", "1790000000", '"x"', "9007199254740993"]);
}

function influxText(random: Random, number: () => string, word: () => string): string {
  const escaped = (text: string) => text.replace(/[, =]/g, "\\$&");
  const tags = Array.from(
    { length: below(random, 3) },
    () => `,${oneOf(random, ["a", "b"])}=${escaped(word())}`,
  );
  const value = () => oneOf(random, [number(), `${number()}i`, "1u", "t", `"${word()}"`]);
  const fields = Array.from({ length: 1 + below(random, 3) }, () => `${escaped(word())}=${value()}`);
  return `${escaped(word())}${tags.join("")} ${fields.join(",")}${
    oneOf(random, ["", " 1790000000", " 1", " x"])
  }`;
}

function csvText(random: Random, number: () => string, word: () => string): string {
  const separator = oneOf(random, [",", ";", "\t", "|"]);
  const quoted = (text: string) => chance(random, 0.3) ? `"${text.replaceAll('"', '""')}"` : text;
  const columns = ["a", "b", "value", "t", "name"].filter(() => chance(random, 0.8));
  const rows = Array.from(
    { length: below(random, 4) },
    () =>
      columns.map((column) => quoted(column === "a" || column === "name" ? word() : number())).join(
        separator,
      ),
  );
  return [columns.join(separator), ...rows].join(oneOf(random, ["\n", "\r\n"]));
}
