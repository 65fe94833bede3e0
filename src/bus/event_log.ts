import { type Consumer, Consumers, type ConsumerStore, QUEUE_READER } from "./consumers.ts";
import { LogFullError } from "./log_errors.ts";
import { endsUpTo, joined, parted, type RawEvents } from "./raw_events.ts";

/** A run of consecutive events as it was published, with its offset in the event log. */
export interface Chunk extends RawEvents {
  /** Offset of its first event. */
  readonly first: number;
}

/** The index entry of a chunk. */
export interface ChunkInfo {
  readonly first: number;
  readonly count: number;
  readonly byteLength: number;
}

/** The content of a store when it is opened. */
export interface StoredLog {
  /** Identity of the event log. */
  readonly id: string;
  /** Oldest offset that was not taken or trimmed. */
  readonly first: number;
  /** Offset that the next event gets. */
  readonly next: number;
  readonly chunks: readonly ChunkInfo[];
  readonly consumers: ReadonlyMap<string, Consumer>;
  /** The running time of the bus when it was last stored. */
  readonly runMs: number;
}

/**
 * Where an {@link EventLog} keeps its chunks. What a method writes is durable when it returns, as far as the
 * store is durable.
 */
export interface ChunkStore extends ConsumerStore {
  load(): StoredLog;
  /**
   * Adds chunks to the end, where one with the offset of the last one replaces it, and then trims: all of it
   * or nothing. @throws `UnwritableError`
   */
  put(chunks: readonly Chunk[], trimTo: number | undefined, runMs: number): void;
  get(first: number): Chunk;
  /** Deletes chunks that end at `first` or before, and remembers it as the oldest offset. */
  trimTo(first: number): void;
  close(): void;
}

export type WhenFull = "refuse" | "drop-oldest";

export interface LogOptions {
  readonly maxEvents: number;
  /** Memory of the events at most: their own bytes and {@link EVENT_BYTES} for each. */
  readonly maxBytes: number;
  /**
   * What to do when it is full. Undefined: publishers are refused while a consumer counts that has not read
   * what would be dropped.
   */
  readonly whenFull: WhenFull | undefined;
  /** Silence after which a consumer no longer counts. */
  readonly consumerExpiryMs: number;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Called the first time that events are dropped which not every consumer has acknowledged. */
  readonly onLoss: (first: number) => void;
  /** Called for a consumer that cannot be remembered: events may be dropped before it has read them. */
  readonly onStranger: (name: string) => void;
}

/** Memory for the end of each event. */
export const EVENT_BYTES = 4;
/**
 * Small publications are joined to chunks of this many bytes, since a chunk takes about 1 KiB of memory
 * beside its events.
 */
const JOINED_MAX_BYTES = 4 * 1024;
/** A read takes this many bytes and one event at most, whatever was published at once. */
const CHUNK_MAX_BYTES = 1024 * 1024;

/**
 * An ordered, bounded log of events. Where room is needed, events that every known consumer has acknowledged
 * are dropped first.
 */
export class EventLog {
  readonly id: string;
  private oldest: number;
  private end: number;
  private bytes = 0;
  private readonly chunks: ChunkInfo[];
  private readonly consumers: Consumers;
  private readonly waiting = new Set<() => void>();
  private readonly runMs: () => number;
  private lastRead: Chunk | undefined;
  private hasLost = false;
  private isClosing = false;

  constructor(private readonly store: ChunkStore, private readonly options: LogOptions) {
    const stored = store.load();
    const openedMs = options.nowMs();
    this.runMs = () => Math.floor(stored.runMs + options.nowMs() - openedMs);
    this.id = stored.id;
    this.oldest = stored.first;
    this.end = stored.next;
    this.chunks = [...stored.chunks];
    this.consumers = new Consumers(stored.consumers, store, options.consumerExpiryMs, this.runMs);
    this.bytes = this.chunks.reduce((sum, chunk) => sum + weightOf(chunk), 0);
  }

  /** Oldest offset there is. */
  get first(): number {
    return this.oldest;
  }

  /** Offset that the next event gets. */
  get next(): number {
    return this.end;
  }

  /** Appends events, all or none of them. @throws {LogFullError} None was appended. */
  append(events: RawEvents): void {
    const count = events.ends.length;
    if (count === 0) return;
    const first = this.firstBeside(count, weightOf({ count, byteLength: events.bytes.length }));
    if (first > this.oldest) this.allowDropping(first);
    const last = this.chunks.at(-1);
    const isSmall = last !== undefined && first <= last.first &&
      last.byteLength + events.bytes.length < JOINED_MAX_BYTES;
    const chunks = isSmall
      ? [{ first: last.first, ...joined(this.store.get(last.first), events) }]
      : chunksOf(events, this.end);
    this.store.put(chunks, first > this.oldest ? first : undefined, this.runMs());
    if (isSmall) {
      this.bytes -= weightOf(this.chunks.pop()!);
      this.lastRead = undefined;
    }
    for (const { first, ends, bytes } of chunks) {
      const chunk = { first, count: ends.length, byteLength: bytes.length };
      this.chunks.push(chunk);
      this.bytes += weightOf(chunk);
    }
    this.end += count;
    if (first > this.oldest) this.forgetBelow(first);
    for (const wake of [...this.waiting]) wake();
  }

