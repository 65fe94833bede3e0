import type { RecordReader } from "../../codec/mapping/record_reader.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import type { FoundHeader } from "./csv_header.ts";
import type { FileContent } from "./file_content.ts";
import { cutLines, LINE_MAX_BYTES, readEventLines, readLines } from "./record_cutter.ts";

const NEWLINE = 0x0a;
/** What a buffer begins with. Many files are read at once, and most lines are short. */
const FIRST_BYTES = 64 * 1024;
/** What is read at once for each line that is asked for: some of them fill it again and again. */
const USUAL_LINE_BYTES = 256;
/** Of a line that is too long, what its dead letter keeps. */
const BEGINNING_BYTES = 64 * 1024;

/** What was taken off the beginning of a buffer. */
interface Taken {
  readonly bytes: number;
  /** Of CSV: the header of what lies behind it. */
  readonly header: FoundHeader | undefined;
}

/** A piece of a content, of which whole lines are taken from its beginning. */
export class LineBuffer {
  private bytes = new Uint8Array(0);
  private start = 0;
  private end = 0;

  /** @param at Where the piece begins, in bytes of the content. */
  constructor(public at = 0) {}

  /** How many bytes it has. */
  get length(): number {
    return this.end - this.start;
  }

  /** Whether it has as many bytes as a line may have. */
  get isFull(): boolean {
    return this.length === LINE_MAX_BYTES;
  }

  /** Whether it has to grow before more finds room. */
  get isTight(): boolean {
    return this.length === this.bytes.length;
  }

  /** Empties it where it does not begin there. */
  seek(at: number): void {
    if (at === this.at) return;
    this.at = at;
    this.empty();
  }

  empty(): void {
    this.start = this.end = 0;
  }

  /** Empties it and gives its memory back. */
  release(): void {
    this.empty();
    this.bytes = new Uint8Array(0);
  }

  /** Room for what follows; of no bytes where it is full. Who fills it says so with {@link added}. */
  room(): Uint8Array {
    if (this.isTight && !this.isFull) {
      const grown = new Uint8Array(Math.min(LINE_MAX_BYTES, Math.max(FIRST_BYTES, 2 * this.bytes.length)));
      // A buffer without room begins at the beginning of its bytes.
      grown.set(this.bytes);
      this.bytes = grown;
    } else if (this.start > 0) {
      this.bytes.copyWithin(0, this.start, this.end);
      this.end -= this.start;
      this.start = 0;
    }
    return this.bytes.subarray(this.end);
  }

  added(count: number): void {
    this.end += count;
  }

  /**
   * Reads on in a content until there are about as many lines, or that is at its end.
   *
   * @param isInside What it begins with is the rest of a line.
   * @throws {SourceError} There is not even a line before what cannot be read.
   */
  async fill(
    content: FileContent,
    limit: number,
    header: FoundHeader | undefined,
    isInside: boolean,
  ): Promise<void> {
    const wanted = limit * USUAL_LINE_BYTES;
    for (;;) {
      if (this.isTight && this.length > 0 && (isInside || (this.length >= wanted && this.hasLine(header)))) {
        return;
      }
      const room = this.room();
      if (room.length === 0) return;
      const count = await content.read(this.at + this.length, room).catch((error) => {
        // What lies before a cut is read first.
        if (this.hasLine(header) || (isInside && this.length > 0)) return 0;
        throw error;
      });
      if (count === 0) return;
      this.added(count);
    }
  }

  /** Whether there is a whole line. */
  hasLine(header: FoundHeader | undefined): boolean {
    return cutLines(this.view, 1, false, header?.columns).bounds.length > 0;
  }

  /**
   * Takes lines, and makes events of them. It ends behind a header of CSV that is another one than before.
   *
   * @param isLast Nothing follows.
   */
  take(
    into: EventBatch,
    limit: number,
    isLast: boolean,
    reader: RecordReader | undefined,
    header: FoundHeader | undefined,
    arrivedMs: number,
  ): Taken {
    if (reader === undefined) {
      const { starts, taken } = readEventLines(this.view, limit, isLast, into);
      // The batch gives its bytes away.
      into.bytes = this.view.slice(0, taken);
      const { at } = this;
      into.originOf = (position) => ({ offset: at + starts[position]! });
      return { bytes: this.drop(taken), header };
    }
    const { bounds, taken } = cutLines(this.view, limit, isLast, header?.columns);
    // The batch gives its bytes away.
    const bytes = this.view.slice(0, taken);
    const { starts, next } = readLines(bytes, bounds, into, reader, arrivedMs, header?.columns);
    const { at } = this;
    into.originOf = (position) => ({ offset: at + starts[position]! });
    if (next === undefined) return { bytes: this.drop(taken), header };
    const { columns, index } = next;
    return {
      bytes: this.drop(bounds[index + 2] ?? taken),
      header: { at: at + bounds[index]!, columns },
    };
  }

  /** Refuses the line that it is full of. Returns how many bytes were taken. */
  refuse(into: EventBatch): number {
    into.reset(this.view.slice(0, BEGINNING_BYTES));
    into.total = 1;
    const detail = `a line of more than ${LINE_MAX_BYTES} bytes`;
    into.invalid.push({ index: 0, detail, rawStart: 0, rawEnd: BEGINNING_BYTES });
    const { at: offset } = this;
    into.originOf = () => ({ offset });
    return this.drop(this.length);
  }

  /** All that is in it, as long as nothing is taken. */
  peek(): Uint8Array {
    return this.view;
  }

  /** Takes the rest of a line. Returns whether its end was there. */
  skip(): boolean {
    const found = this.view.indexOf(NEWLINE);
    this.drop(found < 0 ? this.length : found + 1);
    return found >= 0;
  }

  private get view(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(this.start, this.end);
  }

  private drop(count: number): number {
    this.start += count;
    this.at += count;
    return count;
  }
}
