import type { OutboxBatch } from "../contract/sink.ts";

/**
 * Splits a batch of two or more aggregates into halves that together cover the same part of the outbox. Each
 * half can then be delivered, or turn out to be at fault, on its own.
 */
export function bisect(batch: OutboxBatch): [OutboxBatch, OutboxBatch] {
  const { ids } = batch;
  const aggregates = [...batch.aggregates];
  const middle = aggregates.length >> 1;
  const middleId = ids[middle]!;
  return [
    { ...batch, nextId: middleId, ids: ids.slice(0, middle), aggregates: aggregates.slice(0, middle) },
    { ...batch, firstId: middleId, ids: ids.slice(middle), aggregates: aggregates.slice(middle) },
  ];
}
