import { type BusRecord, lengthProblem, readRecords } from "../../codec/bus_records.ts";
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
import type { StreamChoice } from "./jetstream.ts";
import type { NatsConnection } from "./nats_connection.ts";
import { type NatsPosition, positionIn, positionText, unreadFrom } from "./nats_position.ts";
import type { PulledMessage } from "./pulled_message.ts";
import { ConsumerGone, StreamSession } from "./stream_session.ts";

/** How long a read takes at most: servers may have to be tried one after the other. */
const READ_MAX_MS = 90_000;
/** How often a read makes a consumer at most. */
const TRIES_MAX = 3;
export const KEEPS_NO_CONSUMER =
  "the server lets go of each consumer at once: does the account allow one more?";
/** What separates the levels of a subject. */
const SEPARATOR = ".";
/** Headers of messages that only say that others are gone. */
const TRACEPARENT_HEADER = /^traceparent:[ \t]*(\S{1,256})[ \t]*\r?$/im;
const MARKER = /^(?:Nats-Marker-Reason|KV-Operation):/im;

/** What a partition needs of its source. */
export interface NatsSurroundings {
  readonly context: SourceContext;
  /** Undefined: records are events as they are. */
  readonly reader: RecordReader | undefined;
  readonly choice: StreamChoice;
  /** Whether it begins at its end where it was not read before. */
  readonly startsAtEnd: boolean;
  connect(signal: AbortSignal): Promise<NatsConnection>;
}

/**
 * A stream, or the subjects of it that are wanted. A position is the number of the last message that was
 * read, with its time. A lineage is the stream's name and the time at which it was made, with the wanted
 * subjects.
 */
export class NatsPartition implements Partition {
  readonly id = "";
  readonly replay = "from-position";
  readonly readMaxMs = READ_MAX_MS;
  private session: StreamSession | undefined;
  private lineage: string | undefined;
  /** How many messages were left when the last one came; undefined: none has come. */
  private unread: number | undefined;

  constructor(private readonly surroundings: NatsSurroundings) {}

  async read(from: Progress, into: EventBatch, request: ReadRequest, signal: AbortSignal): Promise<Outcome> {
    const over = new AbortController();
    signal.addEventListener("abort", () => this.close(), { signal: over.signal });
    try {
      for (let tries = 1;; tries++) {
        try {
          return await this.readOn(from, into, request, signal);
        } catch (error) {
          if (!(error instanceof ConsumerGone)) throw error;
          if (tries === TRIES_MAX) throw new SourceError("unavailable", KEEPS_NO_CONSUMER);
        }
      }
    } finally {
      over.abort();
    }
  }

  committed(): Promise<void> {
    return Promise.resolve();
  }

  /** It tells only how many are behind the last one that it gave. */
  unreadAfter(): number | undefined {
    return this.unread;
  }

  /** A read may be connecting meanwhile, so that it has a session of its own. */
  async lineageNow(signal: AbortSignal): Promise<string> {
    if (this.lineage !== undefined) return this.lineage;
    const session = await this.connected(signal);
    try {
      await session.look();
      return session.lineage;
    } finally {
      session.close();
    }
  }

  close(): void {
    this.session?.close();
    this.session = undefined;
  }

  private async readOn(
    from: Progress,
    into: EventBatch,
    { limit, waitMs }: ReadRequest,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { clock } = this.surroundings.context;
    const untilMs = clock.monotonicMs() + waitMs;
    const session = await this.opened(signal);
    if (!session.isReady) await session.look();
    this.lineage = session.lineage;
    const elsewhere = await this.enter(from, session, signal);
    if (elsewhere !== undefined) return elsewhere;
    let position = this.positionOf(from) ?? session.beginning(this.surroundings.startsAtEnd);
    const { lineage } = session;
    if (!await session.goTo(position)) {
      const next = await session.endOfKnown(position);
      this.tellLost(position, next);
      return { kind: "returned", lineage, next: positionText(next), offset: undefined, doubtful: 0 };
    }
    for (let lost = 0;;) {
      const found = await session.next(limit, Math.max(0, untilMs - clock.monotonicMs()));
      lost += found.lost;
      this.unread = found.messages.at(-1)?.pending ?? 0;
      position = found.position;
      const step = { lineage, next: positionText(position), offset: undefined, lost };
      const records = this.recordsOf(found.messages);
      if (records.length > 0) {
        const startedMs = clock.monotonicMs();
        readRecords(records, into, this.surroundings.reader);
        return { kind: "events", ...step, decodeMs: clock.monotonicMs() - startedMs };
      }
      if (found.messages.length === 0) return { kind: "idle", ...step, decodeMs: 0 };
    }
  }

