import { Buffer } from "node:buffer";
import type { Message } from "kafkajs";
import { type Aggregate, toRecord } from "../../aggregation/aggregate.ts";

/** Bytes of a record's lengths, deltas and header, at most. */
const OVERHEAD_BYTES = 64;
/** Bytes of the header that names a trace, at most. */
const TRACEPARENT_BYTES = 80;

/**
 * Renders aggregates as Kafka messages, in runs of at most `maxBytes`: a broker refuses bigger requests. No
 * single message comes near the limit, since names are bounded.
 *
 * @param traceparent Of the delivery that they are a part of; undefined: it is not traced.
 */
export function* messageRuns(
  aggregates: readonly Aggregate[],
  instance: string,
  maxBytes: number,
  traceparent?: string,
): Generator<Message[]> {
  const headers = { "content-type": "application/json", ...(traceparent && { traceparent }) };
  const overheadBytes = OVERHEAD_BYTES + (traceparent === undefined ? 0 : TRACEPARENT_BYTES);
  let run: Message[] = [];
  let runBytes = 0;
  for (const aggregate of aggregates) {
    const key = Buffer.from(aggregate.name);
    const value = Buffer.from(JSON.stringify(toRecord(aggregate, instance)));
    const messageBytes = key.length + value.length + overheadBytes;
    if (run.length > 0 && runBytes + messageBytes > maxBytes) {
      yield run;
      run = [];
      runBytes = 0;
    }
    run.push({ key, value, headers });
    runBytes += messageBytes;
  }
  if (run.length > 0) yield run;
}
