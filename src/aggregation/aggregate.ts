/** One finished aggregate: what a sink receives. Times are Unix milliseconds; sinks write Unix seconds. */
export interface Aggregate {
  readonly name: string;
  /** Canonical, see `labels.ts`; not there: the series has none. */
  readonly labels?: string;
  /** Canonical function name: `sum`, `avg`, …, `p99.9`. */
  readonly aggFunc: string;
  readonly value: number;
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  /** Number of events in the window. */
  readonly count: number;
  /** 0 when the window first closes, one higher for each correction by late events. */
  readonly revision: number;
}

/**
 * Aggregates in an order. Each may be made when it is asked for, and anew the next time: those of a batch
 * would live so long that the collector moves all of them. An array is one, too.
 */
export interface Aggregates extends Iterable<Aggregate> {
  readonly length: number;
  /** @param index From 0 on. Undefined: there is none. */
  at(index: number): Aggregate | undefined;
  /**
   * Their indices in the order of windows, names, labels, functions and revisions, of texts by the bytes of
   * UTF-8. Those that are equal in it stay in theirs. Left out: nothing is faster than comparing them.
   */
  order?(): Int32Array;
  /** Frees their memory. Nobody asks for one afterwards. */
  release?(): void;
}

/** The public JSON shape of an aggregate (Kafka values, stdout lines). Times are Unix seconds. */
export interface AggregateRecord {
  readonly name: string;
  /** Not there: the series has none. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly agg_func: string;
  readonly value: number;
  readonly timestamp: number;
  readonly window_start: number;
  readonly window_end: number;
  readonly count: number;
  readonly revision: number;
  readonly instance: string;
}

/** Renders an aggregate as the public record of `instance`. */
export function toRecord(aggregate: Aggregate, instance: string): AggregateRecord {
  const windowStart = aggregate.windowStartMs / 1000;
  return {
    name: aggregate.name,
    ...(aggregate.labels === undefined ? undefined : { labels: JSON.parse(aggregate.labels) }),
    agg_func: aggregate.aggFunc,
    value: aggregate.value,
    timestamp: windowStart,
    window_start: windowStart,
    window_end: aggregate.windowEndMs / 1000,
    count: aggregate.count,
    revision: aggregate.revision,
    instance,
  };
}

/** An aggregate's series and function, for people. */
export function describeSeries({ name, labels = "", aggFunc }: Aggregate): string {
  return `${aggFunc}(${JSON.stringify(name)}${labels})`;
}

/** The first of some aggregates whose series has labels; undefined: none has. */
export function firstWithLabels(aggregates: Aggregates): Aggregate | undefined {
  for (const aggregate of aggregates) if (aggregate.labels !== undefined) return aggregate;
  return undefined;
}