  private async opened(signal: AbortSignal): Promise<StreamSession> {
    if (this.session?.isOpen) return this.session;
    const session = await this.connected(signal);
    this.session = session;
    if (signal.aborted) this.close();
    await session.look();
    return session;
  }

  private async connected(signal: AbortSignal): Promise<StreamSession> {
    const { choice, connect, context } = this.surroundings;
    return new StreamSession(await connect(signal), choice, context.heardTime);
  }

  /** What is to be done before the stream is read where it is another one; undefined: it is the same. */
  private async enter(
    from: Progress,
    session: StreamSession,
    signal: AbortSignal,
  ): Promise<Outcome | undefined> {
    const { lineages, logger } = this.surroundings.context;
    const { begin, first, lineage } = session;
    if (lineage === from.lineage) return undefined;
    const reader = lineages.readerOf(lineage, this.id);
    if (reader !== undefined) {
      if (await reader.lineageNow(signal) !== lineage) return { kind: "exchanged", lineage };
      throw new SourceError(
        "garbage",
        `it is the same as ${reader.name}: name this stream only once in VABUS_URL`,
      );
    }
    const { stream } = this.surroundings.choice;
    if (lineages.isKnown(lineage)) {
      logger.info("the stream was read at another address: going on where it was left", { stream });
      return { kind: "moved", lineage };
    }
    if (from.lineage === undefined) return undefined;
    const position = this.positionOf(from);
    if (position !== undefined && await session.hasRead(position)) {
      logger.warn("the stream was made again with what was read of it: going on behind that", { stream });
      return { kind: "restarted", lineage, next: from.position, offset: undefined, lost: 0 };
    }
    logger.error("the stream was deleted and made again: going on at its oldest message", { stream });
    const next = positionText(unreadFrom(first));
    const lost = (this.unread ?? 0) + first - begin;
    // They were those of the former stream.
    this.unread = undefined;
    return { kind: "restarted", lineage, next, offset: undefined, lost };
  }

  /** Records of messages. Those that only say that others are gone are left out. */
  private recordsOf(messages: readonly PulledMessage[]): BusRecord[] {
    const arrivedMs = this.surroundings.context.clock.nowMs();
    const records: BusRecord[] = [];
    for (const { message, sequence, timeMs } of messages) {
      const { header, payload, payloadBytes, subject } = message;
      if (payloadBytes === 0 && MARKER.test(header)) continue;
      records.push({
        bytes: payload,
        problem: payloadBytes === 0 ? "a message without a payload" : lengthProblem(payloadBytes),
        offset: sequence,
        topic: subject,
        separator: SEPARATOR,
        key: undefined,
        busMs: timeMs,
        arrivedMs,
        traceparent: header === "" ? undefined : TRACEPARENT_HEADER.exec(header)?.[1],
      });
    }
    return records;
  }

  private tellLost(position: NatsPosition, next: NatsPosition): void {
    this.surroundings.context.logger.error(
      "the stream has other messages, or none, where it was read: a server came back without its last " +
        "writes, or from a backup; going on behind what is still there. Set sync_interval: always, or more " +
        "replicas",
      { stream: this.surroundings.choice.stream, read_to: position.sequence, on_from: next.sequence + 1 },
    );
  }

  /** @throws {SourceError} */
  private positionOf({ position }: Progress): NatsPosition | undefined {
    if (position === undefined) return undefined;
    const found = positionIn(position);
    if (found !== undefined) return found;
    throw new SourceError(
      "refused",
      `the state says that it was read to ${position}, which is no position in a stream: was it another ` +
        "bus before? Give this one another URL, or the handler another STATE_DIR",
    );
  }
}
