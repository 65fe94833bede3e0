import { isUtf8 } from "node:buffer";
import { EventBatch } from "../../event/event_batch.ts";
import { appendEvent } from "../append_event.ts";
import type { Reading } from "./reading.ts";

/** Events that a record may have: each takes more memory than the byte or two that it may be written with. */
export const EVENTS_MAX = 10_000;

/** What a fast path returns that leaves the rest of a record to the slow one. */
export const FAILED = -1;

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** The events of one record on their way into a batch. It serves one record after the other. */
export class RecordEvents {
  batch = new EventBatch();
  /** Where the text of the record is. */
  bytes: Uint8Array = this.batch.bytes;
  textStart = 0;
  textEnd = 0;
  /** Events so far, valid or not. */
  count = 0;
  /** Of the record, in the bytes of the batch. */
  start = 0;
  end = 0;
  position = 0;
  private countBefore = 0;
  private invalidBefore = 0;
  /** Whether its text is another one than its bytes; a text that is no UTF-8 is there as such. */
  private hasText = false;
  private content: string | undefined;
  private isText: boolean | undefined;
  private wholeText: (() => string) | undefined;

  constructor(private readonly eventsMax = EVENTS_MAX) {}

  /** Begins with the record from `start` to `end` in a batch, whose text is itself. */
  begin(batch: EventBatch, position: number, start: number, end: number): void {
    this.batch = batch;
    this.bytes = batch.bytes;
    this.textStart = start;
    this.textEnd = end;
    this.count = 0;
    this.start = start;
    this.end = end;
    this.position = position;
    this.countBefore = batch.count;
    this.invalidBefore = batch.invalid.length;
    this.hasText = false;
    this.content = undefined;
    this.isText = undefined;
    this.wholeText = undefined;
  }

  /** Its text is another one than its bytes, and stands there. */
  textAt(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.textStart = start;
    this.textEnd = end;
    this.hasText = true;
  }

  /** Its text is another one than its bytes, and no UTF-8. */
  textIs(content: string): void {
    this.hasText = true;
    this.content = content;
  }

  /** A dead letter of the whole record has this text, not the record's bytes. */
  wholeIs(make: () => string): void {
    this.wholeText = make;
  }

  /** Whether the text is UTF-8. Found out only when it matters. */
  isUtf8(): boolean {
    return this.isText ??= isUtf8(this.bytes.subarray(this.textStart, this.textEnd));
  }

  /** A part of a text that is UTF-8. */
  text(start = this.textStart, end = this.textEnd): string {
    return this.decoded(this.bytes, start, end);
  }

  refuse(detail: string, alone = this.whole()): void {
    const { batch, position, start, end } = this;
    batch.invalid.push({ index: position, detail, rawStart: start, rawEnd: end, alone });
  }

  /** Adds one. Returns whether more may follow. */
  take({ event, alone = this.whole() }: Reading): boolean {
    const { batch } = this;
    if (this.count++ === this.eventsMax) {
      this.refuse(`more than ${this.eventsMax} events in one record: the rest of them`);
      return false;
    }
    if (typeof event === "string") {
      this.refuse(event, alone);
      return true;
    }
    batch.reserve();
    if (alone !== undefined) batch.alone[batch.count] = alone;
    appendEvent(batch, event, this.position, this.start, this.end);
    return true;
  }

  /** After the last one. */
  finish(): void {
    const { batch, invalidBefore } = this;
    // Where nothing fits, it is the mapping that does not: the record is kept in whole, for another one.
    const refused = batch.invalid.length - invalidBefore;
    if (batch.count === this.countBefore && refused > 1) {
      const { detail } = batch.invalid[invalidBefore]!;
      batch.invalid.length = invalidBefore;
      this.refuse(`${detail}; and ${refused - 1} more of its parts do not fit`);
      return;
    }
    batch.surplus += Math.max(0, this.count - 1);
  }

  /** Takes all of them back. */
  undo(): void {
    const { batch, countBefore } = this;
    batch.count = countBefore;
    batch.invalid.length = this.invalidBefore;
    batch.alone.fill(undefined, countBefore);
    this.count = 0;
    this.wholeText = undefined;
  }

  /** The text, where it is another one than the record's bytes. */
  private whole(): (() => string) | undefined {
    const { bytes, textStart, textEnd, content, wholeText } = this;
    if (wholeText !== undefined) return wholeText;
    return this.hasText ? () => content ?? this.decoded(bytes, textStart, textEnd) : undefined;
  }

  private decoded(bytes: Uint8Array, start: number, end: number): string {
    return DECODER.decode(bytes.subarray(start, end));
  }
}
