import { peekHeader, ReplyFormatError, type ReplyHeader, scanReply } from "../../codec/event_scanner.ts";
import {
  type Outcome,
  type Partition,
  type Place,
  type ReadRequest,
  type SourceContext,
  SourceError,
} from "../../contract/source.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import { REQUEST_MAX_MS } from "./bus_connection.ts";
import type { Bounds, BusLog, FetchReply } from "./bus_log.ts";
import { HistoryComparison } from "./history_comparison.ts";
import { ReadAhead } from "./read_ahead.ts";

/** How often the last event that was read is looked at again, in case the bus came back without a failed read. */
const COMPARISON_PAUSE_MS = 300_000;
/** Then reading goes on without a comparison. */
const UNREADABLE_LOOKS_MAX = 5;

/** A place, and the offset that it stands for. */
interface At extends Place {
  readonly offset: number | undefined;
}

/**
 * The log of a VaBus, read in order. A position is the offset of the next event, a lineage is the log's identity. While a reply is taken in, the
 * next one is under way. What is durable here is acknowledged with the next request, once the bus has been seen to have what was read of it.
 */
export class LogPartition implements Partition {
  readonly id = "";
  readonly replay = "from-position";
  readonly readMaxMs = REQUEST_MAX_MS;
  private readonly ahead = new ReadAhead();
  /** Events asked for: fewer after a reply that could not be read, so that what is readable before it still comes in. */
  private limit = Infinity;
  /** What the last reply says about itself, whether or not the rest of it can be read. */
  private header: ReplyHeader | undefined;
  /** When the bus is next asked whether it still has what was read: at the start, after a failure, and now and then. Monotonic. */
  private comparisonDueMs = -Infinity;
  /** Whether the bus has been seen to have what was read, since it last failed. Before that, nothing is acknowledged. */
  private isCompared = false;
  private unreadableLooks = 0;
  /** What the bus may forget. */
  private durable: { readonly log: string | undefined; readonly offset: number } | undefined;

  constructor(private readonly bus: BusLog, private readonly context: SourceContext) {}

  async read(
    from: Place,
    into: EventBatch,
    request: ReadRequest,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const at = located(from);
    // While nothing was read, no failed read told that the bus was away.
    if (request.isAfterRest) this.compareSoon();
    this.limit = Math.min(this.limit, request.limit);
    this.header = undefined;
    try {
      const outcome = await this.compareIfDue(at, signal) ?? await this.readOn(at, into, request, signal);
      this.limit = Math.min(request.limit, this.limit * 2);
      return outcome;
    } catch (error) {
      this.ahead.forget();
      this.compareSoon();
      if (!isUnreadable(error)) throw error;
      if (signal.aborted) throw new SourceError("incomplete", error.message);
      if (this.limit === 1) return await this.wayOut(at, error, signal);
      throw this.halve(at, request, error);
    }
  }

  committed({ lineage, position }: Place): Promise<void> {
    this.durable = position === undefined ? undefined : { log: lineage, offset: Number(position) };
    return Promise.resolve();
  }

  /** Acknowledges what is durable, to the bus that it was read from and to no other. */
  async farewell(place: Place, signal: AbortSignal): Promise<void> {
    const { lineage: log, offset, history } = located(place);
    if (log === undefined || offset === undefined) return;
    // A reply that came before the stop and was never taken in may be of a new log, which would forget what nobody has read.
    const unread = await this.ahead.untaken();
    if (unread && logOf(unread) !== log) return;
    try {
      // The last read was called off, or has failed: nobody knows what bus is there now.
      const last = await new HistoryComparison(this.bus, log, history).lookAtLast(signal);
      if (last !== "same" && last !== "trimmed") return;
      await this.bus.fetch({ offset, limit: 1, waitSeconds: 0, ack: this.durableOf(log) }, signal);
    } catch {
      // The next start acknowledges it.
    }
  }

  private async readOn(
    at: At,
    into: EventBatch,
    request: ReadRequest,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const waitSeconds = request.waitMs / 1000;
    const ahead = this.ahead.take(at.lineage, at.offset);
    const asked = ahead?.limit ?? this.limit;
    const reply = await (ahead?.reply ?? this.ask(at.lineage, at.offset, waitSeconds, signal));
    if (reply.kind !== "events") return await this.jump(at, reply, signal);
    this.askAhead(at, peekHeader(reply.body), waitSeconds, signal);
    return this.take(at, reply.body, into, asked);
  }

