import { type ReplyHeader, ReplyScanner } from "../../codec/reply_scanner.ts";
import { mappedNow } from "../../codec/mapping/element_reader.ts";
import type { RecordReader } from "../../codec/mapping/record_reader.ts";
import {
  type Outcome,
  type Partition,
  type Progress,
  type ReadRequest,
  type SourceContext,
  SourceError,
} from "../../contract/source.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import { REQUEST_MAX_MS } from "./bus_connection.ts";
import type { Bounds, BusLog, FetchReply } from "./bus_log.ts";
import { HistoryComparison } from "./history_comparison.ts";
import { HistoryWatch } from "./history_watch.ts";
import { KnownLogs } from "./known_logs.ts";
import { located, type LogProgress } from "./log_progress.ts";
import { contradiction, isUnreadable, logOf } from "./log_reply.ts";
import { ReadAhead } from "./read_ahead.ts";

/**
 * The event log of a VaBus, read in order. A position is the offset of the next event; a lineage is the
 * identity of the event log. The next request is under way while a reply is taken in. It acknowledges what is
 * durable here, once the bus has been compared with what was read.
 */
export class LogPartition implements Partition {
  readonly id = "";
  readonly replay = "from-position";
  readonly readMaxMs = REQUEST_MAX_MS;
  private readonly ahead = new ReadAhead();
  private readonly watch: HistoryWatch;
  private readonly logs: KnownLogs;
  /**
   * Events per request: fewer after a reply that could not be read, so that the readable events before the
   * fault still come in.
   */
  private limit = Infinity;
  /** The header of the last reply, whether or not the rest of the reply can be read. */
  private header: ReplyHeader | undefined;
  /** The position that may be acknowledged. */
  private durable: { readonly log: string | undefined; readonly offset: number } | undefined;

  constructor(
    private readonly bus: BusLog,
    private readonly context: SourceContext,
    private readonly reader: RecordReader | undefined,
  ) {
    this.watch = new HistoryWatch(bus, context);
    this.logs = new KnownLogs(bus, context, this.watch, this.id);
  }

  async read(
    from: Progress,
    into: EventBatch,
    request: ReadRequest,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const at = located(from);
    if (at === undefined) {
      throw new SourceError(
        "refused",
        `${this.bus.name}: the state says that it was read to ${from.position}, which is no offset: ` +
          "was it another bus before? Give this one another URL, or the handler another STATE_DIR",
      );
    }
    if (request.isAfterRest || this.watch.isUnseen) this.compareAnew();
    this.limit = Math.min(this.limit, request.limit);
    this.header = undefined;
    try {
      const outcome = await this.watch.compareIfDue(at, signal) ??
        await this.readOn(at, into, request, signal);
      if (outcome.kind === "returned") this.giveOutAnew(outcome.offset!);
      this.limit = Math.min(request.limit, this.limit * 2);
      return outcome;
    } catch (error) {
      this.compareAnew();
      if (!isUnreadable(error)) throw error;
      if (signal.aborted) throw new SourceError("incomplete", error.message);
      if (this.limit === 1) return await this.wayOut(at, error, signal);
      throw this.halve(at, request, error);
    }
  }

  committed(progress: Progress): Promise<void> {
    const { lineage, offset } = located(progress) ?? {};
    this.durable = offset === undefined ? undefined : { log: lineage, offset };
    return Promise.resolve();
  }

  /**
   * The identity comes from the header of a reply with the oldest event, which every bus has; else from what
   * the bus reports about itself.
   */
  async lineageNow(signal: AbortSignal): Promise<string> {
    const reply = await this.bus.fetch(
      { offset: undefined, limit: 1, waitSeconds: 0, ack: undefined },
      signal,
    );
    return logOf(reply) ?? (await this.bus.oldest(signal)).log;
  }

  /** Acknowledges what is durable, but only to the event log that it was read from. */
  async farewell(progress: Progress, signal: AbortSignal): Promise<void> {
    const { lineage: log, offset, history } = located(progress) ?? { ...progress, offset: undefined };
    if (log === undefined || offset === undefined) return;
    // A reply that was never taken in may be of a new event log, which would drop events that nobody has
    // read.
    const unread = await this.ahead.untaken();
    if (unread && logOf(unread) !== log) return;
    try {
      // The last read was aborted or has failed, so the bus may have been exchanged.
      const last = await new HistoryComparison(this.bus, log, history).lookAtLast(signal);
      if (last !== "same" && last !== "trimmed") return;
      await this.bus.fetch({ offset, limit: 1, waitSeconds: 0, ack: this.durableOf(log) }, signal);
    } catch {
      // Errors do not matter: the next start acknowledges it.
    }
  }

  private async readOn(
    at: LogProgress,
    into: EventBatch,
    request: ReadRequest,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const waitSeconds = request.waitMs / 1000;
    const ahead = this.ahead.take(at.lineage, at.offset);
    const asked = ahead?.limit ?? this.limit;
    const reply = await (ahead?.reply ?? this.ask(at.lineage, at.offset, waitSeconds, signal));
    if (reply.kind !== "events") return await this.jump(at, reply, signal);
    const scanner = new ReplyScanner(reply.body, into, asked, mappedNow(this.reader, this.context.clock));
    this.askAhead(at, scanner.readHead(), waitSeconds, signal);
    return await this.take(at, scanner, signal);
  }

