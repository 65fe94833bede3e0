import type { Aggregates } from "../../aggregation/aggregate.ts";
import { RecordTexts } from "../../aggregation/record_texts.ts";
import { type CompressionName, COMPRESSIONS } from "../../platform/kafka/compression.ts";
import { EncodedRecords, type RecordRun } from "./encoded_records.ts";

/** Aggregates that are encoded at once: as many as a request holds of ordinary names. It bounds memory. */
const ENCODED_ROWS = 2500;

/** What the records of a write have in common. */
export interface RunOptions {
  readonly instance: string;
  /** Bytes of a batch of records, at most. */
  readonly maxBytes: number;
  /** The time of the records, Unix ms. */
  readonly timeMs: number;
  readonly compression: CompressionName;
  /** Of the delivery that they are a part of; undefined: it is not traced. */
  readonly traceparent: string | undefined;
}

/**
 * Encodes aggregates as the records of requests: a broker refuses bigger batches, which it measures
 * compressed, and a request has one for each partition. No single record comes near the limit, since names
 * are bounded.
 */
export function* recordRuns(
  aggregates: Aggregates,
  { compression, instance, maxBytes, timeMs, traceparent }: RunOptions,
): Generator<RecordRun> {
  const headers = { "content-type": "application/json", ...(traceparent && { traceparent }) };
  const texts = new RecordTexts(instance);
  for (let from = 0; from < aggregates.length; from += ENCODED_ROWS) {
    const rows = {
      count: Math.min(ENCODED_ROWS, aggregates.length - from),
      record: (index: number) => {
        const aggregate = aggregates.at(from + index)!;
        return { key: aggregate.name, value: texts.of(aggregate) };
      },
    };
    yield* new EncodedRecords(rows, headers, timeMs, COMPRESSIONS[compression]).runs(maxBytes);
  }
}