  private async ask(
    log: string | undefined,
    offset: number | undefined,
    waitSeconds: number,
    signal: AbortSignal,
  ): Promise<FetchReply> {
    const ack = this.isCompared ? this.durableOf(log) : undefined;
    const reply = await this.bus.fetch({ offset, limit: this.limit, waitSeconds, ack }, signal);
    if (reply.dateMs !== undefined) this.context.heardTime(reply.dateMs);
    return reply;
  }

  /**
   * Asks for what follows a reply, where the reply is the one that was asked for: of another log, neither its offsets nor what is durable here
   * mean anything to the bus.
   */
  private askAhead(at: At, head: ReplyHeader | undefined, waitSeconds: number, signal: AbortSignal): void {
    this.header = head;
    const leadsOn = head !== undefined && head.log === (at.lineage ?? head.log) &&
      head.offset === (at.offset ?? head.offset) && head.next > head.offset;
    if (!leadsOn || !this.context.mayReadAhead()) return;
    const { log, next: offset } = head;
    this.ahead.ask({
      log,
      offset,
      limit: this.limit,
      reply: this.ask(at.lineage, offset, waitSeconds, signal),
    });
  }

  private durableOf(log: string | undefined): number | undefined {
    return log !== undefined && this.durable?.log === log ? this.durable.offset : undefined;
  }

  private take(at: At, body: Uint8Array, into: EventBatch, asked: number): Outcome {
    const startedMs = this.context.clock.monotonicMs();
    const { log, offset, next } = scanReply(body, into, asked);
    const decodeMs = this.context.clock.monotonicMs() - startedMs;
    if (log !== at.lineage) {
      const elsewhere = this.whereLogGoesOn(log);
      if (elsewhere) return elsewhere;
      if (at.lineage !== undefined) {
        this.logReset(log);
        return { kind: "restarted", lineage: log, next: undefined, offset: undefined, lost: 0 };
      }
    }
    if (at.offset !== undefined && offset !== at.offset) {
      throw this.contradiction(`asked for offset ${at.offset}, the bus answered from ${offset}`);
    }
    return {
      kind: next === offset ? "idle" : "events",
      lineage: log,
      next: `${next}`,
      offset: next,
      // A log that was begun anew is read from its oldest event on.
      lost: at.lineage !== undefined && at.offset === undefined ? offset : 0,
      decodeMs,
    };
  }

  /** The log begins or ends elsewhere. */
  private async jump(at: At, reply: Bounds, signal: AbortSignal): Promise<Outcome> {
    const { kind, log, first, next } = reply;
    const asked = at.offset === undefined ? "its oldest event" : `offset ${at.offset}`;
    if (at.lineage !== log) {
      const elsewhere = this.whereLogGoesOn(log);
      if (elsewhere) return elsewhere;
      this.logReset(log);
      return { kind: "restarted", lineage: log, next: `${first}`, offset: first, lost: first };
    }
    if (kind === "trimmed") {
      const lost = first - (at.offset ?? 0);
      // Such as an answer to an earlier question.
      if (at.offset !== undefined && lost <= 0) {
        throw this.contradiction(
          `the bus says that it does not have ${asked}, but that its log begins at ${first}`,
        );
      }
      return { kind: "gap", lineage: log, next: `${first}`, offset: first, lost };
    }
    if (at.offset === undefined || next >= at.offset) {
      throw this.contradiction(
        `the bus says that it does not have ${asked}, but that its log goes on to ${next}`,
      );
    }
    return await this.goBack(at, next, signal);
  }

  /** A log that was read elsewhere goes on where it was left. Undefined: nobody knows it. @throws {SourceError} It is read elsewhere. */
  private whereLogGoesOn(log: string): Outcome | undefined {
    const twin = this.context.lineages.readerOf(log);
    if (twin !== undefined) {
      throw this.contradiction(
        `it is the same log as that of ${twin}: name this bus only once in VABUS_URL, or, where buses have exchanged their ` +
          "addresses, each by an address that no other one had",
      );
    }
    if (!this.context.lineages.isKnown(log)) return undefined;
    this.context.logger.info("the bus has moved: going on where its log was left", { bus: this.bus.name });
    this.compareSoon();
    return { kind: "moved", lineage: log };
  }

  private logReset(log: string): void {
    this.context.logger.error("the bus was reset: its log is another one; going on at its oldest event", {
      bus: this.bus.name,
      log,
    });
  }

