import { type BusRecord, readRecords } from "../../codec/bus_records.ts";
import type { RecordReader } from "../../codec/mapping/record_reader.ts";
import {
  type Outcome,
  type Partition,
  type PartitionId,
  type Progress,
  type ReadRequest,
  type SourceContext,
  SourceError,
} from "../../contract/source.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import { compareIds } from "./entry_id.ts";
import { EntryRecords } from "./entry_records.ts";
import { contradicts, missingIn } from "./missing_entries.ts";
import { type RedisConnection, SHORT_REPLY } from "./redis_connection.ts";
import { type Look, StreamReader } from "./stream_reader.ts";
import { timeIn } from "./stream_info.ts";
import { positionIn, positionText, type StreamPosition } from "./stream_position.ts";
import type { StreamTrimmer } from "./stream_trimmer.ts";

/** How long a read takes at most: connecting, by way of Sentinels too, logging in and reading. */
const READ_MAX_MS = 90_000;
const NOWHERE = "0-0";

/** What a partition needs of its source. */
export interface StreamSurroundings {
  readonly context: SourceContext;
  readonly reader: RecordReader | undefined;
  /** See {@link EntryRecords}. */
  readonly field: string | undefined;
  /** Whether it begins at its end where it was not read before. */
  readonly startsAtEnd: boolean;
  /** The server and the database. */
  readonly endpoint: string;
  /** Undefined: what was read stays. */
  readonly trimmer: StreamTrimmer | undefined;
  connect(signal: AbortSignal): Promise<RedisConnection>;
}

/**
 * A stream. A position is the id of the last entry that was read, with what is needed to count entries that
 * are gone. Redis names no histories, so a lineage is the endpoint, the key, and a number: how often the
 * stream was seen to be another one.
 */
export class RedisPartition implements Partition {
  readonly id: PartitionId;
  readonly replay = "from-position";
  readonly readMaxMs = READ_MAX_MS;
  private readonly stream: StreamReader;
  private readonly records: EntryRecords;
  private connection: RedisConnection | undefined;
  private lineage: string | undefined;
  /** How many entries the stream had ever had at the last look. */
  private addedSeen = 0;
  /** Whether the last look found less than was known before. */
  private hasGoneBack = false;

  constructor(private readonly key: string, private readonly surroundings: StreamSurroundings) {
    this.id = key;
    this.stream = new StreamReader(key);
    this.records = new EntryRecords(key, surroundings.field);
  }

  async read(
    from: Progress,
    into: EventBatch,
    request: ReadRequest,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const over = new AbortController();
    signal.addEventListener("abort", () => this.close(), { signal: over.signal });
    try {
      return await this.enter(from, signal) ?? await this.readOn(from, into, request, signal);
    } catch (error) {
      // By the time that it can be read again, it may be another one.
      this.surroundings.trimmer?.found(this.key, false);
      if (error instanceof SourceError) throw this.named(error);
      throw error;
    } finally {
      over.abort();
    }
  }

  committed({ position }: Progress): Promise<void> {
    const found = position === undefined ? undefined : positionIn(position);
    if (found !== undefined) this.surroundings.trimmer?.trim(this.key, found.id);
    return Promise.resolve();
  }

  unreadAfter(position: string): number | undefined {
    const found = positionIn(position);
    return found === undefined || this.addedSeen === 0
      ? undefined
      : Math.max(0, this.addedSeen - found.added);
  }

  lineageNow(): Promise<string> {
    return Promise.resolve(this.lineage ?? this.lineageOf(1));
  }

  close(): void {
    this.connection?.close();
    this.connection = undefined;
  }

  /** What is to be done where the stream was not read before; undefined: nothing. */
  private async enter({ lineage }: Progress, signal: AbortSignal): Promise<Outcome | undefined> {
    this.lineage = lineage;
    if (lineage !== undefined) return undefined;
    const { lineages, logger } = this.surroundings.context;
    let number = 1;
    while (lineages.isKnown(this.lineageOf(number + 1))) number++;
    const found = this.lineageOf(number);
    const reader = lineages.readerOf(found, this.id);
    if (reader !== undefined) {
      if (await reader.lineageNow(signal) !== found) return { kind: "exchanged", lineage: found };
      throw new SourceError(
        "garbage",
        `it is the same as ${reader.name}: name this key only once in VABUS_URL`,
      );
    }
    if (!lineages.isKnown(found)) return undefined;
    logger.info("the stream was read by another URL: going on where it was left", { partition: this.id });
    return { kind: "moved", lineage: found };
  }

  private async readOn(
    from: Progress,
    into: EventBatch,
    { limit, waitMs }: ReadRequest,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { clock } = this.surroundings.context;
    const untilMs = clock.monotonicMs() + waitMs;
    for (;;) {
      const connection = await this.connected(signal);
      const position = this.positionOf(from) ?? await this.beginning(connection);
      const look = await this.stream.look(connection, position.id, limit);
      const elsewhere = await this.compare(from, position, look, connection);
      this.surroundings.trimmer?.found(this.key, elsewhere === undefined);
      if (elsewhere !== undefined) return elsewhere;
      this.addedSeen = look.info.added;
      const { lost, next } = this.advance(position, look);
      const step = {
        lineage: from.lineage ?? this.lineageOf(1),
        next: positionText(next),
        offset: undefined,
        lost,
      };
      if (look.entries.length > 0) {
        const startedMs = clock.monotonicMs();
        readRecords(this.recordsOf(look), into, this.surroundings.reader);
        return { kind: "events", ...step, decodeMs: clock.monotonicMs() - startedMs };
      }
      const leftMs = untilMs - clock.monotonicMs();
      if (lost > 0 || leftMs <= 0) return { kind: "idle", ...step, decodeMs: 0 };
      await this.stream.wait(connection, position.id, leftMs);
    }
  }

