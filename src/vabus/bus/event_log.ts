import type { RawEvents } from "./raw_events.ts";

/** A run of events as it was published, at its place in the log. */
export interface Chunk extends RawEvents {
  /** Offset of its first event. */
  readonly first: number;
}

/** What is known of a chunk without reading it. */
export interface ChunkInfo {
  readonly first: number;
  readonly count: number;
  readonly byteLength: number;
}

/** What a store holds when it is opened. */
export interface StoredLog {
  /** Identity of the log. */
  readonly id: string;
  /** Oldest offset that was not taken or trimmed. */
  readonly first: number;
  /** Offset that the next event gets. */
  readonly next: number;
  readonly chunks: readonly ChunkInfo[];
  readonly consumers: ReadonlyMap<string, number>;
}

/** Where an {@link EventLog} keeps its chunks. Each method is durable (as far as the store is) when it returns. */
export interface ChunkStore {
  load(): StoredLog;
  put(chunk: Chunk): void;
  get(first: number): Chunk;
  /** Deletes chunks that end at `first` or before, and remembers it as the oldest offset. */
  trimTo(first: number): void;
  saveConsumer(name: string, offset: number): void;
  close(): void;
}

export interface LogBounds {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/** Strangers must not fill the memory with names. */
const MAX_CONSUMERS = 1000;
/** A reply is not made longer by another chunk once it has as much. */
const READ_ENOUGH_BYTES = 32 * 1024 * 1024;

/** An ordered, bounded log of events. What every known consumer has acknowledged goes first when room is needed. */
export class EventLog {
  readonly id: string;
  private oldest: number;
  private end: number;
  private bytes = 0;
  private readonly chunks: ChunkInfo[];
  private readonly consumers: Map<string, number>;
  private readonly waiting = new Set<() => void>();
  private lastRead: Chunk | undefined;
  private hasLost = false;
  private isClosing = false;

  /** @param onLoss Told the first time that events are trimmed which not every consumer has acknowledged. */
  constructor(
    private readonly store: ChunkStore,
    private readonly bounds: LogBounds,
    private readonly onLoss: (first: number) => void,
  ) {
    const stored = store.load();
    this.id = stored.id;
    this.oldest = stored.first;
    this.end = stored.next;
    this.chunks = [...stored.chunks];
    this.consumers = new Map(stored.consumers);
    this.bytes = this.chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Oldest offset there is. */
  get first(): number {
    return this.oldest;
  }

  /** Offset that the next event gets. */
  get next(): number {
    return this.end;
  }

  append(events: RawEvents): void {
    const count = events.ends.length;
    if (count === 0) return;
    this.store.put({ ...events, first: this.end });
    this.chunks.push({ first: this.end, count, byteLength: events.bytes.length });
    this.bytes += events.bytes.length;
    this.end += count;
    this.makeRoom();
    for (const wake of [...this.waiting]) wake();
  }

  /**
   * At most `limit` events from `offset` on (fewer where they are large); those of a piece are joined by commas. The
   * offset must be in the log, or its end.
   */
  read(offset: number, limit: number): { readonly pieces: readonly Uint8Array[]; readonly next: number } {
    const pieces: Uint8Array[] = [];
    let next = offset;
    let readBytes = 0;
    for (
      let i = this.chunkAt(offset);
      i < this.chunks.length && next < offset + limit && readBytes < READ_ENOUGH_BYTES;
      i++
    ) {
      const { first, count } = this.chunks[i]!;
      const from = next - first;
      const to = Math.min(count, offset + limit - first);
      const { bytes, ends } = this.chunk(first);
      const piece = bytes.subarray(from === 0 ? 0 : ends[from - 1]! + 1, ends[to - 1]);
      pieces.push(piece);
      readBytes += piece.length;
      next = first + to;
    }
    return { pieces, next };
  }

  /** Takes the oldest event out of the log. */
  take(): Uint8Array | undefined {
    if (this.oldest === this.end) return undefined;
    const [event] = this.read(this.oldest, 1).pieces;
    this.trimTo(this.oldest + 1);
    return event;
  }

  /** Notes that a consumer has everything below `offset` for good. */
  acknowledge(consumer: string, offset: number): void {
    const known = this.consumers.get(consumer);
    if (known !== undefined && known >= offset) return;
    if (known === undefined && this.consumers.size >= MAX_CONSUMERS) return;
    this.consumers.set(consumer, offset);
    this.store.saveConsumer(consumer, offset);
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

  /** Lets go all who wait, and nobody waits from now on. */
  endWaiting(): void {
    this.isClosing = true;
    for (const wake of [...this.waiting]) wake();
  }

  close(): void {
    this.endWaiting();
    this.store.close();
  }

  private makeRoom(): void {
    let first = Math.max(this.oldest, this.end - this.bounds.maxEvents);
    let bytes = this.bytes;
    // The newest chunk stays, however large it is: somebody is just being told that it was taken.
    for (let i = 0; bytes > this.bounds.maxBytes && i < this.chunks.length - 1; i++) {
      const chunk = this.chunks[i]!;
      first = Math.max(first, chunk.first + chunk.count);
      bytes -= chunk.byteLength;
    }
    if (first === this.oldest) return;
    const acknowledged = this.consumers.size === 0 ? 0 : Math.min(...this.consumers.values());
    if (first > acknowledged && !this.hasLost) {
      this.hasLost = true;
      this.onLoss(first);
    }
    this.trimTo(first);
  }

  private trimTo(first: number): void {
    this.store.trimTo(first);
    this.oldest = first;
    const kept = this.chunks.findIndex((chunk) => chunk.first + chunk.count > first);
    for (const { byteLength } of this.chunks.splice(0, kept < 0 ? this.chunks.length : kept)) {
      this.bytes -= byteLength;
    }
  }

  /** Number of the chunk that holds `offset`. */
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
