import type { Logger } from "../log/logger.ts";
import { isWaitedOut } from "../store/state_error.ts";
import { EventBatch } from "../vabus/event_batch.ts";
import { peekHeader, ReplyFormatError, type ReplyHeader, scanReply } from "../vabus/event_scanner.ts";
import { type FetchReply, type Source, SourceError } from "../vabus/source.ts";
import { Backoff } from "../clock/backoff.ts";
import type { Clock } from "../clock/clock.ts";
import { Pulse } from "../clock/pulse.ts";
import { REQUEST_MAX_MS } from "../vabus/bus_connection.ts";
import { DRAIN_PATIENCE_MS, type Ingest } from "./ingest.ts";

export interface BusReaderOptions {
  readonly batchSize: number;
  /** How long a fetch may wait at the bus for the first event. */
  readonly waitSeconds: number;
}

/** How a {@link BusReader.drain} ended: nothing more to fetch, or why not. */
export type DrainResult = { readonly drained: true } | { readonly drained: false; readonly reason: string };

/** Failed polls in a row after which a drain gives up. */
const DRAIN_ATTEMPTS = 4;
const FAREWELL_MS = 2000;

/** Reads one bus in order: fetch, scan, hand over. The next fetch is under way while this reply is aggregated. */
export class BusReader {
  readonly pulse: Pulse;
  private readonly batch = new EventBatch();
  private readonly backoff: Backoff;
  private prefetch: { readonly offset: number; readonly reply: Promise<FetchReply> } | undefined;
  /** Events asked for: fewer after a reply that could not be read, so that what is readable before it still comes in. */
  private limit: number;

  constructor(
    private readonly source: Source,
    /** The bus's number in the aggregator. */
    private readonly bus: number,
    private readonly ingest: Ingest,
    private readonly options: BusReaderOptions,
    private readonly clock: Clock,
    random: () => number,
    private readonly logger: Logger,
  ) {
    this.backoff = new Backoff(random);
    this.limit = options.batchSize;
    this.pulse = new Pulse(clock);
  }

  /** Reads until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.ingest.mayFetch(signal, this.pulse);
      if (signal.aborted) break;
      await this.step(this.options.waitSeconds, signal);
      this.ingest.checkpointIfDue();
    }
    this.pulse.end();
  }

  /** Reads until the bus has nothing more, and then counts as idle; gives up when it is out of reach or nothing may be fetched. */
  async drain(signal: AbortSignal): Promise<DrainResult> {
    while (!signal.aborted) {
      await this.ingest.mayFetch(signal, this.pulse, DRAIN_PATIENCE_MS);
      if (this.ingest.obstacle) return { drained: false, reason: this.ingest.obstacle.detail };
      const outcome = await this.step(0, signal);
      if (outcome === "empty") {
        this.ingest.setIdle(this.bus);
        return { drained: true };
      }
      if (outcome === "failed" && this.backoff.attempts >= DRAIN_ATTEMPTS) {
        return { drained: false, reason: this.state.failure ?? `${this.source.name}: out of reach` };
      }
      this.ingest.checkpointIfDue();
    }
    return { drained: false, reason: `${this.source.name}: stopped` };
  }

  /** Tells the bus what is durable here, after the last checkpoint; the bus works without it too. */
  async acknowledge(): Promise<void> {
    const { log, nextOffset } = this.state.position;
    // What was durable is gone with the state: the bus must keep what it still has.
    if (nextOffset === undefined || this.ingest.obstacle?.name === "state_gone") return;
    // A reply that came before the stop and was never taken in may be of a new log, which would forget what nobody has read.
    const unread = await this.prefetch?.reply.catch(() => undefined);
    if (unread && logOf(unread) !== log) return;
    const answered = new AbortController();
    const timeout = new AbortController();
    void this.clock.sleep(FAREWELL_MS, answered.signal).then(() => timeout.abort());
    try {
      await this.source.fetch(
        { offset: nextOffset, limit: 1, waitSeconds: 0, ack: this.state.committedOffset },
        timeout.signal,
      );
    } catch {
      // The next start acknowledges it.
    } finally {
      answered.abort();
    }
  }

  private get state() {
    return this.ingest.buses[this.bus]!;
  }

