import { SharedMemory } from "./shared_memory.ts";

/** Stored bytes of records, of all partitions together, that are held here at once. */
const STORED_MAX_BYTES = 32 * 1024 * 1024;
/** The same of records whose compression is undone. */
const UNPACKED_MAX_BYTES = 64 * 1024 * 1024;

/**
 * The memory of the records of all partitions of a source. One answer of a broker, and one batch of records,
 * may come on top of the bounds, since nothing could be read otherwise.
 */
export class FeedMemory {
  readonly stored: SharedMemory;
  readonly unpacked: SharedMemory;

  constructor(storedMaxBytes = STORED_MAX_BYTES, unpackedMaxBytes = UNPACKED_MAX_BYTES) {
    this.stored = new SharedMemory(storedMaxBytes);
    this.unpacked = new SharedMemory(unpackedMaxBytes);
  }
}
