import type { Logger } from "../platform/log/logger.ts";
import { isWaitedOut } from "../state/file/state_error.ts";
import { EventBatch } from "../event/event_batch.ts";
import { peekHeader, ReplyFormatError, type ReplyHeader, scanReply } from "../codec/event_scanner.ts";
import { type FetchReply, type Source, SourceError } from "../contract/source.ts";
import { Backoff } from "../platform/clock/backoff.ts";
import type { Clock } from "../platform/clock/clock.ts";
import { Pulse } from "../platform/clock/pulse.ts";
import { REQUEST_MAX_MS } from "../sources/vabus/bus_connection.ts";
import { HistoryComparison } from "./history_comparison.ts";
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
/** Times that a run which is to end by itself goes back; a bus is restored once, now and then. */
const DRAIN_RETURNS_MAX = 10;
const FAREWELL_MS = 2000;
/** After an answer that came at once and brought no event. A bus that holds its answers until there is something is never paused for. */
const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 1000;
/** How often the last event that was read is looked at again, in case the bus came back without a failed poll. */
const COMPARISON_PAUSE_MS = 300_000;
/** Then reading goes on without a comparison. */
const UNREADABLE_LOOKS_MAX = 5;

/** Reads one bus in order: fetch, scan, hand over. The next fetch is under way while this reply is aggregated. */
export class BusReader {
  readonly pulse: Pulse;
  private readonly batch = new EventBatch();
  private readonly backoff: Backoff;
  private prefetch:
    | { readonly offset: number; readonly limit: number; readonly reply: Promise<FetchReply> }
    | undefined;
  /** Events asked for: fewer after a reply that could not be read, so that what is readable before it still comes in. */
  private limit: number;
  /** Events that the reply at hand was asked for. */
  private asked = 0;
  /** What the last reply says about itself, whether or not the rest of it can be read. */
  private header: ReplyHeader | undefined;
  /** When the bus is next asked whether it still has what was read: at the start, after a failure, and now and then. Monotonic. */
  private comparisonDueMs = -Infinity;
  /** Whether the bus has been seen to have what was read, since it last failed. Before that, nothing is acknowledged. */
  private isCompared = false;
  /** How often it has gone back in this drain, to where histories part. */
  private returns = 0;
  private unreadableLooks = 0;
  /** Whether the last step has brought events. */
  private hasTaken = false;
  private pauseMs = FIRST_PAUSE_MS;

  constructor(
    private readonly source: Source,
    /** The bus's number in the aggregator. */
    private readonly bus: number,
    private readonly ingest: Ingest,
    private options: BusReaderOptions,
    private readonly clock: Clock,
    random: () => number,
    private readonly logger: Logger,
  ) {
    this.backoff = new Backoff(random);
    this.limit = options.batchSize;
    this.pulse = new Pulse(clock);
  }

  /** Goes on with other options from the next fetch on. */
  change(options: BusReaderOptions): void {
    this.options = options;
    this.limit = options.batchSize;
  }

  /** Reads until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // While nothing is fetched, no failed poll tells that the bus was away.
      if (this.ingest.obstacle) this.compareSoon();
      await this.ingest.mayFetch(signal, this.pulse);
      if (signal.aborted) break;
      const startedMs = this.clock.monotonicMs();
      await this.step(this.options.waitSeconds, signal);
      this.ingest.checkpointIfDue();
      await this.rest(this.clock.monotonicMs() - startedMs, signal);
    }
    this.pulse.end();
  }

  /**
   * A bus that says at once that it has nothing, or another log each time, would keep this process busy with asking, and its log
   * with telling.
   */
  private async rest(stepMs: number, signal: AbortSignal): Promise<void> {
    if (this.hasTaken || stepMs >= this.pauseMs) {
      this.pauseMs = FIRST_PAUSE_MS;
      return;
    }
    this.pulse.expect("the next look at the bus", this.pauseMs);
    await this.clock.sleep(this.pauseMs - stepMs, signal);
    this.pauseMs = Math.min(MAX_PAUSE_MS, this.pauseMs * 2);
  }

