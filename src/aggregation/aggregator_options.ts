import type { HashKey } from "../event/keyed_hash.ts";
import type { FunctionRules } from "./function_rules.ts";
import type { Tier } from "./tier.ts";

export interface AggregatorOptions {
  /** How many sources feed the aggregator; they are numbered from 0. */
  readonly sourceCount: number;
  /** Each of another length. Every event is aggregated in all of them. */
  readonly tiers: readonly Tier[];
  readonly allowedLatenessMs: number;
  /** 0: closed windows are never corrected. */
  readonly correctionHorizonMs: number;
  readonly maxFutureSkewMs: number;
  readonly maxSeries: number;
  /** Rules for events that name no function. */
  readonly functions: FunctionRules;
  /** Ids remembered for each source; 0: none. */
  readonly dedupMaxIds: number;
  /**
   * The secret key of the hash tables. Nobody outside may know it: with it one could choose names and ids
   * that collide.
   */
  readonly hashKey: HashKey;
}

/** Options that may change while events are aggregated. Windows that are already open keep their length. */
export type ChangeableOptions = Omit<AggregatorOptions, "sourceCount" | "dedupMaxIds" | "hashKey">;
