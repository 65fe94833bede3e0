import assert from "node:assert/strict";
import type { Row } from "../support/oracle.ts";

/** A record of the topic, as a `read_committed` reader got it, in the order of its partition. */
export interface TopicRecord {
  readonly key: string;
  readonly value: string;
}

const FIELDS = [
  "agg_func",
  "count",
  "instance",
  "name",
  "revision",
  "timestamp",
  "value",
  "window_end",
  "window_start",
];

/**
 * What a reader of the topic is left with: the latest record of each aggregate.
 *
 * @throws when a record is there twice, an older revision comes after a newer one, or the shape is not that of section 6.
 */
export function latestRows(records: readonly TopicRecord[]): Row[] {
  const latest = new Map<string, Row>();
  for (const { key, value } of records) {
    const row = rowOf(value);
    assert.equal(key, row.name, "the key of a record is its aggregate's name");
    const identity = JSON.stringify([
      row.name,
      row.aggFunc,
      row.windowStartMs,
      row.windowEndMs,
      row.instance,
    ]);
    const before = latest.get(identity);
    assert.notEqual(row.revision, before?.revision, `${identity} is in the topic twice`);
    assert.ok(
      row.revision > (before?.revision ?? -1),
      `${identity}: revision ${row.revision} comes after ${before?.revision}`,
    );
    latest.set(identity, row);
  }
  return [...latest.values()];
}

/** An aggregate's public JSON. @throws when it is not of that shape. */
export function rowOf(json: string): Row {
  const record = JSON.parse(json);
  assert.deepEqual(Object.keys(record).sort(), FIELDS);
  assert.equal(record.timestamp, record.window_start);
  return {
    name: record.name,
    aggFunc: record.agg_func,
    windowStartMs: Math.round(record.window_start * 1000),
    windowEndMs: Math.round(record.window_end * 1000),
    value: record.value,
    count: record.count,
    revision: record.revision,
    instance: record.instance,
  };
}
