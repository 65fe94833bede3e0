import { amount } from "../platform/log/amount.ts";
import type { LogFields, Logger } from "../platform/log/logger.ts";
import { type Order } from "../state/audit.ts";

/** Counts of unread events, for the next checkpoint. */
export interface Unread {
  readonly lost: number;
  /** Those of the lost events that an operator has given up. */
  readonly skipped: number;
  /** Events that will be read again and may be the same as before. */
  readonly doubtful: number;
  /** How often a bus began anew or came back without events that were read. What it had unread is unknown. */
  readonly resets: number;
  readonly orders: readonly (readonly [order: Order, result: string])[];
}

const NONE: Unread = { lost: 0, skipped: 0, doubtful: 0, resets: 0, orders: [] };

/**
 * Counts the events that were lost before they were read, given up, or that may come twice, since the last
 * checkpoint.
 */
export class UnreadEvents {
  private current = NONE;

  /** @param lostBefore Events lost as of the last checkpoint. */
  constructor(private readonly lostBefore: () => number, private readonly logger: Logger) {}

  get sinceCheckpoint(): Unread {
    return this.current;
  }

  /** Events lost, including those not yet in a checkpoint. */
  get lostInAll(): number {
    return this.lostBefore() + this.current.lost;
  }

  committed(): void {
    this.current = NONE;
  }

  /** Counts events of a partition that its source no longer has. */
  countLost(origin: LogFields, lost: number): void {
    if (lost === 0) return;
    this.logger.error("events were trimmed from the bus before they were fetched: they are lost", {
      ...origin,
      events: lost,
      in_all: this.lostInAll + lost,
    });
    this.addLost(lost);
  }

  countDoubtful(doubtful: number): void {
    this.current = { ...this.current, doubtful: this.current.doubtful + doubtful };
  }

  countReset(): void {
    this.current = { ...this.current, resets: this.current.resets + 1 };
  }

  /**
   * Counts events that an operator gives up, from one offset to another.
   *
   * @param operator The operator, for the audit; undefined: the order is not noted there.
   */
  giveUp(name: string, from: number, to: number, nowMs: number, operator: string | undefined): void {
    this.logger.error("events are given up by an operator's order (--skip-to): they count as lost", {
      bus: name,
      from,
      to,
    });
    const { orders, skipped } = this.current;
    this.current = { ...this.current, skipped: skipped + to - from };
    if (operator !== undefined) {
      const order = { who: operator, atMs: nowMs, action: "--skip-to", detail: `${name}=${to}` };
      const result = `${amount(to - from, "event")} given up`;
      this.current = { ...this.current, orders: [...orders, [order, result]] };
    }
    this.addLost(to - from);
  }

  /**
   * Adds lost events, up to the greatest safe integer. A bus may claim again and again that its event log
   * begins at the greatest possible offset.
   */
  private addLost(lost: number): void {
    const most = Number.MAX_SAFE_INTEGER - this.lostBefore();
    this.current = { ...this.current, lost: Math.min(this.current.lost + lost, most) };
  }
}
