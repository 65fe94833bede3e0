import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import { type OutboxBatch, type ProvableSink, type SinkContext, SinkError } from "../../src/sinks/sink.ts";
import { rowKey } from "./model.ts";
import { POISON } from "./plant.ts";
import type { SinkLink, SinkWeather } from "./sink_link.ts";

/** A table that is written by upsert: a row changes only when its revision rises. */
export class SimTable {
  readonly rows = new Map<string, Aggregate>();
  /** What a table without the guard would do: for a broken variant. */
  isGuarded = true;

  constructor(private readonly weather: SinkWeather) {}

  /** @throws {SinkError} `rejected`; nothing is written then. */
  upsert(aggregates: readonly Aggregate[], isPoisoned: boolean): void {
    if (isPoisoned && aggregates.some(({ name }) => name === POISON)) {
      throw new SinkError("rejected", "a value out of range");
    }
    for (const aggregate of aggregates) {
      const key = rowKey(aggregate);
      const known = this.rows.get(key);
      if (known === undefined || !this.isGuarded || aggregate.revision > known.revision) {
        this.rows.set(key, aggregate);
      }
    }
  }

  /** A sink on the table, for the lifetime of a process; also what `verify` reads it by. */
  connect(link: SinkLink): ProvableSink {
    return {
      name: link.name,
      open: (context: SinkContext, signal: AbortSignal) => link.request("open", signal, () => context.cursor),
      write: (batch: OutboxBatch, signal: AbortSignal) => {
        // Judged as it is sent: what was rejected once is not taken when it comes late a second time.
        const { isPoisoned } = this.weather;
        return link.request(describe(batch), signal, () => this.upsert(batch.aggregates, isPoisoned));
      },
      probe: () => Promise.resolve("simulated"),
      close: () => link.close(),
      sumOfCounts: (_instance, sinceMs) =>
        link.look(() =>
          [...this.rows.values()].filter((row) => row.windowStartMs >= sinceMs)
            .reduce((sum, { count }) => sum + count, 0)
        ),
      rowsOfWindow: (_instance, startMs, endMs) =>
        link.look(() =>
          [...this.rows.values()].filter((row) => row.windowStartMs === startMs && row.windowEndMs === endMs)
        ),
    };
  }
}

/** A batch in a trace. */
export function describe({ firstId, nextId, aggregates }: OutboxBatch): string {
  const shown = aggregates.slice(0, 4).map((aggregate) =>
    `${rowKey(aggregate)} r${aggregate.revision} n${aggregate.count}`
  );
  const more = aggregates.length > shown.length ? `, and ${aggregates.length - shown.length} more` : "";
  return `write [${firstId}, ${nextId}) ${shown.join(", ")}${more}`;
}
