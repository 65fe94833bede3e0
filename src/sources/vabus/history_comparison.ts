import { EventBatch } from "../../event/event_batch.ts";
import { scanReply } from "../../codec/reply_scanner.ts";
import { ReplyFormatError } from "../../codec/json_bytes.ts";
import { type Fingerprint, hasFingerprint, type LogHistory } from "../../event/log_history.ts";
import { SourceError } from "../../contract/source.ts";
import type { BusLog } from "./bus_log.ts";

/** Where the history that a bus has now and the one that was read part. */
export interface Parting {
  /** Offset after the last event that both have; what cannot be compared any more counts as the same. */
  readonly next: number;
  /** Events from there on of which nothing is known, so that they may be the same. */
  readonly unknown: number;
}

/**
 * What the place of an event holds now. `ended`: the log ends before it. `elsewhere`: it is another log. `unreadable`: nothing
 * can be made of the reply.
 */
export type Look = "same" | "other" | "trimmed" | "ended" | "elsewhere" | "unreadable";

/** Compares single events of a bus with what was read of its log. A bus that was restored from a backup keeps the log's identity. */
export class HistoryComparison {
  private readonly batch = new EventBatch();
  /** Oldest offset that the bus has, as far as it has said. */
  private oldest = 0;
  /** Where the log ends, after a look that said so. */
  end = 0;

  constructor(
    private readonly bus: BusLog,
    private readonly log: string,
    private readonly history: LogHistory,
  ) {}

  /** Looks at the last event that was read; `same` where nothing is known of any. @throws {SourceError} */
  async lookAtLast(signal: AbortSignal): Promise<Look> {
    if (this.history.size === 0) return "same";
    return await this.look(this.history.at(this.history.size - 1), signal);
  }

  /**
   * Looks for the place where the two part, by some twenty looks at most.
   *
   * @param end Where the bus's log ends, or what was read of it, whichever comes first.
   * @throws {SourceError} It cannot be found out just now.
   */
  async parting(end: number, signal: AbortSignal): Promise<Parting> {
    const { history } = this;
    const count = history.countBefore(end);
    let [same, other] = [0, count];
    while (same < other) {
      const middle = (same + other) >> 1;
      const look = await this.look(history.at(middle), signal);
      if (look === "other") other = middle;
      // What was trimmed away was trimmed with all before it.
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
