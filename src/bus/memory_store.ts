import type { Chunk, ChunkStore, StoredLog } from "./event_log.ts";

/** Keeps chunks in memory only. */
export class MemoryStore implements ChunkStore {
  private readonly chunks = new Map<number, Chunk>();

  load(): StoredLog {
    return { id: crypto.randomUUID(), first: 0, next: 0, chunks: [], consumers: new Map(), runMs: 0 };
  }

  put(chunks: readonly Chunk[], trimTo: number | undefined): void {
    for (const chunk of chunks) this.chunks.set(chunk.first, chunk);
    if (trimTo !== undefined) this.trimTo(trimTo);
  }

  get(first: number): Chunk {
    return this.chunks.get(first)!;
  }

  trimTo(first: number): void {
    for (const chunk of this.chunks.values()) {
      if (chunk.first + chunk.ends.length > first) return;
      this.chunks.delete(chunk.first);
    }
  }

  saveConsumer(): void {}

  forgetConsumer(): void {}

  close(): void {
    this.chunks.clear();
  }
}
