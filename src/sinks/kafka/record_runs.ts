import type { Aggregate } from "../../aggregation/aggregate.ts";
import { RecordTexts } from "../../aggregation/record_texts.ts";
import { EncodedRecords } from "./encoded_records.ts";

/** What the records of a write have in common. */
export interface RunOptions {
  readonly instance: string;
  /** Bytes of a batch of records, at most. */
  readonly maxBytes: number;
  /** The time of the records, Unix ms. */
  readonly timeMs: number;
  /** Of the delivery that they are a part of; undefined: it is not traced. */
  readonly traceparent: string | undefined;
}

/**
 * Encodes aggregates as the records of requests: a broker refuses bigger batches, and a request has one for
 * each partition. No single record comes near the limit, since names are bounded.
 */
export function* recordRuns(
  aggregates: readonly Aggregate[],
  { instance, maxBytes, timeMs, traceparent }: RunOptions,
): Generator<EncodedRecords> {
  const headers = { "content-type": "application/json", ...(traceparent && { traceparent }) };
  const texts = new RecordTexts(instance);
  const newRun = () => new EncodedRecords(headers, maxBytes, timeMs);
  let run = newRun();
  for (const aggregate of aggregates) {
    const text = texts.of(aggregate);
    if (run.add(aggregate.name, text)) continue;
    yield run;
    run = newRun();
    run.add(aggregate.name, text);
  }
  if (run.count > 0) yield run;
}
