import assert from "node:assert/strict";
import type { Push, PushedRecords, PushProtocol } from "../../src/codec/push.ts";
import { atOnce } from "../../src/platform/clock/steps.ts";
import { scanEvent } from "../../src/codec/event_scanner.ts";
import { EventBatch } from "../../src/event/event_batch.ts";

export interface PushedRecord {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly default_func: string;
  readonly value: number;
  readonly timestamp: number;
}

/** Reads a request to its end. */
export function pushOf(protocol: PushProtocol, body: Uint8Array, contentType: string | undefined): Push {
  return atOnce(protocol.read(body, contentType));
}

export function countOf({ runs }: Pick<Push, "runs">): number {
  return runs.reduce((sum, { ends }) => sum + ends.length, 0);
}

/** The records of a request, each of which is a valid event as well. */
export function recordsOf({ runs }: Pick<Push, "runs">): PushedRecord[] {
  return runs.flatMap(recordsOfRun);
}

function recordsOfRun({ bytes, ends }: PushedRecords): PushedRecord[] {
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
