import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import {
  type OutboxBatch,
  type ReadableSink,
  type SinkContext,
  SinkError,
  UnexplainedRefusal,
} from "../../src/contract/sink.ts";
import { rowKey } from "./expected_row.ts";
import type { Dice } from "./dice.ts";
import { POISON } from "./plant.ts";
import type { SinkLink, SinkWeather } from "./sink_link.ts";
import { rowsOf } from "../support/rows_of.ts";

/** A table that is written by upsert: a row changes only when its revision rises. */
export class SimTable {
  readonly rows = new Map<string, Aggregate>();
  /** Whether a row changes only when its revision rises. A broken variant switches it off. */
  isGuarded = true;

  constructor(private readonly weather: SinkWeather) {}

  /** @throws {SinkError} It refuses a row; nothing is written then. */
  upsert(aggregates: readonly Aggregate[], isPoisoned: boolean, overwrites = false): void {
    const poisoned = isPoisoned ? aggregates.find(({ name }) => name === POISON) : undefined;
    if (poisoned) throw refusalOf(poisoned);
    for (const aggregate of aggregates) {
      const key = rowKey(aggregate);
      const known = this.rows.get(key);
      const least = overwrites ? aggregate.revision : aggregate.revision - 1;
      if (known === undefined || !this.isGuarded || known.revision <= least) {
        this.rows.set(key, aggregate);
      }
    }
  }

  /**
   * Deletes or changes some of its rows, as other programs might. Rows before `sinceMs` stay, since the state
   * may drop their windows at any time.
   *
   * @param isGivenUp Whether a row was given up with the sink. It may have been written all the same, and is
   * never sent again: deleted, nobody misses it, and changed, it would stay so.
   */
  lose(dice: Dice, sinceMs: number, isGivenUp: (key: string) => boolean): void {
    for (const [key, row] of this.rows) {
      if (row.windowStartMs < sinceMs) continue;
      if (dice.chance(0.3)) this.rows.delete(key);
      else if (dice.chance(0.2) && !isGivenUp(key)) {
        this.rows.set(key, { ...row, value: row.value + 1, count: row.count + 1 });
      }
    }
  }

  /** A sink on the table, for the lifetime of a process; also what `verify` reads it by. */
  connect(link: SinkLink): ReadableSink {
    return {
      id: link.name,
      repeat: "upsert",
      open: (context: SinkContext, signal: AbortSignal) =>
        // A misconfigured table shows only when rows are written.
        link.request("open", signal, () => context.cursor, () => undefined),
      write: (batch: OutboxBatch, signal: AbortSignal) => {
        // The poison at the time of sending counts: a batch that was rejected then must not be accepted when
        // it arrives late a second time.
        const { isPoisoned } = this.weather;
        const rows = rowsOf(batch);
        return link.request(
          describe(batch),
          signal,
          () => this.upsert(rows, isPoisoned, batch.overwrites),
          () => new UnexplainedRefusal("permission", "misconfigured", "permission denied"),
        );
      },
      probe: () => Promise.resolve("simulated"),
      close: () => link.close(),
      readBack: {
        cost: "cheap",
        sumOfCounts: (_instance, sinceMs, _signal, lengthMs) =>
          link.look(() =>
            [...this.rows.values()].filter((row) =>
              row.windowStartMs >= sinceMs &&
              (lengthMs === undefined || row.windowEndMs - row.windowStartMs === lengthMs)
            )
              .reduce((sum, { count }) => sum + count, 0)
          ),
        rowsOfWindow: (_instance, startMs, endMs) =>
          link.look(() =>
            [...this.rows.values()].filter((row) =>
              row.windowStartMs === startMs && row.windowEndMs === endMs
            )
          ),
      },
    };
  }
}

/** Each function of a poisoned series is refused in a way of its own. */
function refusalOf({ aggFunc }: Aggregate): SinkError {
  switch (aggFunc.length % 3) {
    case 0:
      return new SinkError("rejected", "a value out of range");
    case 1:
      return new SinkError("postponed", "no partition");
    default:
      return new UnexplainedRefusal("a trigger", "unavailable", "a trigger says no");
  }
}

/** A batch in a trace. */
export function describe(batch: OutboxBatch): string {
  const { firstId, nextId } = batch;
  const aggregates = rowsOf(batch);
  const shown = aggregates.slice(0, 4).map((aggregate) =>
    `${rowKey(aggregate)} r${aggregate.revision} n${aggregate.count}`
  );
  const more = aggregates.length > shown.length ? `, and ${aggregates.length - shown.length} more` : "";
  return `write [${firstId}, ${nextId}) ${shown.join(", ")}${more}`;
}
