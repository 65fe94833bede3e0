import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import { type OutboxBatch, type Sink, type SinkContext, SinkError } from "../../src/contract/sink.ts";
import { rowKey } from "./expected_row.ts";
import { POISON } from "./plant.ts";
import type { SinkLink, SinkWeather } from "./sink_link.ts";
import { describe } from "./sim_table.ts";
import { rowsOf } from "../support/rows_of.ts";

/**
 * A Kafka topic as a reader sees it that reads committed records only, with one transactional id: whoever
 * initialises its producer fences the one before, and a transaction holds records and the outbox position
 * after them.
 */
export class SimTopic {
  /** Committed records, in order. */
  readonly records: Aggregate[] = [];
  /**
   * Whether an older producer is fenced, and whether the position is stored with the records. Broken variants
   * switch them off.
   */
  isFencing = true;
  isPositionKept = true;
  /** A record that a reader has got twice, or after a newer one; undefined: there is none. */
  repetition: string | undefined;
  private readonly revisions = new Map<string, number>();
  private epoch = 0;
  private position: { readonly nextId: number; readonly stateId: string } | undefined;

  constructor(private readonly weather: SinkWeather) {}

  /** A sink on the topic, for the lifetime of a process. It decides as the Kafka sink does. */
  connect(link: SinkLink): Sink {
    let epoch = -1;
    let stateId = "";
    return {
      id: link.name,
      repeat: "positioned",
      open: async (context: SinkContext, signal: AbortSignal) => {
        stateId = context.stateId;
        // Fences first, then asks: only after the fence is the position final.
        epoch = await link.request("open: init producer", signal, () => ++this.epoch);
        const position = await link.request("open: position", signal, () => this.position);
        if (position?.stateId !== stateId || position.nextId > context.endId) return context.cursor;
        return Math.max(position.nextId, context.cursor);
      },
      write: async (batch: OutboxBatch, signal: AbortSignal) => {
        if (batch.aggregates.length === 0) return;
        const ownEpoch = epoch;
        await link.request(`${describe(batch)}: send`, signal, () => {
          this.checkFence(ownEpoch);
          if (this.weather.isPoisoned && rowsOf(batch).some(({ name }) => name === POISON)) {
            throw new SinkError("rejected", "the record is too large");
          }
        });
        await link.request(`${describe(batch)}: commit`, signal, () => {
          this.checkFence(ownEpoch);
          for (const aggregate of batch.aggregates) this.append(aggregate);
          if (this.isPositionKept) this.position = { nextId: batch.nextId, stateId };
        });
      },
      probe: () => Promise.resolve("simulated"),
      close: () => link.close(),
    };
  }

  /**
   * Forgets which revisions were written. Rows that an operator has given up may have been written and may
   * come again: a reader tells them by their revisions.
   */
  forgotten(): void {
    this.revisions.clear();
  }

  /** The newest record of each row. */
  finalRows(): Map<string, Aggregate> {
    const newest = new Map<string, Aggregate>();
    for (const record of this.records) {
      const before = newest.get(rowKey(record));
      if (before === undefined || record.revision >= before.revision) newest.set(rowKey(record), record);
    }
    return newest;
  }

  private append(record: Aggregate): void {
    this.records.push(record);
    const key = rowKey(record);
    const before = this.revisions.get(key);
    if (before !== undefined && record.revision <= before) {
      this.repetition ??= `${key}: revision ${record.revision} comes after revision ${before}`;
    }
    this.revisions.set(key, record.revision);
  }

  private checkFence(epoch: number): void {
    if (!this.isFencing || epoch === this.epoch) return;
    throw new SinkError("misconfigured", "fenced: another producer has taken over");
  }
}