  private async ask(
    log: string | undefined,
    offset: number | undefined,
    waitSeconds: number,
    signal: AbortSignal,
  ): Promise<FetchReply> {
    const ack = this.watch.isCompared(log) ? this.durableOf(log) : undefined;
    const reply = await this.bus.fetch({ offset, limit: this.limit, waitSeconds, ack }, signal);
    this.watch.answered();
    if (reply.dateMs !== undefined) this.context.heardTime(reply.dateMs);
    return reply;
  }

  /**
   * Requests the events after a reply, where the reply is the expected one. For another event log, neither
   * its offsets nor what is durable here would mean anything to the bus.
   */
  private askAhead(
    at: LogProgress,
    head: ReplyHeader | undefined,
    waitSeconds: number,
    signal: AbortSignal,
  ): void {
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

  private async take(at: LogProgress, scanner: ReplyScanner, signal: AbortSignal): Promise<Outcome> {
    const startedMs = this.context.clock.monotonicMs();
    const { log, offset, next } = scanner.readRest();
    const decodeMs = this.context.clock.monotonicMs() - startedMs;
    if (log !== at.lineage) {
      const elsewhere = await this.logs.whereItGoesOn(log, signal);
      if (elsewhere) return elsewhere;
      if (at.lineage !== undefined) {
        this.logReset(log);
        return { kind: "restarted", lineage: log, next: undefined, offset: undefined, lost: 0 };
      }
    }
    if (at.offset !== undefined && offset !== at.offset) {
      throw contradiction(`asked for offset ${at.offset}, the bus answered from ${offset}`);
    }
    return {
      kind: next === offset ? "idle" : "events",
      lineage: log,
      next: `${next}`,
      offset: next,
      // An event log that was begun anew is read from its oldest event on.
      lost: at.lineage !== undefined && at.offset === undefined ? offset : 0,
      decodeMs,
    };
  }

  /** Decides where to go on when the event log does not have the offset that was asked for. */
  private async jump(at: LogProgress, reply: Bounds, signal: AbortSignal): Promise<Outcome> {
    const { kind, log, first, next } = reply;
    const asked = at.offset === undefined ? "its oldest event" : `offset ${at.offset}`;
    if (at.lineage !== log) {
      const elsewhere = await this.logs.whereItGoesOn(log, signal);
      if (elsewhere) return elsewhere;
      this.logReset(log);
      return { kind: "restarted", lineage: log, next: `${first}`, offset: first, lost: first };
    }
    if (kind === "trimmed") {
      const lost = first - (at.offset ?? 0);
      // It may be the answer to an earlier request.
      if (at.offset !== undefined && lost <= 0) {
        throw contradiction(
          `the bus says that it does not have ${asked}, but that its log begins at ${first}`,
        );
      }
      return { kind: "gap", lineage: log, next: `${first}`, offset: first, lost };
    }
    if (at.offset === undefined || next >= at.offset) {
      throw contradiction(
        `the bus says that it does not have ${asked}, but that its log goes on to ${next}`,
      );
    }
    return await this.watch.goBack(at, next, signal);
  }

  /** The bus may be another one by now. What it has answered ahead is beyond what is compared. */
  private compareAnew(): void {
    this.ahead.forget();
    this.watch.compareSoon();
  }

  /** Takes back what concerns the offsets from this one on, since the bus gives them to other events now. */
  private giveOutAnew(offset: number): void {
    this.ahead.forget();
    if (this.durable !== undefined) {
      this.durable = { ...this.durable, offset: Math.min(this.durable.offset, offset) };
    }
  }

  private logReset(log: string): void {
    this.context.logger.error("the bus was reset: its log is another one; going on at its oldest event", {
      bus: this.bus.name,
      log,
    });
  }

  private halve(at: LogProgress, { limit }: ReadRequest, error: Error): SourceError {
    if (this.limit === limit) {
      this.context.logger.warn(
        `a reply of the bus cannot be read: ${error.message}; asking for fewer events`,
        { bus: this.bus.name, offset: at.offset },
      );
    }
    this.limit >>= 1;
    return new SourceError("smaller", error.message);
  }

  /**
   * The advice for an operator where a single event cannot be read. No event is skipped without the
   * operator's order.
   *
   * @throws {SourceError}
   */
  private async wayOut(at: LogProgress, error: Error, signal: AbortSignal): Promise<Outcome> {
    const learnt = at.offset === undefined ? await this.learnOffset(at, signal) : undefined;
    // The next read, from there, gives the advice.
    if (learnt !== undefined) return learnt;
    const word = at.offset === undefined
      ? ""
      : `. To give up the event at offset ${at.offset}, start once with --skip-to ${this.bus.name}=${
        at.offset + 1
      }`;
    const retryAfterMs = error instanceof SourceError ? error.retryAfterMs : undefined;
    throw new SourceError("incomplete", error.message + word, retryAfterMs);
  }

  /**
   * Finds the beginning of an event log of which nothing could be read yet: in the header of the reply, else
   * in what the bus reports about itself.
   */
  private async learnOffset(at: LogProgress, signal: AbortSignal): Promise<Outcome | undefined> {
    try {
      const { log, offset } = this.header ?? await this.bus.oldest(signal);
      if (at.lineage !== undefined && at.lineage !== log) return undefined;
      const elsewhere = at.lineage === undefined ? await this.logs.whereItGoesOn(log, signal) : undefined;
      if (elsewhere) return elsewhere;
      const lost = at.lineage === undefined ? 0 : offset;
      return { kind: "gap", lineage: log, next: `${offset}`, offset, lost };
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      // It stays unknown. The next failure asks for it again.
      return undefined;
    }
  }
}