  private async step(waitSeconds: number, signal: AbortSignal): Promise<"events" | "empty" | "failed"> {
    const startedMs = this.clock.monotonicMs();
    this.pulse.expect("the answer of the bus", REQUEST_MAX_MS + waitSeconds * 1000);
    try {
      const reply = await this.fetch(waitSeconds, signal);
      const eventCount = reply.kind === "events"
        ? this.take(reply.body, waitSeconds, signal)
        : this.jump(reply);
      this.ingest.pollSucceeded(this.bus);
      if (this.backoff.attempts > 0) this.logger.info("the bus answers again", { bus: this.state.name });
      this.backoff.reset();
      this.limit = Math.min(this.options.batchSize, this.limit * 2);
      if (eventCount > 0) return "events";
      if (reply.kind === "events") this.ingest.pollWasEmpty(this.bus, this.clock.monotonicMs() - startedMs);
      return reply.kind === "events" ? "empty" : "events";
    } catch (error) {
      if (signal.aborted) return "failed";
      if (!isPassing(error)) throw error;
      await this.fail(error, signal);
      return "failed";
    }
  }

  private fetch(waitSeconds: number, signal: AbortSignal): Promise<FetchReply> {
    const { nextOffset } = this.state.position;
    const prefetch = this.prefetch;
    this.prefetch = undefined;
    if (prefetch && prefetch.offset === nextOffset) return prefetch.reply;
    return this.request(nextOffset, waitSeconds, signal);
  }

  private request(offset: number | undefined, waitSeconds: number, signal: AbortSignal): Promise<FetchReply> {
    return this.source.fetch(
      { offset, limit: this.limit, waitSeconds, ack: this.state.committedOffset },
      signal,
    );
  }

  /** Takes a reply in; returns its number of events. */
  private take(body: Uint8Array, waitSeconds: number, signal: AbortSignal): number {
    const { position } = this.state;
    const peeked = peekHeader(body);
    // Only where this reply is the one that was asked for: of another log, neither its offsets nor what is durable here mean
    // anything to the bus.
    const leadsOn = peeked !== undefined && peeked.log === (position.log ?? peeked.log) &&
      peeked.offset === (position.nextOffset ?? peeked.offset) && peeked.next > peeked.offset;
    if (leadsOn && !this.ingest.obstacle) {
      const { next } = peeked;
      const reply = this.request(next, waitSeconds, signal);
      // Looked at when its turn comes; until then its failure is nobody's unhandled rejection.
      reply.catch(() => {});
      this.prefetch = { offset: next, reply };
    }
    return this.ingest.measured(() => {
      const header = scanReply(body, this.batch);
      if (position.log !== undefined && header.log !== position.log) return this.startAnew(header);
      if (position.log === undefined) this.refuseTwin(header.log);
      if (position.nextOffset === undefined) {
        const known = position.log === undefined ? this.ingest.positionOfLog(header.log) : undefined;
        if (known) return this.resume(header.log, known.nextOffset);
        if (position.log !== undefined && header.offset > 0) this.reportLost(header.offset);
        this.ingest.skipTo(
          this.bus,
          header.log,
          header.offset,
          position.log === undefined ? 0 : header.offset,
        );
      } else if (header.offset !== position.nextOffset) {
        throw new ReplyFormatError(
          `asked for offset ${position.nextOffset}, the bus answered from ${header.offset}`,
        );
      }
      if (header.next === header.offset) return 0;
      this.ingest.accept(this.bus, this.batch, header.log, header.next);
      this.batch.release();
      return header.next - header.offset;
    });
  }

  private refuseTwin(log: string): void {
    const twin = this.ingest.otherReaderOf(log, this.bus);
    if (twin === undefined) return;
    throw new ReplyFormatError(
      `it is the same log as that of ${twin}: name this bus only once in VABUS_URL, or, where buses have exchanged their ` +
        "addresses, each by an address that no other one had",
    );
  }

  /** A reply of another log: nothing of it is taken in; the next fetch asks for the oldest event of the new log. */
  private startAnew(header: ReplyHeader): number {
    this.refuseTwin(header.log);
    const known = this.ingest.positionOfLog(header.log);
    if (known) return this.resume(header.log, known.nextOffset);
    this.logger.error("the bus was reset: its log is another one; going on at its oldest event", {
      bus: this.state.name,
      log: header.log,
    });
    this.ingest.skipTo(this.bus, header.log, undefined, 0);
    return 1;
  }

