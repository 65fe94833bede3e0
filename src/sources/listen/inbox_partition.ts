import type { RecordContext } from "../../codec/mapping/reading.ts";
import {
  type InboxFill,
  type Outcome,
  type Partition,
  type Progress,
  type ReadRequest,
  type SourceContext,
  SourceError,
} from "../../contract/source.ts";
import type { EventBatch, RecordOrigin } from "../../event/event_batch.ts";
import type { RecordFormat } from "./decoder.ts";
import type { FormatReaders } from "./format_readers.ts";
import type { Inbox, RunPart } from "./inbox.ts";

/** It is read from a file on this host. */
const READ_MAX_MS = 60_000;

/**
 * The inbox, read in order. A position is the offset of the next record; a lineage is the identity of the
 * inbox.
 */
export class InboxPartition implements Partition {
  readonly id = "";
  readonly replay = "from-position";
  readonly readMaxMs = READ_MAX_MS;

  /** @param assertListening Throws a `SourceError` where nothing can be received. */
  constructor(
    private readonly inbox: Inbox,
    private readonly readers: FormatReaders,
    private readonly context: Pick<SourceContext, "clock">,
    private readonly assertListening: () => void = () => {},
  ) {}

  async read(
    { lineage, position }: Progress,
    into: EventBatch,
    { limit, waitMs }: ReadRequest,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { inbox } = this;
    this.assertListening();
    const { id, first, reached } = inbox;
    if (lineage !== undefined && lineage !== id) {
      const lost = first + inbox.goneWith(lineage, position);
      return { kind: "restarted", lineage: id, next: `${first}`, offset: first, lost };
    }
    const at = position === undefined ? first : offsetOf(position);
    const present = at < first ? first : this.presentFrom(at);
    if (at < present) {
      return { kind: "gap", lineage: id, next: `${present}`, offset: present, lost: present - at };
    }
    // The file was copied back from an earlier time: all that was in it then was read.
    if (at > reached) {
      return { kind: "returned", lineage: id, next: `${reached}`, offset: reached, doubtful: 0 };
    }
    await inbox.waitFor(at, waitMs, signal);
    const startedMs = this.context.clock.monotonicMs();
    const { count, repeated } = this.take(at, limit, into);
    // What it had received is read before.
    const fault = count > 0 ? undefined : inbox.fault;
    if (fault !== undefined) throw new SourceError("unavailable", fault);
    return {
      kind: count > 0 ? "events" : "idle",
      lineage: id,
      next: `${at + count}`,
      offset: at + count,
      lost: 0,
      decodeMs: this.context.clock.monotonicMs() - startedMs,
      ...(repeated.size > 0 && { mayBeRepeated: (position) => repeated.has(position) }),
    };
  }

  committed({ lineage, position }: Progress): Promise<void> {
    if (lineage !== this.inbox.id || position === undefined) return Promise.resolve();
    const offset = offsetOf(position);
    // Beyond that, it is about records that the file no longer has: others have their offsets now.
    if (offset <= this.inbox.reached) this.inbox.release(offset);
    return Promise.resolve();
  }

  get inboxFill(): InboxFill {
    const { bytes, maxBytes } = this.inbox;
    return { bytes, maxBytes };
  }

  unreadAfter(position: string): number | undefined {
    const unread = this.inbox.next - Number(position);
    return Number.isNaN(unread) ? undefined : Math.max(0, unread);
  }

  /** As that of the inbox. @throws {SourceError} */
  private presentFrom(offset: number): number {
    try {
      return this.inbox.presentFrom(offset);
    } catch (error) {
      throw unreadable(error);
    }
  }

  /**
   * Returns how many records there were, and the positions in the batch of those that may be repeated.
   *
   * @throws {SourceError}
   */
  private take(
    at: number,
    limit: number,
    into: EventBatch,
  ): { readonly count: number; readonly repeated: ReadonlySet<number> } {
    const repeated = new Set<number>();
    let parts: RunPart[];
    try {
      parts = at < this.inbox.next ? this.inbox.read(at, limit) : [];
    } catch (error) {
      throw unreadable(error);
    }
    const arrivedMs = this.context.clock.nowMs();
    const size = parts.reduce((sum, part) => sum + endOf(part) - startOf(part) + 1, 0);
    const bytes = new Uint8Array(size);
    into.reset(bytes);
    if (parts.length === 0) return { count: 0, repeated };
    const { format } = parts[0]!.run;
    const read = this.readers.for(format, into);
    const origins = new RunOrigins(format);
    into.originOf = (position) => origins.of(position);
    let offset = 0;
    for (const part of parts) {
      const { run: { decoded, mayBeRepeated, records, topic, arrivedMs: busMs }, from, to } = part;
      const first = into.total;
      into.upstream?.note(this.inbox.traces.at(part.run.first));
      const start = startOf(part);
      bytes.set(records.bytes.subarray(start, endOf(part)), offset);
      offset -= start;
      if (decoded !== undefined && to - from === records.ends.length) decoded.addTo(into, offset);
      else {
        const context: RecordContext = { topic, busMs, arrivedMs };
        for (let i = from; i < to; i++) {
          read(offset + (i === from ? start : records.ends[i - 1]! + 1), offset + records.ends[i]!, context);
        }
      }
      offset += endOf(part) + 1;
      origins.add(into.total, topic, busMs);
      for (let position = first; mayBeRepeated && position < into.total; position++) repeated.add(position);
    }
    return { count: into.total, repeated };
  }
}

/** What a dead letter needs of the request that brought its record. */
class RunOrigins {
  private readonly runs: { readonly end: number; readonly origin: RecordOrigin }[] = [];

  constructor(private readonly format: RecordFormat) {}

  /** @param end Position after the last record of the run in the batch. */
  add(end: number, topic: string | undefined, busMs: number | undefined): void {
    const isEvent = this.format === "event" ? true : undefined;
    this.runs.push({ end, origin: { topic, isEvent, busMs } });
  }

  of(position: number): RecordOrigin {
    return this.runs.find(({ end }) => position < end)!.origin;
  }
}

function startOf({ run: { records: { ends } }, from }: RunPart): number {
  return from === 0 ? 0 : ends[from - 1]! + 1;
}

function endOf({ run: { records: { ends } }, to }: RunPart): number {
  return ends[to - 1]!;
}

function unreadable(error: unknown): SourceError {
  return new SourceError("unavailable", `the inbox cannot be read: ${(error as Error).message}`);
}

/** @throws {SourceError} */
function offsetOf(position: string): number {
  if (/^\d{1,15}$/.test(position)) return Number(position);
  throw new SourceError(
    "refused",
    `the state says that the inbox was read to ${position}, which is no offset: was it another source ` +
      "before? Give this one another URL, or the handler another STATE_DIR",
  );
}
