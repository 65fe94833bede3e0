import assert from "node:assert/strict";
import type { Push } from "../../src/codec/push.ts";
import { scanEvent } from "../../src/codec/event_scanner.ts";
import { EventBatch } from "../../src/event/event_batch.ts";

export interface PushedRecord {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly default_func: string;
  readonly value: number;
  readonly timestamp: number;
}

/** The records of a request, each of which is a valid event as well. */
export function recordsOf({ bytes, ends }: Pick<Push, "bytes" | "ends">): PushedRecord[] {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const batch = new EventBatch();
  assert.equal(bytes.length, ends.at(-1) ?? 0);
  return [...ends].map((end, i) => {
    const record = bytes.slice(i === 0 ? 0 : ends[i - 1]! + 1, end);
    scanEvent(record, batch);
    assert.deepEqual(batch.invalid.map(({ detail }) => detail), []);
    assert.equal(batch.count, 1);
    return JSON.parse(decoder.decode(record)) as PushedRecord;
  });
}
