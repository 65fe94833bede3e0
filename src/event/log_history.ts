import type { EventBatch } from "./event_batch.ts";
import { hashBytes } from "./text_hash.ts";

/** Events of a page, the unit in which a history is kept on disk. */
const PAGE_EVENTS = 512;
/** Number of the latest pages whose events are all known. */
const PAGES = 128;
const EXACT_EVENTS = PAGES * PAGE_EVENTS;
const RING_MASK = EXACT_EVENTS - 1;

/** The hash of one event of a log. */
export interface Fingerprint {
  readonly offset: number;
  readonly hash: number;
}

/** Hashes of consecutive events, all of one page. */
export interface HistoryPage {
  readonly page: number;
  /** Offset of the first of them. */
  readonly first: number;
  readonly hashes: Int32Array;
}

/** A history as it is kept on disk. */
export interface StoredHistory {
  /** Pages in the order of their numbers, without gaps between their events. */
  readonly pages: readonly HistoryPage[];
  readonly samples: readonly Fingerprint[];
}

/**
 * Fingerprints of the events that were read of an event log: of each of the latest 65,536 or so, and of ever
 * fewer older ones. The distance between two of the older ones is at most a 128th of their age in events.
 * They show whether a bus has other events at these offsets now.
 */
export class LogHistory {
  /**
   * The hashes of the events [from, end), each at its offset modulo the length; empty while nothing is known.
   */
  private ring = new Int32Array();
  private from = 0;
  private end = 0;
  /** Before `from`, oldest first. */
  private samples: Fingerprint[] = [];
  private samplesMax = 2 * PAGES;
  /** Fingerprints from this offset on differ from those on disk. */
  private unsavedFrom = 0;
  private areSamplesSaved = false;

  static restored({ pages, samples }: StoredHistory): LogHistory {
    const history = new LogHistory();
    if (pages.length === 0 && samples.length === 0) return history;
    history.makeRoom();
    const [first] = pages;
    // Behind a gap there are samples alone: what is known ends with the last of them.
    history.from = history.end = first?.first ?? samples.at(-1)!.offset + 1;
    // Behind a gap, earlier versions left a page whose events are samples, too.
    history.samples = samples.filter(({ offset }) => offset < history.from);
    for (const { first, hashes } of pages) {
      hashes.forEach((hash, i) => history.ring[(first + i) % EXACT_EVENTS] = hash);
      history.end = first + hashes.length;
    }
    history.saved();
    return history;
  }

  /** Whether anything was ever known. */
  get isKept(): boolean {
    return this.ring.length > 0;
  }

  /** Number of events that are known. */
  get size(): number {
    return this.samples.length + this.end - this.from;
  }

  /** The known event with this number, the oldest is 0. */
  at(number: number): Fingerprint {
    const { samples } = this;
    if (number < samples.length) return samples[number]!;
    const offset = this.from + number - samples.length;
    return { offset, hash: this.ring[offset % EXACT_EVENTS]! };
  }