  /**
   * A bus that was restored from a backup may have other events at offsets that were read, under the same identity. It is asked
   * before anything is acknowledged to it. Undefined: all is as it was.
   */
  private async compareIfDue(at: At, signal: AbortSignal): Promise<Outcome | undefined> {
    const { lineage, offset, history } = at;
    const { clock } = this.context;
    if (lineage === undefined || offset === undefined) return undefined;
    if (clock.monotonicMs() < this.comparisonDueMs) return undefined;
    const comparison = new HistoryComparison(this.bus, lineage, history);
    const look = await comparison.lookAtLast(signal);
    // The next fetch is told so too.
    if (look === "elsewhere") return undefined;
    if (look === "unreadable" && ++this.unreadableLooks < UNREADABLE_LOOKS_MAX) {
      throw this.contradiction("the last event that was read cannot be read again");
    }
    const isOther = look === "other" || look === "ended";
    const outcome = isOther
      ? await this.goBack(at, look === "other" ? offset : comparison.end, signal)
      : undefined;
    this.unreadableLooks = 0;
    this.comparisonDueMs = clock.monotonicMs() + COMPARISON_PAUSE_MS;
    this.isCompared = true;
    return outcome;
  }

  private compareSoon(): void {
    this.comparisonDueMs = -Infinity;
    this.isCompared = false;
  }

  /** Goes on where the bus's history and the one that was read part. `end`: that of the bus's log, or of what was read. */
  private async goBack({ lineage, offset, history }: At, end: number, signal: AbortSignal): Promise<Outcome> {
    const log = lineage!;
    const { next, unknown } = await new HistoryComparison(this.bus, log, history).parting(end, signal);
    this.context.logger.error(
      "the bus has other events, or fewer, than were read of the same log (restored from a backup?): going on at the last " +
        "offset at which both agree",
      {
        bus: this.bus.name,
        log,
        read_to: offset,
        going_on_at: next,
        ...(unknown > 0 && { perhaps_counted_twice: unknown }),
      },
    );
    // Offsets from there on are given out anew.
    const durable = this.durableOf(log);
    if (durable !== undefined) this.durable = { log, offset: Math.min(durable, next) };
    this.ahead.forget();
    return { kind: "returned", lineage: log, next: `${next}`, offset: next, doubtful: unknown };
  }

  private halve(at: At, { limit }: ReadRequest, error: Error): SourceError {
    if (this.limit === limit) {
      this.context.logger.warn(
        `a reply of the bus cannot be read: ${error.message}; asking for fewer events`,
        {
          bus: this.bus.name,
          offset: at.offset,
        },
      );
    }
    this.limit >>= 1;
    return new SourceError("smaller", error.message);
  }

  /** What an operator can do, now that it is down to a single event; nothing is skipped without this word. @throws {SourceError} */
  private async wayOut(at: At, error: Error, signal: AbortSignal): Promise<Outcome> {
    const learnt = at.offset === undefined ? await this.learnOffset(at, signal) : undefined;
    // The next read, from there, says the word.
    if (learnt !== undefined) return learnt;
    const word = at.offset === undefined
      ? ""
      : `. To give up the event at offset ${at.offset}, start once with --skip-to ${this.bus.name}=${
        at.offset + 1
      }`;
    const retryAfterMs = error instanceof SourceError ? error.retryAfterMs : undefined;
    throw new SourceError("incomplete", error.message + word, retryAfterMs);
  }

  /** Where a log begins of which nothing could be read yet: by the head of the reply, else by what the bus says of itself. */
  private async learnOffset(at: At, signal: AbortSignal): Promise<Outcome | undefined> {
    try {
      const { log, offset } = this.header ?? await this.bus.oldest(signal);
      if (at.lineage !== log) {
        const elsewhere = this.whereLogGoesOn(log);
        if (elsewhere) return elsewhere;
        if (at.lineage !== undefined) return undefined;
      }
      const lost = at.lineage === undefined ? 0 : offset;
      return { kind: "gap", lineage: log, next: `${offset}`, offset, lost };
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      // It stays unknown, and is asked for again with the next failure.
      return undefined;
    }
  }

  private contradiction(said: string): SourceError {
    return new SourceError("garbage", said);
  }
}

/** Whether the reply itself is at fault: one of fewer events may be readable. */
function isUnreadable(error: unknown): error is ReplyFormatError | SourceError {
  return error instanceof ReplyFormatError || (error instanceof SourceError && error.kind === "incomplete");
}

function located(place: Place): At {
  return { ...place, offset: place.position === undefined ? undefined : Number(place.position) };
}

function logOf(reply: FetchReply): string | undefined {
  return reply.kind === "events" ? peekHeader(reply.body)?.log : reply.log;
}
