import { type Outcome, type SourceContext, SourceError } from "../../contract/source.ts";
import type { BusLog } from "./bus_log.ts";
import { HistoryComparison } from "./history_comparison.ts";
import type { LogProgress } from "./log_progress.ts";

/**
 * How often the last event that was read is compared again, in case the bus was restored without a failed
 * read.
 */
const PAUSE_MS = 300_000;
/**
 * A bus that has not answered for so long may have been restored, and no failed read would show it. Pauses
 * between reads that find nothing are shorter.
 */
const UNSEEN_MAX_MS = 2000;
/** After this many failures, reading goes on without a comparison. */
const UNREADABLE_LOOKS_MAX = 5;

/**
 * Checks that a bus still has the events that were read, before anything is acknowledged to it. A bus that
 * was restored from a backup may have other events at the offsets that were read, under the same identity.
 */
export class HistoryWatch {
  /** When the next comparison is due: at the start, after a failure, and from time to time. Monotonic. */
  private dueMs = -Infinity;
  /** The event log that was compared since the last failure. */
  private comparedLog: string | undefined;
  private unreadableLooks = 0;
  /** When the bus last answered. Monotonic. */
  private answeredMs = -Infinity;

  constructor(private readonly bus: BusLog, private readonly context: SourceContext) {}

  /** Notes that the bus may have been exchanged or restored. */
  compareSoon(): void {
    this.dueMs = -Infinity;
    this.comparedLog = undefined;
  }

  /** Notes that the bus has answered. */
  answered(): void {
    this.answeredMs = this.context.clock.monotonicMs();
  }

  /** Whether the bus may have been exchanged or restored since it last answered. */
  get isUnseen(): boolean {
    return this.context.clock.monotonicMs() - this.answeredMs > UNSEEN_MAX_MS;
  }

  isCompared(log: string | undefined): boolean {
    return log !== undefined && this.comparedLog === log;
  }

  /** Compares where that is due. Undefined: nothing has changed, or it is not due. @throws {SourceError} */
  async compareIfDue(at: LogProgress, signal: AbortSignal): Promise<Outcome | undefined> {
    const { lineage, offset, history } = at;
    const { clock } = this.context;
    if (lineage === undefined || offset === undefined) return undefined;
    if (this.isCompared(lineage) && clock.monotonicMs() < this.dueMs) return undefined;
    const comparison = new HistoryComparison(this.bus, lineage, history);
    const look = await comparison.lookAtLast(signal);
    // The next fetch will report it as well.
    if (look === "elsewhere") return undefined;
    if (look === "unreadable" && ++this.unreadableLooks < UNREADABLE_LOOKS_MAX) {
      throw new SourceError(
        "garbage",
        `${this.bus.name}: the last event that was read cannot be read again`,
      );
    }
    const isOther = look === "other" || look === "ended";
    const outcome = isOther
      ? await this.goBack(at, look === "other" ? offset : comparison.end, signal)
      : undefined;
    this.unreadableLooks = 0;
    this.dueMs = clock.monotonicMs() + PAUSE_MS;
    this.comparedLog = lineage;
    return outcome;
  }

  /**
   * Moves to the point where the bus's history and the one that was read diverge.
   *
   * @param end The end of the bus's event log, or of what was read.
   * @throws {SourceError}
   */
  async goBack(
    { lineage, offset, history }: LogProgress,
    end: number,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const log = lineage!;
    const { next, unknown } = await new HistoryComparison(this.bus, log, history).parting(end, signal);
    this.context.logger.error(
      "the bus has other events, or fewer, than were read of the same log (restored from a backup?): " +
        "going on at the last offset at which both agree",
      {
        bus: this.bus.name,
        log,
        read_to: offset,
        going_on_at: next,
        ...(unknown > 0 && { perhaps_counted_twice: unknown }),
      },
    );
    return { kind: "returned", lineage: log, next: `${next}`, offset: next, doubtful: unknown };
  }
}
