import assert from "node:assert/strict";
import { NO_METRIC } from "../../src/codec/sparkplug/metric_record.ts";
import { encoded, Host, session, type TestMetric } from "../codec/sparkplug/messages.ts";
import { below, chance, oddText, oneOf } from "./draw.ts";
import { mutated } from "./mutation.ts";
import type { Random, Target } from "./target.ts";

const TYPES = ["NBIRTH", "NDATA", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDATA", "DDEATH", "NCMD", "STATE"];
const NUMBERS = ["Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float", "Double"];

/**
 * Messages of Sparkplug of few nodes, whole and damaged, in any order: each is read or refused, what is read
 * is a number, and a dead letter is that event.
 */
export const sparkplug: Target = {
  name: "sparkplug",
  what: "messages of Sparkplug in any order, damaged and not",
  open() {
    const host = new Host({ name: "{path}", labels: "unit:{property:unit}" });
    return Promise.resolve({
      attempt: (random) => attempt(host, random),
      isStateful: true,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
};

function attempt(host: Host, random: Random): string {
  if (chance(random, 0.01)) host.reader.sessions.putOnTrial();
  const topic = chance(random, 0.98) ? topicOf(random) : oddText(random, 30).toWellFormed();
  let bytes = messageOf(random);
  const isDamaged = chance(random, 0.4);
  if (isDamaged) bytes = mutated(random, bytes);
  const { events, invalid } = host.take(topic, bytes);
  for (const { labels, name, raw, timeMs, value } of events) {
    assert.ok(Number.isFinite(value) && timeMs >= 0 && name !== "");
    const again = host.retry(raw);
    assert.equal(again.invalid.length, 0);
    // An event without a time is of its arrival.
    assert.deepEqual(
      again.events.map(({ labels, name, timeMs, value }) => [name, value + 0, timeMs, labels]),
      [
        [name, value + 0, timeMs, labels],
      ],
    );
  }
  for (const { detail, raw } of invalid) {
    // A record of many parts may have such a one among those of which only the number is told.
    if (/may be another one by now|more of its parts/.test(detail)) continue;
    const again = host.retry(raw);
    assert.equal(again.events.length, 0, `${detail} is read the next time`);
    assert.ok(again.invalid.length > 0 || detail === NO_METRIC);
  }
  const result = events.length > 0 ? "events" : invalid.length > 0 ? "refused" : "no event";
  return `${isDamaged ? "damaged" : "whole"}: ${result}`;
}

function topicOf(random: Random): string {
  const type = oneOf(random, TYPES);
  const device = type.startsWith("D") ? `/${oneOf(random, ["d1", "d2"])}` : "";
  return `spBv1.0/g/${type}/${oneOf(random, ["n1", "n2"])}${device}`;
}

function messageOf(random: Random): Uint8Array {
  const metrics = Array.from({ length: below(random, 5) }, (): TestMetric => {
    const type = chance(random, 0.8)
      ? oneOf(random, NUMBERS)
      : oneOf(random, ["Boolean", "String", "DateTime"]);
    const value = type === "Boolean"
      ? true
      : type === "String"
      ? oddText(random, 5).toWellFormed()
      : oneOf(random, [0, 1, 100, 127]);
    return {
      ...(chance(random, 0.6) && { name: oneOf(random, ["a", "b", "c/d", "ü", "Node Control/Rebirth"]) }),
      ...(chance(random, 0.7) && { alias: below(random, 4) }),
      ...(chance(random, 0.5) && { timestamp: 1_790_000_000_000 + below(random, 1000) }),
      ...(chance(random, 0.1) && { isHistorical: true }),
      ...(chance(random, 0.05) && { isTransient: true }),
      ...(chance(random, 0.2) && {
        properties: {
          Quality: { type: "Int32", value: oneOf(random, [0, 192, 500]) },
          unit: { type: "String", value: "K" },
        },
      }),
      type,
      value,
    };
  });
  if (chance(random, 0.3)) metrics.push(session(below(random, 2)));
  return encoded({ ...(chance(random, 0.9) && { seq: below(random, 256) }), metrics });
}