  private resume(log: string, nextOffset: number | undefined): number {
    this.logger.info("the bus has moved: going on where its log was left", { bus: this.state.name });
    this.ingest.resume(this.bus, log, nextOffset);
    return 1;
  }

  /** The log begins or ends elsewhere. Returns 0: no events. */
  private jump(reply: Exclude<FetchReply, { kind: "events" }>): number {
    const { log, nextOffset } = this.state.position;
    if (log !== reply.log) {
      this.refuseTwin(reply.log);
      const known = this.ingest.positionOfLog(reply.log);
      if (known) return this.resume(reply.log, known.nextOffset);
      this.logger.error("the bus was reset: going on at its oldest event", {
        bus: this.state.name,
        log: reply.log,
        first: reply.first,
      });
      return this.skip(reply.log, reply.first, reply.first);
    }
    if (reply.kind === "trimmed") {
      const lost = reply.first - (nextOffset ?? 0);
      if (nextOffset !== undefined && lost <= 0) throw this.contradiction(`its log begins at ${reply.first}`);
      return this.skip(log, reply.first, lost);
    }
    if (nextOffset === undefined || reply.next >= nextOffset) {
      throw this.contradiction(`its log goes on to ${reply.next}`);
    }
    // Same log: what the bus has lost of it we have, and asking for the oldest event would count the rest twice.
    this.logger.error("the bus has lost the end of its log: going on where it ends now", {
      bus: this.state.name,
      offset: nextOffset,
      next: reply.next,
    });
    return this.skip(log, reply.next, 0);
  }

  private skip(log: string, nextOffset: number, lost: number): number {
    if (lost > 0) this.reportLost(lost);
    this.ingest.skipTo(this.bus, log, nextOffset, lost);
    return 0;
  }

  /** Such as an answer to an earlier question. */
  private contradiction(said: string): ReplyFormatError {
    const { nextOffset } = this.state.position;
    const asked = nextOffset === undefined ? "its oldest event" : `offset ${nextOffset}`;
    return new ReplyFormatError(`the bus says that it does not have ${asked}, but that ${said}`);
  }

  private reportLost(events: number): void {
    this.logger.error("events were trimmed from the bus before they were fetched: they are lost", {
      bus: this.state.name,
      events,
    });
  }

  private async fail(error: Error, signal: AbortSignal): Promise<void> {
    this.prefetch = undefined;
    const isUnreadable = error instanceof ReplyFormatError ||
      (error instanceof SourceError && error.kind === "garbage");
    const message = isUnreadable ? error.message + this.wayOut() : error.message;
    if (isUnreadable) this.limit = Math.max(1, this.limit >> 1);
    this.ingest.pollFailed(this.bus, message);
    const retryAfterMs = error instanceof SourceError ? error.retryAfterMs : undefined;
    const waitMs = this.backoff.nextMs(retryAfterMs);
    if (this.backoff.shouldReport()) {
      this.logger.warn(`the bus cannot be read: ${message}`, {
        bus: this.state.name,
        offset: this.state.position.nextOffset,
        attempt: this.backoff.attempts,
        retry_in_seconds: Math.round(waitMs / 100) / 10,
      });
    }
    this.pulse.expect("the next try to reach the bus", waitMs);
    await this.clock.sleep(waitMs, signal);
  }

  /** What an operator can do once it is down to a single event; nothing is skipped without this word. */
  private wayOut(): string {
    const { name, position: { nextOffset } } = this.state;
    return this.limit > 1 || nextOffset === undefined
      ? ""
      : `. To give up the event at offset ${nextOffset}, start once with --skip-to ${name}=${nextOffset + 1}`;
  }
}

/** Whether trying again may help. The state is asked for what it knows of a log that has moved, and may be out of reach just then. */
function isPassing(error: unknown): error is Error {
  return error instanceof SourceError || error instanceof ReplyFormatError || isWaitedOut(error);
}

function logOf(reply: FetchReply): string | undefined {
  return reply.kind === "events" ? peekHeader(reply.body)?.log : reply.log;
}