  /** How many of the known events lie before `offset`. */
  countBefore(offset: number): number {
    let [low, high] = [0, this.size];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at(middle).offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Adds the events of a reply that begins at `first`. */
  note(batch: EventBatch, first: number): void {
    if (batch.total === 0) return;
    this.makeRoom();
    this.goOnAt(first);
    const { ring } = this;
    const hashes = new EventHashes(batch);
    const start = first % EXACT_EVENTS;
    for (let position = 0; position < batch.total;) {
      const slot = (start + position) & RING_MASK;
      const inPage = slot % PAGE_EVENTS;
      if (inPage === 0) this.openPage(first + position);
      const count = Math.min(PAGE_EVENTS - inPage, batch.total - position);
      hashes.write(ring, slot, count);
      position += count;
    }
    this.end = first + batch.total;
  }

  /**
   * Tells that reading goes on at `next`. Fingerprints from there on are dropped, since they are those of
   * another history. Where `next` is beyond the end, only samples of the fingerprints before the gap are
   * kept.
   */
  goOnAt(next: number): void {
    if (next === this.end) return;
    if (next < this.end) {
      this.unsavedFrom = Math.min(this.unsavedFrom, next);
      this.keepSamples(this.samples.filter(({ offset }) => offset < next));
      this.end = Math.max(this.from, next);
      if (next > this.from) return;
    } else if (this.end > this.from) {
      // The last event is always a sample: the bus is asked for it first.
      const last = this.at(this.size - 1);
      for (let offset = pageEnd(this.from); offset < this.end; offset += PAGE_EVENTS) {
        this.addSample(offset - 1);
      }
      this.keepSamples([...this.samples, last]);
    }
    this.from = this.end = this.unsavedFrom = next;
  }

  /** The pages that have changed since {@link saved} was called, and the numbers of all pages. */
  unsaved(): StoredHistory & {
    readonly firstPage: number;
    readonly endPage: number;
    areSamplesSaved: boolean;
  } {
    const pages: HistoryPage[] = [];
    const { from, end, ring } = this;
    for (let first = Math.max(from, pageStart(Math.min(this.unsavedFrom, end))); first < end;) {
      const pageEnds = Math.min(end, pageEnd(first));
      const slot = first % EXACT_EVENTS;
      pages.push({
        page: Math.floor(first / PAGE_EVENTS),
        first,
        hashes: ring.slice(slot, slot + pageEnds - first),
      });
      first = pageEnds;
    }
    return {
      pages,
      samples: this.samples,
      areSamplesSaved: this.areSamplesSaved,
      firstPage: Math.floor(from / PAGE_EVENTS),
      // Behind a gap, nothing is known of a page that was read in part before.
      endPage: end === from ? Math.floor(from / PAGE_EVENTS) : Math.ceil(end / PAGE_EVENTS),
    };
  }

  /** Tells that what {@link unsaved} returned is on disk. */
  saved(): void {
    this.unsavedFrom = this.end;
    this.areSamplesSaved = true;
  }

  /** Allocates the ring when it is first needed, since it takes 256 KiB. */
  private makeRoom(): void {
    if (this.ring.length === 0) this.ring = new Int32Array(EXACT_EVENTS);
  }

  /** Makes room for the page whose first event has this offset: it replaces the oldest page in the ring. */
  private openPage(offset: number): void {
    const goneEnd = offset - EXACT_EVENTS + PAGE_EVENTS;
    if (this.from >= goneEnd) return;
    this.addSample(goneEnd - 1);
    this.from = goneEnd;
  }

  private addSample(offset: number): void {
    this.samples.push({ offset, hash: this.ring[offset % EXACT_EVENTS]! });
    this.areSamplesSaved = false;
    if (this.samples.length <= this.samplesMax) return;
    this.keepSamples(
      this.samples.filter((sample) => (sample.offset + 1) % strideAt(offset - sample.offset) === 0),
    );
    this.samplesMax = Math.max(2 * PAGES, this.samples.length * 2);
  }

  private keepSamples(samples: Fingerprint[]): void {
    this.areSamplesSaved &&= samples.length === this.samples.length;
    this.samples = samples;
  }
}

/** The fingerprint of the only event of a reply. */
export function fingerprintOf(batch: EventBatch): number {
  const hash = new Int32Array(1);
  new EventHashes(batch).write(hash, 0, 1);
  return hash[0]!;
}

/**
 * Whether the only event of a reply (protocol v1) has a fingerprint. The settings may have begun or ceased to
 * map records since the fingerprint was made. So both the hash of a valid event's values and the hash of its
 * bytes count.
 */
export function hasFingerprint(batch: EventBatch, fingerprint: number): boolean {
  const { rawStart, rawEnd } = batch.count > 0
    ? { rawStart: batch.rawStart[0]!, rawEnd: batch.rawEnd[0]! }
    : batch.invalid[0]!;
  return fingerprintOf(batch) === fingerprint ||
    hashBytes(batch.bytes, rawStart, rawEnd - rawStart) === fingerprint;
}

/**
 * The hashes of a batch's events in their order. For a valid event it is the hash of its values, however they
 * are spelt; for an invalid one and for a mapped record, the hash of its bytes, so that another mapping does
 * not look like another history. The hashes are kept on disk: a change of them needs a migration that empties
 * `history`.
 */
class EventHashes {
  private readonly values: Int32Array;
  private readonly times: Int32Array;
  private position = 0;
  private valid = 0;
  private invalid = 0;

  constructor(private readonly batch: EventBatch) {
    this.values = new Int32Array(batch.value.buffer);
    this.times = new Int32Array(batch.timeMs.buffer);
  }

  /** Writes the hashes of the next `count` events into `target` from `at` on. */
  write(target: Int32Array, at: number, count: number): void {
    if (this.batch.isMapped) return this.writeRecords(target, at, count);
    const { values, times } = this;
    const { bytes, count: validCount, position, nameHash, functionId, idLength, idHash, invalid } =
      this.batch;
    let i = this.valid;
    for (let k = 0; k < count; k++) {
      if (i === validCount || position[i] !== this.position + k) {
        const { rawStart, rawEnd } = invalid[this.invalid++]!;
        target[at + k] = hashBytes(bytes, rawStart, rawEnd - rawStart);
        continue;
      }
      const high = values[2 * i + 1]!;
      // An event that names no function counts as one that names `sum`: it meant that when the fingerprints
      // in older states were made. Each value has a factor of its own, so that all can be multiplied at once.
      // The upper half of a short number has its digits at the top.
      target[at + k] = Math.imul(nameHash[i]!, 0x9e3779b1) + Math.imul(values[2 * i]!, 0x85ebca77) +
          Math.imul(high ^ (high >>> 17), 0xc2b2ae3d) + Math.imul(times[2 * i]!, 0x27d4eb2f) +
          Math.imul(times[2 * i + 1]! ^ Math.max(0, functionId[i]!), 0x165667b1) +
          (idLength[i] === 0 ? 0 : Math.imul(idHash[i]!, 0x7feb352d)) | 0;
      i++;
    }
    this.valid = i;
    this.position += count;
  }

  /**
   * Writes the hashes of mapped records. All events of a record, valid or not, have its position and its
   * bytes.
   */
  private writeRecords(target: Int32Array, at: number, count: number): void {
    const { batch } = this;
    for (let k = 0; k < count; k++) {
      const position = this.position++;
      let [start, end] = [0, 0];
      for (; this.valid < batch.count && batch.position[this.valid] === position; this.valid++) {
        [start, end] = [batch.rawStart[this.valid]!, batch.rawEnd[this.valid]!];
      }
      for (; batch.invalid[this.invalid]?.index === position; this.invalid++) {
        const { rawStart, rawEnd } = batch.invalid[this.invalid]!;
        [start, end] = [rawStart, rawEnd];
      }
      target[at + k] = hashBytes(batch.bytes, start, end - start);
    }
  }
}

function pageStart(offset: number): number {
  return offset - offset % PAGE_EVENTS;
}

/** One past the last offset of the page that `offset` is in. */
function pageEnd(offset: number): number {
  return pageStart(offset) + PAGE_EVENTS;
}

/** The distance between two samples at that age. */
function strideAt(distance: number): number {
  return PAGE_EVENTS * 2 ** Math.max(0, Math.floor(Math.log2(distance / EXACT_EVENTS)));
}
