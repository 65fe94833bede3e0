/** How Flink reaches what a connector reaches: for the command `flink`. */

/** A table of Flink SQL on one topic or table of a server. */
export interface FlinkTable {
  /** The options of its connector, in the order in which they are shown. */
  readonly options: readonly FlinkOption[];
  /** Sentences about what is to be done by hand, or differs from the handler. */
  readonly notes: readonly string[];
}

export type FlinkOption = readonly [name: string, value: string];

/** A table that events are read from. */
export interface FlinkSourceTable extends FlinkTable {
  /** The topic, as the ids of the partitions begin that the state holds. */
  readonly topic: string;
}

/** A table that aggregates are written to. */
export interface FlinkSinkTable extends FlinkTable {
  /** `json`: the name as key and the aggregate as JSON text. `columns`: those of the SQL tables. */
  readonly rows: "json" | "columns";
}

/** Flink cannot do it: why, as a sentence. */
export interface FlinkCannot {
  readonly cannot: string;
}

/** What the options of a table are made with. */
export interface FlinkTerms {
  /** Distinguishes the job from the handler: in consumer groups and in ids of transactions. */
  readonly job: string;
  /** Whether the job reads what there is and ends. */
  readonly endsWhenRead: boolean;
  /**
   * What stands for a secret: itself where statements go to a cluster, `${VARIABLE}` where they are shown.
   */
  readonly secret: (variable: string, value: string) => string;
  /** The offsets to begin at, by topic and partition; undefined: no state was named. */
  readonly offsets: ((topic: string) => ReadonlyMap<number, number>) | undefined;
}
