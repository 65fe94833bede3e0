import {
  type Extent,
  type Outcome,
  type Partition,
  type PartitionId,
  type Progress,
  type ReadRequest,
  type SourceContext,
  SourceError,
} from "../../contract/source.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import { type FoundHeader, readCsvHeader } from "./csv_header.ts";
import { LineBuffer } from "./line_buffer.ts";
import type { Closable, OpenFiles } from "./open_files.ts";
import type { FoundFile } from "./file_names.ts";
import type { FileKey } from "./file_key.ts";
import { OpenFile, sourceError } from "./open_file.ts";
import type { Reading } from "./reading.ts";
import { type FileMark, markOf, pointAt, positionOf, type ReadPoint } from "./file_mark.ts";

/** To go on in a compressed file, all before that has to be gone through. */
const READ_MAX_MS = 600_000;
/** Whoever has a file open may write to it for a while after it was renamed. */
export const LINGER_MS = 60_000;
/** Between two looks at a file for more. */
const LOOK_MS = 200;

interface Successor {
  readonly found: FoundFile;
  readonly opened: OpenFile;
}

/** A file, under whatever name. */
export class FilePartition implements Partition, Closable {
  readonly replay = "from-position";
  readonly readMaxMs = READ_MAX_MS;
  /** When it was read to its end and nothing has come since; undefined: it was not. Monotonic. */
  private atEndSinceMs: number | undefined;
  /** Whether nothing is written to it any more, so that what has no line break at its end is a line. */
  isComplete: boolean;
  private file: OpenFile | undefined;
  private readonly buffer = new LineBuffer();
  private header: FoundHeader | undefined;
  private hasWarned = false;
  private isClosed = false;
  private isRead = false;
  private hasBeenAtEnd = false;
  private readBytes = 0;
  /** The name that it has now, or had last. */
  path: string;
  /** Where the last read began; undefined: at the beginning. What is before it was taken in. */
  mark: FileMark | undefined;
  /** The files that go on where its own one ends, one after the other. */
  private readonly successors: Successor[] = [];

  /** @param openFiles Undefined: it stays open. */
  constructor(
    readonly id: PartitionId,
    private found: FoundFile,
    private readonly reading: Reading,
    private readonly context: Pick<SourceContext, "clock" | "logger">,
    private readonly openFiles?: OpenFiles,
  ) {
    this.isComplete = !reading.isFollowed;
    this.path = found.path;
  }

  /** What is being written to a file might be cut off again while it waits. */
  get waitsForOthers(): boolean {
    return !this.reading.isFollowed || !this.hasBeenAtEnd;
  }

  get extent(): Extent | undefined {
    if (this.reading.isFollowed) return undefined;
    const { found: { bytes: allBytes }, readBytes } = this;
    return { readBytes: Math.min(readBytes, allBytes), allBytes };
  }

  async read(
    { position }: Progress,
    into: EventBatch,
    request: ReadRequest,
    signal: AbortSignal,
  ): Promise<Outcome> {
    if (this.isClosed) throw new SourceError("unavailable", `${this.path}: it is not read any more`);
    if (this.file === undefined && this.openFiles !== undefined && this.atEndSinceMs !== undefined) {
      return { kind: "idle", lineage: undefined, next: position, offset: undefined, lost: 0, decodeMs: 0 };
    }
    this.isRead = true;
    this.openFiles?.use(this);
    try {
      this.mark = markOf(position);
      await this.changeWhenRead();
      const file = this.file ??= await OpenFile.open(this.path, this.found);
      const size = this.reading.isFollowed ? await file.size() : undefined;
      await file.look();
      const from = await this.startOf(file);
      return await this.readFrom(file, from, into, request) ??
        await this.idle(file, from, request, size, signal);
    } catch (error) {
      throw sourceError(this.path, error);
    } finally {
      this.isRead = false;
    }
  }

  committed(): Promise<void> {
    return Promise.resolve();
  }

  /** Opens it, so that it can be read whatever becomes of its name. Why it cannot be, reading it says. */
  async prepare(): Promise<void> {
    this.file ??= await OpenFile.open(this.path, this.found).catch(() => undefined);
  }

  /** A name that matches leads to it. */
  isAt(path: string): void {
    this.path = path;
    this.isComplete = !this.reading.isFollowed;
  }

  /** A file that has its lines. It is read from where its own one ends, once nobody writes to that. */
  goOnIn(found: FoundFile, opened: OpenFile): void {
    this.successors.push({ found, opened });
    this.isComplete = !this.reading.isFollowed;
  }

  get isChanging(): boolean {
    return this.successors.length > 0;
  }

  /** The file that it reads, or will. */
  get fileKey(): FileKey {
    return this.successors.at(-1)?.found ?? this.found;
  }

  /** The end of that file; undefined: it is not known. @throws {SourceError} */
  async end(): Promise<FileMark | undefined> {
    const { mark, path } = this;
    const file = this.successors.at(-1)?.opened ?? this.file;
    return file === undefined || file.isCompressed
      ? mark
      : await file.markAt(pointAt(await file.size()), path);
  }

  /** Nothing is written to it any more. It has to come to its end once more. */
  complete(): void {
    this.isComplete = true;
    this.atEndSinceMs = undefined;
  }

  /** Whether it can be read to its end whatever becomes of its name. */
  get isOpen(): boolean {
    return this.file !== undefined;
  }

  /** Whether it was read to its end, and nothing has come for that long. @throws {SourceError} */
  async isQuietFor(ms: number): Promise<boolean> {
    const { atEndSinceMs, buffer, context: { clock }, file } = this;
    const isRead = file === undefined || file.isCompressed || await file.size() <= buffer.at + buffer.length;
    return isRead && atEndSinceMs !== undefined && clock.monotonicMs() - atEndSinceMs >= ms;
  }

