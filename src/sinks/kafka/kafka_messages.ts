import { Buffer } from "node:buffer";
import type { Message } from "kafkajs";
import { type Aggregate, toRecord } from "../../aggregation/aggregate.ts";

const HEADERS = { "content-type": "application/json" };
/** Bytes of a record's lengths, deltas and header, at most. */
const OVERHEAD_BYTES = 64;

/**
 * Renders aggregates as Kafka messages, in runs of at most `maxBytes`: a broker refuses bigger requests. No
 * single message comes near the limit, since names are bounded.
 */
export function* messageRuns(
  aggregates: readonly Aggregate[],
  instance: string,
  maxBytes: number,
): Generator<Message[]> {
  let run: Message[] = [];
  let runBytes = 0;
  for (const aggregate of aggregates) {
    const key = Buffer.from(aggregate.name);
    const value = Buffer.from(JSON.stringify(toRecord(aggregate, instance)));
    const messageBytes = key.length + value.length + OVERHEAD_BYTES;
    if (run.length > 0 && runBytes + messageBytes > maxBytes) {
      yield run;
      run = [];
      runBytes = 0;
    }
    run.push({ key, value, headers: HEADERS });
    runBytes += messageBytes;
  }
  if (run.length > 0) yield run;
}
