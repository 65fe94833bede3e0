import { SourceError } from "../../contract/source.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Logger } from "../../platform/log/logger.ts";
import type { PartitionFeed } from "./partition_feed.ts";

/** What holds records back for so long is told of. */
const TELL_AFTER_MS = 60_000;
/**
 * From then on the partition counts as one that cannot be read. Brokers end a transaction themselves after
 * `transaction.max.timeout.ms`, 15 minutes by default. So one that is older is left over: nothing ends it.
 */
const FAIL_AFTER_MS = 16 * 60_000;

/** Of a transaction that may have begun just now. */
const LEFT =
  "records wait behind a transaction that is still open: nothing is lost, and the next run reads " +
  "them once it has ended. If it does not end, kafka-transactions.sh shows it (find-hanging) and ends it " +
  "(abort)";

/** What the ends of a partition say about records that cannot be read. */
type Obstacle = "open transaction" | "end before position";

/**
 * Watches for a partition that stands still though it has records: a transaction is open, and what is behind
 * it is read only once it has ended; or the brokers say that the partition ends before what was read of it.
 */
export class Standstill {
  private obstacle: Obstacle | undefined;
  private stableEnd = 0;
  private sinceMs = 0;
  private toldMs = -Infinity;

  /** @param endsWhenRead Whether the first read that finds nothing is the last: it is told of at once. */
  constructor(
    private readonly clock: Pick<Clock, "monotonicMs">,
    private readonly logger: Logger,
    private readonly endsWhenRead: boolean,
  ) {}

  /**
   * Called when a read has found nothing.
   *
   * @throws {SourceError} It has stood still for so long that it does not go on by itself.
   */
  check({ at, ends: { end, stableEnd }, name }: Pick<PartitionFeed, "at" | "ends" | "name">): void {
    const nowMs = this.clock.monotonicMs();
    const found: Obstacle | undefined = end < at
      ? "end before position"
      : at >= stableEnd && stableEnd < end
      ? "open transaction"
      : undefined;
    // Where the end moves, it is another transaction that is open now, as is usual.
    if (found !== this.obstacle || stableEnd !== this.stableEnd) this.sinceMs = this.toldMs = nowMs;
    this.obstacle = found;
    this.stableEnd = stableEnd;
    if (found === undefined) return;
    if (nowMs - this.sinceMs >= FAIL_AFTER_MS) {
      throw new SourceError("unavailable", `${name}: ${problemOf(found)}: it is at offset ${at}, of ${end}`);
    }
    const isLeft = this.endsWhenRead && found === "open transaction";
    if (!isLeft && nowMs - this.toldMs < TELL_AFTER_MS) return;
    this.toldMs = nowMs;
    this.logger.warn(isLeft ? LEFT : problemOf(found), { partition: name, at, stable_end: stableEnd, end });
  }
}

function problemOf(found: Obstacle): string {
  return found === "open transaction"
    ? "a producer has left a transaction open: the records behind it are read once it has ended, which " +
      "kafka-transactions.sh shows (find-hanging) and can bring about (abort)"
    : "the brokers say that the partition ends before what was read of it: is one of them behind, or " +
      "restored from a backup?";
}