  pause(): boolean {
    if (this.isRead) return false;
    this.file?.close();
    this.file = undefined;
    this.buffer.release();
    return true;
  }

  /** A read that is under way fails. */
  close(): void {
    this.isClosed = true;
    this.file?.close();
    this.file = undefined;
    for (const { opened } of this.successors.splice(0)) opened.close();
  }

  /** Changes over to the next file, once its own one was read and nobody writes to that. */
  private async changeWhenRead(): Promise<void> {
    const { successors } = this;
    while (successors.length > 0) {
      if (!await this.isQuietFor(await this.file?.isDeleted() ? 0 : LINGER_MS)) return;
      const { found, opened } = successors.shift()!;
      this.file?.close();
      this.file = opened;
      this.found = found;
      this.header = undefined;
      this.buffer.empty();
    }
  }

  private async startOf(file: OpenFile): Promise<ReadPoint> {
    const { mark, path } = this;
    if (mark !== undefined && await file.holds(mark)) return mark;
    // A file that is written anew again and again is told of once. One of another name has the number of one
    // that was deleted.
    if (mark?.path === path && !this.hasWarned) {
      this.hasWarned = true;
      this.context.logger.warn(
        `${path}: it was truncated or written anew: it is read from its beginning. What ` +
          `was written to it and not read before is lost`,
      );
    }
    this.header = undefined;
    this.buffer.empty();
    return pointAt(0);
  }

  /** Undefined: there is nothing yet. */
  private async readFrom(
    file: OpenFile,
    from: ReadPoint,
    into: EventBatch,
    request: ReadRequest,
  ): Promise<Outcome | undefined> {
    const { at, isInside, headerAt } = from;
    const { buffer, context: { clock }, reading: { isFollowed, reader } } = this;
    const isCsv = reader?.mapping.format === "csv";
    const isComplete = this.isComplete || file.isCompressed;
    if (isCsv && this.header?.at !== headerAt) {
      this.header = await readCsvHeader(file, headerAt, isComplete);
    }
    const { header } = this;
    buffer.seek(at);
    if (!isCsv || header !== undefined) await this.fill(file, request.limit, isInside);
    if (buffer.length === 0 || (isCsv && header === undefined)) return undefined;
    const piece = { at, bytes: buffer.peek() };
    if (isFollowed && !await file.has(from === this.mark ? this.mark : undefined, piece)) {
      buffer.empty();
      throw new SourceError("incomplete", `${this.path}: it was written anew while it was read`);
    }
    const startedMs = clock.monotonicMs();
    into.reset(new Uint8Array(0));
    let isInsideNext = false;
    if (isInside) isInsideNext = !buffer.skip();
    else {
      let taken = buffer.take(into, request.limit, false, reader, header, clock.nowMs());
      if (taken.bytes === 0 && buffer.isFull) {
        buffer.refuse(into);
        isInsideNext = true;
      } else if (taken.bytes === 0 && isComplete) {
        taken = buffer.take(into, request.limit, true, reader, header, clock.nowMs());
      } else if (taken.bytes === 0) return undefined;
      this.header = taken.header;
    }
    this.atEndSinceMs = undefined;
    this.readBytes = file.content.storedBytesAt(buffer.at);
    const { originOf } = into;
    into.originOf = (index) => ({ ...originOf?.(index), path: this.path });
    const next = positionOf(await file.markAt(this.pointAfter(isInsideNext), this.path, piece));
    const step = { lineage: undefined, next, offset: undefined, lost: 0 };
    if (into.total === 0) return { kind: "gap", ...step };
    return { kind: "events", ...step, decodeMs: clock.monotonicMs() - startedMs };
  }

  /** Behind what was taken. */
  private pointAfter(isInside: boolean): ReadPoint {
    return { at: this.buffer.at, isInside, headerAt: this.header?.at ?? 0 };
  }

  /** Fills the buffer where it does not have the lines already. */
  private async fill(file: OpenFile, limit: number, isInside: boolean): Promise<void> {
    const { buffer, header } = this;
    const { length } = buffer;
    if (!isInside && length > 0 && buffer.hasLine(header)) return;
    // Half a line may have been taken back meanwhile. What is compressed can be read only once.
    if (!file.isCompressed) buffer.empty();
    await buffer.fill(file.content, limit, header, isInside);
    if (buffer.length > length) this.atEndSinceMs = undefined;
  }

  /** @param size Of a followed file before it was read: what was written since then ends the wait. */
  private async idle(
    file: OpenFile,
    from: ReadPoint,
    { waitMs }: ReadRequest,
    size: number | undefined,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { clock } = this.context;
    this.atEndSinceMs ??= clock.monotonicMs();
    this.hasBeenAtEnd = true;
    this.readBytes = this.found.bytes;
    if (this.buffer.length === 0) this.buffer.release();
    if (size !== undefined && !this.isComplete) {
      const untilMs = clock.monotonicMs() + waitMs;
      for (let restMs = waitMs; restMs > 0 && !signal.aborted; restMs = untilMs - clock.monotonicMs()) {
        await clock.sleep(Math.min(restMs, LOOK_MS), signal);
        if (await file.size() !== size) break;
      }
    }
    const { mark, path } = this;
    const { device, inode } = file;
    // What was read is known by what it was before the wait.
    const next = positionOf(from === mark ? { ...mark, device, inode, path } : await file.markAt(from, path));
    return { kind: "idle", lineage: undefined, next, offset: undefined, lost: 0, decodeMs: 0 };
  }
}
