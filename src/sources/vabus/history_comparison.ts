import { EventBatch } from "../../event/event_batch.ts";
import { scanReply } from "../../codec/reply_scanner.ts";
import { ReplyFormatError } from "../../codec/json_bytes.ts";
import { type Fingerprint, hasFingerprint, type LogHistory } from "../../event/log_history.ts";
import { SourceError } from "../../contract/source.ts";
import type { BusLog } from "./bus_log.ts";

/** The point where the present history of a bus and the one that was read diverge. */
export interface Parting {
  /**
   * Offset after the last event that both have. Events that cannot be compared any more count as the same.
   */
  readonly next: number;
  /** Events from there on without a fingerprint, which may be the same. */
  readonly unknown: number;
}

/**
 * What the bus has at the offset of an event now. `ended`: the event log ends before it. `elsewhere`: it is
 * another event log. `unreadable`: the reply cannot be read.
 */
export type Look = "same" | "other" | "trimmed" | "ended" | "elsewhere" | "unreadable";

/**
 * Compares single events of a bus with the fingerprints of what was read. A bus that was restored from a
 * backup keeps the identity of its event log.
 */
export class HistoryComparison {
  private readonly batch = new EventBatch();
  /** Oldest offset of the bus, as far as it is known. */
  private oldest = 0;
  /** End of the event log, where a reply has told it. */
  end = 0;

  constructor(
    private readonly bus: BusLog,
    private readonly log: string,
    private readonly history: LogHistory,
  ) {}

  /** Compares the last event that was read; `same` where no fingerprint is known. @throws {SourceError} */
  async lookAtLast(signal: AbortSignal): Promise<Look> {
    if (this.history.size === 0) return "same";
    return await this.look(this.history.at(this.history.size - 1), signal);
  }

  /**
   * Finds the point where the histories diverge, with some twenty reads at most.
   *
   * @param end The end of the bus's event log, or of what was read, whichever comes first.
   * @throws {SourceError} It cannot be found out now.
   */
  async parting(end: number, signal: AbortSignal): Promise<Parting> {
    const { history } = this;
    const count = history.countBefore(end);
    let [same, other] = [0, count];
    while (same < other) {
      const middle = (same + other) >> 1;
      const look = await this.look(history.at(middle), signal);
      if (look === "other") other = middle;
      // Where an event was trimmed away, so was everything before it.
      else if (look === "same" || look === "trimmed") same = middle + 1;
      else throw this.contradiction(history.at(middle).offset);
    }
    const firstOther = same < count ? history.at(same).offset : end;
    const next = same > 0 ? Math.max(history.at(same - 1).offset + 1, this.oldest) : firstOther;
    return { next, unknown: Math.max(0, firstOther - next) };
  }

  private async look({ offset, hash }: Fingerprint, signal: AbortSignal): Promise<Look> {
    const reply = await this.bus.look(offset, signal);
    if (reply.kind !== "events") {
      if (reply.log !== this.log) return "elsewhere";
      if (reply.kind === "trimmed" && reply.first > offset) {
        this.oldest = reply.first;
        return "trimmed";
      }
      if (reply.kind === "trimmed" || reply.next > offset) throw this.contradiction(offset);
      this.end = reply.next;
      return "ended";
    }
    try {
      const header = scanReply(reply.body, this.batch, 1);
      if (header.log !== this.log) return "elsewhere";
      if (header.offset !== offset) throw this.contradiction(offset);
    } catch (error) {
      if (error instanceof ReplyFormatError) return "unreadable";
      throw error;
    }
    this.end = offset;
    if (this.batch.total === 0) return "ended";
    return hasFingerprint(this.batch, hash) ? "same" : "other";
  }

  private contradiction(offset: number): SourceError {
    return new SourceError("garbage", `${this.bus.name}: it does not show the event at offset ${offset}`);
  }
}
