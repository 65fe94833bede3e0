import { functionId, UNNAMED } from "../../event/agg_function.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import { hashBytes } from "../../event/text_hash.ts";
import { ID_MAX_BYTES } from "../append_event.ts";
import { BYTE_F, BYTE_T, NEWLINE, NINE, QUOTE, RETURN } from "../ascii.ts";
import { Words } from "../words.ts";
import { ByteCache, isAt, OnePart, type Parts } from "./byte_cache.ts";
import { NO_ROW, partsOf, rowReadings } from "./csv_readings.ts";
import { byteKinds, CsvLayout, ENDS_CELL, IN_CELL } from "./csv_layout.ts";
import { csvRowEnd } from "./csv_row_end.ts";
import { rowAt } from "./csv_rows.ts";
import type { EventMapping } from "./event_mapping.ts";
import { KnownSeries, SeriesWriter } from "./known_series.ts";
import { isMeantAsNumber, numberIn } from "./number.ts";
import { asciiBetween, decimalIn, timeMsIn } from "./number_bytes.ts";
import { makeEvent, type RecordContext } from "./reading.ts";
import { EVENTS_MAX, FAILED, type RecordEvents } from "./record_events.ts";
import { perSecond, timeIn } from "./time.ts";

/** The bit by which lower case differs from upper case in ASCII. */
const LOWER_CASE = 0x20;
/** Of a cell in quotes. */
const IN_QUOTES = byteKinds('"');
/** Headers that are remembered come to no more, by {@link ByteCache.grow}. */
const LAYOUTS_BYTES_MAX = 1024 * 1024;

/**
 * The fast path over CSV: it walks over the bytes of a row once. The cells that make its series are looked up
 * as they stand there, and are read when they come for the first time. Rows that are not plain go to the slow
 * path, one by one; so do whole records whose header is not.
 */
export class CsvBytes {
  /** By the bytes of their headers. */
  private readonly layouts = new ByteCache<{ readonly layout: CsvLayout | undefined }>(LAYOUTS_BYTES_MAX);
  /** By cells: the series of each column that has a value. */
  private readonly known = new ByteCache<(KnownSeries | undefined)[]>();
  private readonly perSecond: number | undefined;
  private readonly writer = new SeriesWriter();
  private words = new Words(new Uint8Array(0));
  private bytes = this.words.bytes;
  private readonly header = new OnePart();
  /** Where the cells of a row are. */
  private starts = new Int32Array(0);
  private ends = new Int32Array(0);

  /** Undefined: there are mappings that it does not know. */
  static for(mapping: EventMapping): CsvBytes | undefined {
    const { format, name, labels } = mapping;
    const rules = typeof labels === "object" && !("tokens" in labels) ? labels : [];
    const templates = [name, ...rules.map(({ template }) => template)];
    // The same cells are another series under another topic or key.
    const isKnown = templates.every(({ parts }) =>
      parts.every((part) => typeof part === "string" || part.kind === "pointer" || part.kind === "column")
    );
    return format === "csv" && isKnown ? new CsvBytes(mapping) : undefined;
  }

  private constructor(private readonly mapping: EventMapping) {
    this.perSecond = perSecond(mapping.timeUnit);
  }

  /** Adds the events of a record. Returns false where it is for the slow path. */
  read(events: RecordEvents, context: RecordContext): boolean {
    const { bytes, textStart, textEnd } = events;
    if (this.bytes !== bytes) {
      this.words = new Words(bytes);
      this.bytes = bytes;
    }
    const start = isAt(BYTE_ORDER_MARK, bytes, textStart, 3) && textEnd - textStart >= 3
      ? textStart + 3
      : textStart;
    const headerEnd = this.headerEnd(events, start);
    const layout = headerEnd === FAILED ? undefined : this.layoutOf(start, headerEnd);
    if (layout === undefined) return false;
    let isEmpty = true;
    for (let at = this.afterBreak(headerEnd, textEnd); at < textEnd;) {
      const end = this.plainRow(events, layout, at, context);
      if (end !== FAILED) {
        isEmpty = false;
        at = this.afterBreak(end, textEnd);
        continue;
      }
      if (!events.isUtf8()) return false;
      const slowEnd = csvRowEnd(bytes, at, textEnd, layout.separator);
      const row = rowAt(events.text(at, slowEnd), 0, layout.header.separator);
      at = this.afterBreak(slowEnd, textEnd);
      if (row.text === "" || row.text === layout.header.row.text) continue;
      isEmpty = false;
      for (const reading of rowReadings(row, layout.header, this.mapping, context)) {
        if (!events.take(reading)) return true;
      }
    }
    if (isEmpty) events.take(NO_ROW);
    return true;
  }