  private recordsOf({ entries }: Look): BusRecord[] {
    const arrivedMs = this.surroundings.context.clock.nowMs();
    return entries.map((entry) => this.records.recordOf(entry, arrivedMs));
  }

  /** Where a stream that was not read before is begun: nothing that is gone by then is missed. */
  private async beginning(connection: RedisConnection): Promise<StreamPosition> {
    const { info: { added, lastId, length, oldest } } = await this.stream.look(connection, NOWHERE, 1);
    return this.surroundings.startsAtEnd
      ? { id: lastId, added, oldest }
      : { id: NOWHERE, added: Math.max(0, added - length), oldest };
  }

  /** Moves behind the entries of a look. `lost`: entries that were gone before they were read. */
  private advance(
    position: StreamPosition,
    look: Look,
  ): { readonly next: StreamPosition; readonly lost: number } {
    const { entries, info } = look;
    const missing = missingIn(position, look) ?? 0;
    return {
      next: {
        id: entries.at(-1)?.id ?? position.id,
        added: position.added + missing + entries.length,
        oldest: info.oldest ?? position.oldest,
      },
      lost: Math.max(0, missing),
    };
  }

  /** What is to be done where the stream contradicts what was read of it; undefined: nothing. */
  private async compare(
    from: Progress,
    position: StreamPosition,
    look: Look,
    connection: RedisConnection,
  ): Promise<Outcome | undefined> {
    const { info } = look;
    const hadGoneBack = this.hasGoneBack;
    const isContradicted = contradicts(position, look);
    this.hasGoneBack = isContradicted || info.added < this.addedSeen;
    if (!this.hasGoneBack) return undefined;
    const { logger } = this.surroundings.context;
    if (!isContradicted || await this.isSameHistory(position, look, connection)) {
      const isAhead = compareIds(info.lastId, position.id) >= 0;
      // Until its end is reached, the stream contradicts the position again and again.
      if (isAhead && hadGoneBack) return undefined;
      const which = isContradicted ? "that are counted here" : "that were not read";
      logger.error(
        `the stream has lost entries ${which}: a server has taken over that was behind, or one came back ` +
          "without its last writes; set appendfsync always, or min-replicas-to-write",
        { partition: this.id, read_to: position.id, end: info.lastId },
      );
      const next = isAhead ? position : { id: info.lastId, added: info.added, oldest: info.oldest };
      const step = { lineage: from.lineage, next: positionText(next), offset: undefined };
      return { kind: "returned", ...step, doubtful: 0 };
    }
    const unread = Math.max(0, this.addedSeen - position.added);
    const trimmed = Math.max(0, info.added - info.length);
    logger.error("the stream was deleted and made again: going on at its oldest entry", {
      partition: this.id,
    });
    const next = { id: NOWHERE, added: trimmed, oldest: info.oldest };
    this.addedSeen = info.added;
    return {
      kind: "restarted",
      lineage: this.lineageAfter(from.lineage),
      next: positionText(next),
      offset: undefined,
      lost: unread + trimmed,
    };
  }

  /** Whether the stream still has something of what was read. */
  private async isSameHistory(
    { id, oldest: known }: StreamPosition,
    { info: { oldest } }: Look,
    connection: RedisConnection,
  ): Promise<boolean> {
    if (known === undefined || oldest === undefined) return false;
    if (compareIds(oldest.id, known.id) > 0) return compareIds(oldest.id, id) <= 0;
    const found = oldest.id === known.id ? oldest : await this.stream.markOf(connection, known.id);
    return found !== undefined && found.hash === known.hash;
  }

  private async connected(signal: AbortSignal): Promise<RedisConnection> {
    if (this.connection?.isOpen) return this.connection;
    this.connection = await this.surroundings.connect(signal);
    if (signal.aborted) this.close();
    else await this.hearTime(this.connection);
    return this.connection ?? await Promise.reject(new SourceError("unavailable", "reading was called off"));
  }

  /** Asks for the server's time, which a user may not have the right to. */
  private async hearTime(connection: RedisConnection): Promise<void> {
    const nowMs = timeIn((await connection.send([["TIME"]], [SHORT_REPLY]))[0]!);
    if (nowMs !== undefined) this.surroundings.context.heardTime(nowMs);
  }

  /** @throws {SourceError} */
  private positionOf({ position }: Progress): StreamPosition | undefined {
    if (position === undefined) return undefined;
    const found = positionIn(position);
    if (found !== undefined) return found;
    throw new SourceError(
      "refused",
      `the state says that it was read to ${position}, which is no position in a stream: ` +
        "was it another bus before? Give this one another URL, or the handler another STATE_DIR",
    );
  }

  private lineageOf(number: number): string {
    return `redis ${this.surroundings.endpoint} ${this.key} #${number}`;
  }

  private lineageAfter(lineage: string | undefined): string {
    const number = Number(/#(\d{1,9})$/.exec(lineage ?? "")?.[1] ?? 1);
    return this.lineageOf(number + 1);
  }

  private named(error: SourceError): SourceError {
    const { kind, message, retryAfterMs } = error;
    return new SourceError(kind, `stream ${this.key}: ${message}`, retryAfterMs, { cause: error.cause });
  }
}