  /**
   * Up to `limit` events from `offset` on that fit into `maxBytes`, but at least one. The events of a piece
   * are joined by commas. The offset must be in the event log, or its end.
   */
  read(
    offset: number,
    limit: number,
    maxBytes: number,
  ): { readonly pieces: readonly Uint8Array[]; readonly next: number } {
    const pieces: Uint8Array[] = [];
    let next = offset;
    let room = maxBytes;
    for (let i = this.chunkAt(offset); i < this.chunks.length && next < offset + limit; i++) {
      const { first, count } = this.chunks[i]!;
      const { bytes, ends } = this.chunk(first);
      const from = next - first;
      const start = from === 0 ? 0 : ends[from - 1]! + 1;
      const fitting = endsUpTo(ends, start + room);
      const least = pieces.length === 0 ? from + 1 : from;
      const to = Math.min(count, offset + limit - first, Math.max(least, fitting));
      if (to === from) break;
      const piece = bytes.subarray(start, ends[to - 1]);
      pieces.push(piece);
      room -= piece.length + 1;
      next = first + to;
      if (to < count) break;
    }
    return { pieces, next };
  }

  /** Removes the oldest event and returns it; undefined: there is none. */
  take(): Uint8Array | undefined {
    this.acknowledge(QUEUE_READER, this.oldest);
    if (this.oldest === this.end) return undefined;
    const [event] = this.read(this.oldest, 1, 0).pieces;
    this.store.trimTo(this.oldest + 1);
    this.forgetBelow(this.oldest + 1);
    return event;
  }

  /** Notes that a consumer has stored everything below `offset`. */
  acknowledge(consumer: string, offset: number): void {
    if (!this.consumers.hear(consumer, offset)) this.options.onStranger(consumer);
  }

  /** Resolves when there is something at or after `offset`, after `waitMs`, or when the signal fires. */
  waitFor(offset: number, waitMs: number, signal: AbortSignal): Promise<void> {
    if (this.end > offset || waitMs === 0 || this.isClosing || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.waiting.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      this.waiting.add(done);
      signal.addEventListener("abort", done);
    });
  }

  /** Resolves all waits, and every later one at once. */
  endWaiting(): void {
    this.isClosing = true;
    for (const wake of [...this.waiting]) wake();
  }

  close(): void {
    this.endWaiting();
    this.store.close();
  }

  /** The oldest offset that can stay beside that many new events. @throws {LogFullError} */
  private firstBeside(count: number, weight: number): number {
    const { maxEvents, maxBytes } = this.options;
    if (count > maxEvents || weight > maxBytes) {
      throw new LogFullError(
        `${count} events that take ${weight} bytes do not fit into a log of ${maxEvents} events and ` +
          `${maxBytes} bytes (--max-events, --max-bytes); send fewer at once`,
        true,
      );
    }
    let first = Math.max(this.oldest, this.end + count - maxEvents);
    let bytes = this.bytes + weight;
    for (let i = 0; bytes > maxBytes; i++) {
      const chunk = this.chunks[i]!;
      first = Math.max(first, chunk.first + chunk.count);
      bytes -= weightOf(chunk);
    }
    return first;
  }

  /** @throws {LogFullError} A consumer has not yet read what would be dropped. */
  private allowDropping(first: number): void {
    const slowest = this.consumers.slowest();
    if (first <= (slowest?.acknowledged ?? 0)) return;
    if ((this.options.whenFull ?? (slowest && "refuse")) === "refuse") {
      throw new LogFullError(`the log is full, and ${reasonToKeep(slowest?.name)}; send again later`, false);
    }
    if (this.hasLost) return;
    this.hasLost = true;
    this.options.onLoss(first);
  }

  private forgetBelow(first: number): void {
    this.oldest = first;
    const kept = this.chunks.findIndex((chunk) => chunk.first + chunk.count > first);
    for (const chunk of this.chunks.splice(0, kept < 0 ? this.chunks.length : kept)) {
      this.bytes -= weightOf(chunk);
    }
  }

  /** Index of the chunk that holds `offset`. */
  private chunkAt(offset: number): number {
    let [low, high] = [0, this.chunks.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const { first, count } = this.chunks[middle]!;
      if (first + count <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private chunk(first: number): Chunk {
    if (this.lastRead?.first !== first) this.lastRead = this.store.get(first);
    return this.lastRead;
  }
}

function weightOf({ count, byteLength }: Pick<ChunkInfo, "count" | "byteLength">): number {
  return byteLength + count * EVENT_BYTES;
}

function chunksOf(events: RawEvents, first: number): Chunk[] {
  return parted(events, CHUNK_MAX_BYTES).map((part) => {
    const chunk = { first, ...part };
    first += part.ends.length;
    return chunk;
  });
}

function reasonToKeep(name: string | undefined): string {
  if (name === undefined) return "the bus runs with --when-full refuse";
  return name === QUEUE_READER
    ? "a reader of GET /event has not taken all of it"
    : `consumer ${JSON.stringify(name)} has not acknowledged all of it`;
}