  /** Where the header ends; it is not plain where there are quotes or control characters in it. */
  private headerEnd(events: RecordEvents, start: number): number {
    const { bytes, textEnd } = events;
    let isAscii = true;
    let at = start;
    for (; at < textEnd && bytes[at] !== NEWLINE && bytes[at] !== RETURN; at++) {
      if (bytes[at] === QUOTE) return FAILED;
      if (bytes[at]! >= 0x80) isAscii = false;
    }
    return at === start || !this.isRowEnd(at, textEnd) || (!isAscii && !events.isUtf8()) ? FAILED : at;
  }

  private layoutOf(start: number, end: number): CsvLayout | undefined {
    const { bytes } = this;
    const header = this.header.at(start, end);
    const found = this.layouts.find(this.words, header);
    if (found !== undefined) return found.layout;
    const layout = CsvLayout.of(bytes.slice(start, end), this.mapping);
    this.layouts.add({ layout });
    this.layouts.grow(layout === undefined ? 0 : 16 * (end - start));
    return layout;
  }

  /**
   * Adds the events of the row at `start`. Returns where it ends, or {@link FAILED}: nothing is added then.
   */
  private plainRow(events: RecordEvents, layout: CsvLayout, start: number, context: RecordContext): number {
    const { batch } = events;
    const end = this.cellsAt(events, layout, start);
    if (end === FAILED || isAt(layout.bytes, this.bytes, start, end - start)) return FAILED;
    const timeMs = this.timeOf(layout, context);
    const functionOfRow = this.functionOf(layout);
    if (Number.isNaN(timeMs) || functionOfRow < UNNAMED) return FAILED;
    const countBefore = batch.count;
    const isAdded = this.addValues(batch, layout, context);
    const added = batch.count - countBefore;
    if (!isAdded || added === 0 || events.count + added > EVENTS_MAX) {
      batch.count = countBefore;
      return FAILED;
    }
    const isOwn = this.bytes === batch.bytes;
    const lineStart = isOwn ? start : ~start;
    const idStart = layout.id < 0 ? 0 : this.starts[layout.id]!;
    const idLength = layout.id < 0 ? 0 : this.ends[layout.id]! - idStart;
    if (idLength > ID_MAX_BYTES) {
      batch.count = countBefore;
      return FAILED;
    }
    const idHash = idLength === 0 ? 0 : hashBytes(this.bytes, idStart, idLength);
    for (let i = countBefore; i < batch.count; i++) {
      batch.position[i] = events.position;
      batch.rawStart[i] = events.start;
      batch.rawEnd[i] = events.end;
      batch.functionId[i] = functionOfRow;
      batch.timeMs[i] = timeMs;
      batch.idStart[i] = isOwn ? idStart : ~idStart;
      batch.idLength[i] = idLength;
      batch.idHash[i] = idHash;
      batch.lineStart[i] = lineStart;
      batch.lineLength[i] = end - start;
      batch.lineEvent[i] = i - countBefore;
      batch.alone[i] = layout.alone;
    }
    events.count += added;
    return end;
  }

  /** Notes where the cells of the row at `start` are. Returns where it ends. */
  private cellsAt(events: RecordEvents, { separator, columns, byteKinds }: CsvLayout, start: number): number {
    const { bytes } = this;
    const { textEnd } = events;
    if (this.starts.length < columns) {
      this.starts = new Int32Array(columns);
      this.ends = new Int32Array(columns);
    }
    const { starts } = this;
    let isAscii = true;
    let at = start;
    for (let column = 0;; column++) {
      if (column === columns) return FAILED;
      const isQuoted = at < textEnd && bytes[at] === QUOTE;
      if (isQuoted) at++;
      starts[column] = at;
      const kinds = isQuoted ? IN_QUOTES : byteKinds;
      for (; at < textEnd; at++) {
        const kind = kinds[bytes[at]!];
        if (kind === IN_CELL) continue;
        if (kind === ENDS_CELL) break;
        isAscii = false;
      }
      this.ends[column] = at;
      if (isQuoted && at++ >= textEnd) return FAILED;
      if (at < textEnd && bytes[at] === separator) {
        at++;
        continue;
      }
      const isWhole = column === columns - 1 && at > start && this.isRowEnd(at, textEnd);
      return isWhole && (isAscii || events.isUtf8()) ? at : FAILED;
    }
  }

