import type { Aggregate, Aggregates } from "../../src/aggregation/aggregate.ts";

/** The aggregates of a batch, made once; undefined: there is no batch. */
export function rowsOf(batch: { readonly aggregates: Aggregates }): Aggregate[];
export function rowsOf(batch: { readonly aggregates: Aggregates } | undefined): Aggregate[] | undefined;
export function rowsOf(batch: { readonly aggregates: Aggregates } | undefined): Aggregate[] | undefined {
  return batch && [...batch.aggregates];
}
