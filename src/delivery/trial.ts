import type { Aggregate } from "../aggregation/aggregate.ts";
import { type OutboxBatch, SinkError, UnexplainedRefusal } from "../contract/sink.ts";
import type { Outbox, SinkRefusal } from "../state/outbox/outbox.ts";
import { bisect } from "./bisection.ts";

/** The actions of a trial on the sink and on the outbox. */
export interface TrialSteps {
  /** @throws {SinkError} */
  write(batch: OutboxBatch): Promise<void>;
  /**
   * Makes the only aggregate of the batch a dead letter and moves the cursor after it.
   *
   * @throws {SinkError}
   */
  reject(batch: OutboxBatch, refusal: SinkRefusal): void;
}

/**
 * Aggregates that are tried at most to find one that succeeds, from the batch and from the outbox after it.
 */
const WITNESSES_MAX = 20;
/** Aggregates that are condemned for one error at most. With more, the sink counts as being at fault. */
const CONDEMNED_MAX = 1000;

/**
 * Finds out whether aggregates or the sink are at fault, where the error does not tell. An aggregate is
 * condemned only when it fails alone, twice, while another waiting one succeeds in between. Where none
 * succeeds, the sink is at fault, and no aggregate is condemned.
 *
 * A trial writes aggregates out of order and more than once, so it is only for sinks that may throw
 * {@link UnexplainedRefusal}.
 */
export class Trial {
  /** Each aggregate of the batch as a batch of its own, in order. */
  private rows: readonly OutboxBatch[] = [];
  /** The id after the batch. */
  private beyondId = 0;

  constructor(
    private readonly sink: string,
    private readonly outbox: Outbox,
    private readonly steps: TrialSteps,
  ) {}

  /**
   * Delivers, in order, the aggregates of a refused batch that are not at fault, and moves the cursor with
   * them.
   *
   * @throws {SinkError} The sink is at fault. Everything before the cursor is settled.
   */
  async settle(refused: OutboxBatch): Promise<void> {
    const aggregates = [...refused.aggregates];
    const batch = { ...refused, aggregates };
    this.rows = aggregates.map((aggregate, i) => {
      const id = batch.ids[i]!;
      // Writing a witness is not a delivery. A sink that stores the position must not take it for one.
      return { ...batch, firstId: id, nextId: batch.firstId, ids: [id], aggregates: [aggregate] };
    });
    this.beyondId = batch.nextId;
    for (const half of this.split(batch)) await this.deliver(half);
  }

  private async deliver(batch: OutboxBatch): Promise<void> {
    try {
      await this.steps.write(batch);
    } catch (error) {
      if (batch.aggregates.length > 1) {
        if (!isOfARow(error)) throw error;
        for (const half of this.split(batch)) await this.deliver(half);
        return;
      }
      await this.condemn(batch, error);
      return;
    }
    this.outbox.advance(this.sink, batch.nextId);
  }

  /** Handles a single aggregate that has failed. @throws {SinkError} The aggregate is not at fault. */
  private async condemn(batch: OutboxBatch, error: unknown): Promise<void> {
    if (error instanceof UnexplainedRefusal) {
      if (!await this.failsAgain(batch, error)) return this.outbox.advance(this.sink, batch.nextId);
      this.checkBound(error);
      this.steps.reject(batch, { reason: "rejected", detail: error.message });
      return;
    }
    const refusal = refusalIn(error);
    if (!refusal) throw error;
    this.steps.reject(batch, refusal);
  }

  /**
   * Whether an aggregate fails again in the same way after another one has succeeded.
   *
   * @throws {SinkError} No other aggregate succeeds, or this one fails in another way.
   */
  private async failsAgain(batch: OutboxBatch, error: UnexplainedRefusal): Promise<boolean> {
    if (!await this.anotherPasses(batch.aggregates.at(0)!)) throw faultOfSink(error);
    try {
      await this.steps.write(batch);
      return false;
    } catch (again) {
      if (again instanceof UnexplainedRefusal && again.sameness === error.sameness) return true;
      throw again instanceof UnexplainedRefusal ? faultOfSink(again) : again;
    }
  }

  /**
   * Looks for an aggregate that succeeds, evenly spread over those after the suspect: first in the batch and
   * then in the outbox, since a whole batch may be of one old window that the sink refuses. Where none
   * succeeds, the newest aggregate that the sink has accepted is written once more: a single series must not
   * have to wait for aggregates of others, which may never come.
   */
  private async anotherPasses(suspect: Aggregate): Promise<boolean> {
    const others = this.rows.slice(this.rows.findIndex(({ aggregates }) => aggregates.at(0) === suspect) + 1);
    const step = Math.max(1, Math.floor(others.length / WITNESSES_MAX));
    const witnesses = others.filter((_, i) => i % step === 0).slice(0, WITNESSES_MAX);
    witnesses.push(
      ...this.outbox.samples(this.sink, this.beyondId, WITNESSES_MAX).map((row) => this.alone(row)),
    );
    const delivered = this.outbox.lastDelivered(this.sink);
    if (delivered) witnesses.push(this.alone(delivered));
    for (const witness of witnesses) {
      try {
        await this.steps.write(witness);
        return true;
      } catch (error) {
        if (!isOfARow(error)) throw error;
      }
    }
    return false;
  }

  private alone(aggregate: Aggregate): OutboxBatch {
    const id = this.outbox.cursor(this.sink);
    return { firstId: id, nextId: id, ids: [id], aggregates: [aggregate] };
  }

  private checkBound(error: UnexplainedRefusal): void {
    const condemned = this.outbox.refusedCount(this.sink, error.sameness);
    if (condemned < CONDEMNED_MAX) return;
    throw new SinkError(
      "misconfigured",
      `it has refused ${condemned} aggregates with one error, so the fault is the sink's: ` +
        `${error.message} Mend it, then run \`dead-letters retry --reason rejected\`; or purge them, ` +
        "if it is right to refuse them",
    );
  }

  private split(batch: OutboxBatch): readonly OutboxBatch[] {
    return batch.aggregates.length > 1 ? bisect(batch) : [batch];
  }
}

/** The refusal of an aggregate that an error stands for; undefined: it is another error. */
export function refusalIn(error: unknown): SinkRefusal | undefined {
  if (!(error instanceof SinkError)) return undefined;
  const { kind, message } = error;
  return kind === "rejected" || kind === "postponed" ? { reason: kind, detail: message } : undefined;
}

/** Whether the sink has answered with an error that may be an aggregate's fault. */
function isOfARow(error: unknown): boolean {
  return error instanceof UnexplainedRefusal || refusalIn(error) !== undefined;
}

function faultOfSink(error: UnexplainedRefusal): SinkError {
  return new SinkError(error.otherwise, `${error.message} No other row passes either.`, {
    cause: error,
  });
}
