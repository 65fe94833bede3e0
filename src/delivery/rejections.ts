import type { Aggregate } from "../aggregation/aggregate.ts";
import { type OutboxBatch, SinkError } from "../contract/sink.ts";
import type { Logger } from "../platform/log/logger.ts";
import { type Outbox, type SinkRefusal, TooManyRefused } from "../state/outbox/outbox.ts";
import type { DeliveryObserver } from "./delivery_observer.ts";

/** Characters of a name in messages. */
const SHOWN_NAME = 100;

/** Aggregates that a sink refuses: they become dead letters. */
export class Rejections {
  constructor(
    private readonly sink: string,
    private readonly outbox: Outbox,
    private readonly logger: Logger,
    private readonly observer: DeliveryObserver,
  ) {}

  /**
   * Makes the only aggregate of a batch a dead letter and moves the cursor behind it.
   *
   * @throws {SinkError} The sink has as many dead letters as can be kept.
   */
  put(batch: OutboxBatch, refusal: SinkRefusal): void {
    const aggregate = batch.aggregates.at(0)!;
    this.putAway(aggregate, refusal, batch.nextId);
    this.observer.rejected(this.sink, 1);
    this.logger.error("the sink rejects an aggregate, which is now a dead letter", {
      sink: this.sink,
      name: aggregate.name.slice(0, SHOWN_NAME),
      ...(aggregate.labels === undefined ? undefined : { labels: aggregate.labels.slice(0, SHOWN_NAME) }),
      agg_func: aggregate.aggFunc,
      reason: refusal.reason,
      error: refusal.detail,
    });
  }

  private putAway(aggregate: Aggregate, refusal: SinkRefusal, nextId: number): void {
    try {
      this.outbox.reject(this.sink, aggregate, refusal, nextId);
    } catch (error) {
      if (!(error instanceof TooManyRefused)) throw error;
      throw new SinkError("misconfigured", error.message, { cause: error });
    }
  }
}