  /** Reads until the bus has nothing more, and then counts as idle; gives up when it is out of reach or nothing may be fetched. */
  async drain(signal: AbortSignal): Promise<DrainResult> {
    const patience = { sinceMs: this.clock.monotonicMs(), ms: DRAIN_PATIENCE_MS };
    this.returns = 0;
    while (!signal.aborted) {
      if (this.returns > DRAIN_RETURNS_MAX) {
        return {
          drained: false,
          reason:
            `${this.source.name}: each time it is asked, it has other events at the offsets that were read; ` +
            "an event must keep its offset and its contents",
        };
      }
      const obstacle = await this.ingest.mayFetch(signal, this.pulse, patience);
      if (obstacle) return { drained: false, reason: obstacle.detail };
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
    // What was durable is gone with the state, or is another life's: the bus must keep what it still has.
    const obstacle = this.ingest.obstacle?.name;
    const isDoubtful = obstacle === "state_gone" || obstacle === "state_disputed";
    if (log === undefined || nextOffset === undefined || isDoubtful) return;
    // A reply that came before the stop and was never taken in may be of a new log, which would forget what nobody has read.
    const unread = await this.prefetch?.reply.catch(() => undefined);
    if (unread && logOf(unread) !== log) return;
    const answered = new AbortController();
    const timeout = new AbortController();
    void this.clock.sleep(FAREWELL_MS, answered.signal).then(() => timeout.abort());
    try {
      // The last poll was called off, or has failed: nobody knows what bus is there now.
      const last = await new HistoryComparison(this.source, log, this.state.history).lookAtLast(
        timeout.signal,
      );
      if (last !== "same" && last !== "trimmed") return;
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

  /** `halved`: the reply cannot be read, and fewer events are to be asked for at once. */
  private async step(
    waitSeconds: number,
    signal: AbortSignal,
  ): Promise<"events" | "empty" | "held" | "failed" | "halved"> {
    const startedMs = this.clock.monotonicMs();
    this.hasTaken = false;
    this.pulse.expect("the answer of the bus", REQUEST_MAX_MS + waitSeconds * 1000);
    try {
      await this.compareIfDue(signal);
      const reply = await this.fetch(waitSeconds, signal);
      const eventCount = reply.kind === "events"
        ? this.take(reply.body, waitSeconds, signal)
        : await this.jump(reply, signal);
      this.ingest.pollSucceeded(this.bus);
      if (eventCount === "held") {
        this.prefetch = undefined;
        return "held";
      }
      if (this.backoff.attempts > 0) this.logger.info("the bus answers again", { bus: this.state.name });
      this.backoff.reset();
      this.limit = Math.min(this.options.batchSize, this.limit * 2);
      if (eventCount > 0) return "events";
      if (reply.kind === "events") this.ingest.pollWasEmpty(this.bus, this.clock.monotonicMs() - startedMs);
      return reply.kind === "events" ? "empty" : "events";
    } catch (error) {
      if (signal.aborted) return "failed";
      if (!isPassing(error)) throw error;
      if (isUnreadable(error) && this.limit > 1) {
        this.halve(error);
        return "halved";
      }
      await this.fail(error, signal);
      return "failed";
    }
  }

  /**
   * A bus that was restored from a backup may have other events at offsets that were read, under the same identity. It is asked
   * before anything is acknowledged to it.
   */
  private async compareIfDue(signal: AbortSignal): Promise<void> {
    const { position: { log, nextOffset } } = this.state;
    if (log === undefined || nextOffset === undefined) return;
    if (this.clock.monotonicMs() < this.comparisonDueMs) return;
    const comparison = new HistoryComparison(this.source, log, this.state.history);
    const look = await comparison.lookAtLast(signal);
    // The next fetch is told so too.
    if (look === "elsewhere") return;
    if (look === "unreadable" && ++this.unreadableLooks < UNREADABLE_LOOKS_MAX) {
      throw new SourceError(
        "garbage",
        `${this.source.name}: the last event that was read cannot be read again`,
      );
    }
    if (look === "other") await this.goBack(log, nextOffset, signal);
    if (look === "ended") await this.goBack(log, comparison.end, signal);
    this.unreadableLooks = 0;
    this.comparisonDueMs = this.clock.monotonicMs() + COMPARISON_PAUSE_MS;
    this.isCompared = true;
  }

  private compareSoon(): void {
    this.comparisonDueMs = -Infinity;
    this.isCompared = false;
  }

  /** Goes on where the bus's history and the one that was read part. `end`: that of the bus's log, or of what was read. */
  private async goBack(log: string, end: number, signal: AbortSignal): Promise<void> {
    const comparison = new HistoryComparison(this.source, log, this.state.history);
    const { next, unknown } = await comparison.parting(end, signal);
    this.logger.error(
      "the bus has other events, or fewer, than were read of the same log (restored from a backup?): going on at the last " +
        "offset at which both agree",
      {
        bus: this.state.name,
        log,
        read_to: this.state.position.nextOffset,
        going_on_at: next,
        ...(unknown > 0 && { perhaps_counted_twice: unknown }),
      },
    );
    this.returns++;
    this.ingest.goBackTo(this.bus, log, next, unknown);
  }

  private fetch(waitSeconds: number, signal: AbortSignal): Promise<FetchReply> {
    const { nextOffset } = this.state.position;
    const prefetch = this.prefetch;
    this.prefetch = undefined;
    if (prefetch && prefetch.offset === nextOffset) {
      this.asked = prefetch.limit;
      return prefetch.reply;
    }
    this.asked = this.limit;
    return this.request(nextOffset, waitSeconds, signal);
  }

  private async request(
    offset: number | undefined,
    waitSeconds: number,
    signal: AbortSignal,
  ): Promise<FetchReply> {
    const reply = await this.source.fetch(
      {
        offset,
        limit: this.limit,
        waitSeconds,
        ack: this.isCompared ? this.state.committedOffset : undefined,
      },
      signal,
    );
    this.ingest.heardTime(this.bus, reply.dateMs);
    return reply;
  }

  /** Takes a reply in; returns its number of events, or that they are held back. */
  private take(body: Uint8Array, waitSeconds: number, signal: AbortSignal): number | "held" {
    const { position } = this.state;
    const { asked } = this;
    const peeked = this.header = peekHeader(body);
    // Only where this reply is the one that was asked for: of another log, neither its offsets nor what is durable here mean
    // anything to the bus.
    const leadsOn = peeked !== undefined && peeked.log === (position.log ?? peeked.log) &&
      peeked.offset === (position.nextOffset ?? peeked.offset) && peeked.next > peeked.offset;
    if (leadsOn && !this.ingest.obstacle) {
      const { next } = peeked;
      const reply = this.request(next, waitSeconds, signal);
      // Looked at when its turn comes; until then its failure is nobody's unhandled rejection.
      reply.catch(() => {});
      this.prefetch = { offset: next, limit: this.limit, reply };
    }
    return this.ingest.measured(() => {
      const header = scanReply(body, this.batch, asked);
      if (position.log !== undefined && header.log !== position.log) return this.startAnew(header);
      if (position.log === undefined) this.refuseTwin(header.log);
      if (position.nextOffset !== undefined && header.offset !== position.nextOffset) {
        throw new Contradiction(
          `asked for offset ${position.nextOffset}, the bus answered from ${header.offset}`,
        );
      }
      const isKnown = position.log === undefined && this.ingest.positionOfLog(header.log) !== undefined;
      if (!isKnown && header.next > header.offset && this.ingest.holdsBack(this.bus, this.batch)) {
        this.batch.release();
        return "held";
      }
      if (position.nextOffset === undefined && !this.begin(header.log, header.offset)) return 1;
      if (header.next === header.offset) return 0;
      this.ingest.accept(this.bus, this.batch, header.log, header.next);
      this.hasTaken = true;
      this.batch.release();
      return header.next - header.offset;
    });
  }

  /** A log is read from its oldest event on. Returns false where it is a known one, that goes on elsewhere. */
  private begin(log: string, first: number): boolean {
    const { position } = this.state;
    const known = position.log === undefined ? this.ingest.positionOfLog(log) : undefined;
    if (known) {
      this.resume(log, known.nextOffset);
      return false;
    }
    const lost = position.log === undefined ? 0 : first;
    if (lost > 0) this.reportLost(lost);
    this.ingest.skipTo(this.bus, log, first, lost);
    return true;
  }

  private refuseTwin(log: string): void {
    const twin = this.ingest.otherReaderOf(log, this.bus);
    if (twin === undefined) return;
    throw new Contradiction(
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
    this.compareSoon();
    return 1;
  }

  /** The log begins or ends elsewhere. Returns 0: no events. */
  private async jump(
    reply: Exclude<FetchReply, { kind: "events" }>,
    signal: AbortSignal,
  ): Promise<number> {
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
    await this.goBack(log, reply.next, signal);
    return 0;
  }

  private skip(log: string, nextOffset: number, lost: number): number {
    if (lost > 0) this.reportLost(lost);
    this.ingest.skipTo(this.bus, log, nextOffset, lost);
    return 0;
  }

  /** Such as an answer to an earlier question. */
  private contradiction(said: string): Contradiction {
    const { nextOffset } = this.state.position;
    const asked = nextOffset === undefined ? "its oldest event" : `offset ${nextOffset}`;
    return new Contradiction(`the bus says that it does not have ${asked}, but that ${said}`);
  }

  private reportLost(events: number): void {
    this.logger.error("events were trimmed from the bus before they were fetched: they are lost", {
      bus: this.state.name,
      events,
      in_all: this.ingest.lostEvents + events,
    });
  }

  private halve(error: Error): void {
    this.prefetch = undefined;
    this.compareSoon();
    if (this.limit === this.options.batchSize) {
      this.logger.warn(`a reply of the bus cannot be read: ${error.message}; asking for fewer events`, {
        bus: this.state.name,
        offset: this.state.position.nextOffset,
      });
    }
    this.limit >>= 1;
    this.ingest.pollFailed(this.bus, error.message);
  }

  private async fail(error: Error, signal: AbortSignal): Promise<void> {
    this.prefetch = undefined;
    this.compareSoon();
    const message = isUnreadable(error) ? error.message + await this.wayOut(signal) : error.message;
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

  /** What an operator can do, now that it is down to a single event; nothing is skipped without this word. */
  private async wayOut(signal: AbortSignal): Promise<string> {
    if (this.state.position.nextOffset === undefined) await this.learnOffset(signal);
    const { name, position: { nextOffset } } = this.state;
    if (nextOffset === undefined) return "";
    return `. To give up the event at offset ${nextOffset}, start once with --skip-to ${name}=${
      nextOffset + 1
    }`;
  }

  /** Where a log begins of which nothing could be read yet: by the head of the reply, else by what the bus says of itself. */
  private async learnOffset(signal: AbortSignal): Promise<void> {
    const { position } = this.state;
    try {
      const { log, offset } = this.header ?? await this.source.oldest(signal);
      this.refuseTwin(log);
      if (position.log === undefined || position.log === log) this.begin(log, offset);
    } catch (error) {
      if (!isPassing(error)) throw error;
      // It stays unknown, and is asked for again with the next failure.
    }
  }
}

/** A reply that can be read, but does not answer what was asked, or is of a log that must not be read here. */
class Contradiction extends Error {
  override readonly name = "Contradiction";
}

/** Whether the reply itself is at fault: one of fewer events may be readable. */
function isUnreadable(error: Error): boolean {
  return error instanceof ReplyFormatError || (error instanceof SourceError && error.kind === "incomplete");
}

/** Whether trying again may help. The state is asked for what it knows of a log that has moved, and may be out of reach just then. */
function isPassing(error: unknown): error is Error {
  return error instanceof SourceError || error instanceof ReplyFormatError ||
    error instanceof Contradiction ||
    isWaitedOut(error);
}

function logOf(reply: FetchReply): string | undefined {
  return reply.kind === "events" ? peekHeader(reply.body)?.log : reply.log;
}