  /** Begins an event for each value of a row. Returns whether all are plain. */
  private addValues(batch: EventBatch, layout: CsvLayout, context: RecordContext): boolean {
    const { words } = this;
    const cells: Parts = { start: this.starts, end: this.ends, chosen: layout.seriesColumns };
    let known = this.known.find(words, cells, layout.number);
    if (known === undefined) {
      known = [];
      this.known.add(known);
    }
    for (const column of layout.values) {
      const value = this.numberAt(column);
      if (Number.isNaN(value)) {
        if (!layout.isWide || this.isRefused(column)) return false;
        continue;
      }
      const series = known[column] ??= this.newSeries(layout, column, context);
      if (series === undefined) return false;
      batch.reserve();
      this.writer.write(series, batch, batch.count);
      batch.value[batch.count++] = value;
    }
    return true;
  }

  /** Undefined: what the slow path makes of it is no event. */
  private newSeries(layout: CsvLayout, column: number, context: RecordContext): KnownSeries | undefined {
    const cells = Array.from({ length: layout.columns }, (_, i) => this.text(i));
    const event = makeEvent(this.mapping, partsOf({ cells }, layout.header, column), context);
    if (typeof event === "string") return undefined;
    const series = new KnownSeries(event);
    this.known.grow(series.length);
    return series;
  }

  /** NaN: it is none. */
  private numberAt(column: number): number {
    const { bytes } = this;
    const start = this.starts[column]!;
    const end = this.ends[column]!;
    if (start === end) return NaN;
    const decimal = decimalIn(bytes, start, end);
    if (!Number.isNaN(decimal)) return decimal;
    if (this.beginsText(bytes[start]!)) return NaN;
    const number = numberIn(this.text(column));
    return typeof number === "string" ? NaN : number;
  }

  /** Whether a cell that is no number is meant as one. The slow path says why it is none. */
  private isRefused(column: number): boolean {
    const start = this.starts[column]!;
    return start < this.ends[column]! && !this.beginsText(this.bytes[start]!) &&
      isMeantAsNumber(this.text(column));
  }

  /** Whether no number and no boolean begins with this byte. */
  private beginsText(byte: number): boolean {
    return byte > NINE && byte < 0x80 && (byte | LOWER_CASE) !== BYTE_T && (byte | LOWER_CASE) !== BYTE_F;
  }

  /** NaN: it is for the slow path. */
  private timeOf({ time }: CsvLayout, { busMs, arrivedMs }: RecordContext): number {
    if (time < 0) return busMs ?? arrivedMs;
    const { perSecond: unit } = this;
    if (unit !== undefined) return timeMsIn(this.bytes, this.starts[time]!, this.ends[time]!, unit);
    const timeMs = timeIn(this.text(time), this.mapping.timeUnit);
    return typeof timeMs === "string" ? NaN : timeMs;
  }

  /** Less than {@link UNNAMED}: it is for the slow path. */
  private functionOf({ function: column }: CsvLayout): number {
    if (column < 0 || this.starts[column] === this.ends[column]) return UNNAMED;
    const id = functionId(asciiBetween(this.bytes, this.starts[column]!, this.ends[column]!));
    return id < 0 ? UNNAMED - 1 : id;
  }

  private text(column: number): string {
    return DECODER.decode(this.bytes.subarray(this.starts[column], this.ends[column]));
  }

  private isRowEnd(at: number, end: number): boolean {
    const { bytes } = this;
    return at >= end || bytes[at] === NEWLINE ||
      (bytes[at] === RETURN && at + 1 < end && bytes[at + 1] === NEWLINE);
  }

  private afterBreak(at: number, end: number): number {
    if (at < end && this.bytes[at] === RETURN) at++;
    return at < end && this.bytes[at] === NEWLINE ? at + 1 : at;
  }
}

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const BYTE_ORDER_MARK = Uint8Array.of(0xef, 0xbb, 0xbf);
