import { functionId, UNNAMED } from "../../event/agg_function.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import { hashBytes } from "../../event/text_hash.ts";
import { ID_MAX_BYTES } from "../append_event.ts";
import { NEWLINE, QUOTE, RETURN } from "../ascii.ts";
import { Words } from "../words.ts";
import { ByteCache, isAt, OnePart, type Parts } from "./byte_cache.ts";
import { CsvCells, isRowEnd } from "./csv_cells.ts";
import type { CsvHeader } from "./csv_header.ts";
import { CsvLayout } from "./csv_layout.ts";
import { nextHeader, NO_ROW, partsOf, rowReadings } from "./csv_readings.ts";
import { csvRowEnd } from "./csv_row_end.ts";
import { rowAt } from "./csv_rows.ts";
import type { EventMapping } from "./event_mapping.ts";
import { keyOfSeries, KnownSeries, SeriesWriter } from "./known_series.ts";
import { asciiBetween, timeMsIn } from "./number_bytes.ts";
import { makeEvent, type RecordContext } from "./reading.ts";
import { EVENTS_MAX, FAILED, type RecordEvents } from "./record_events.ts";
import { perSecond, timeIn } from "./time.ts";

/** Headers that are remembered come to no more, by {@link ByteCache.grow}. */
const LAYOUTS_BYTES_MAX = 1024 * 1024;
/** Headers that stand elsewhere, of which as many are remembered. */
const HEADERS_MAX = 128;

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
  private words = new Words(new Uint8Array());
  private bytes = this.words.bytes;
  private readonly header = new OnePart();
  private readonly cells = new CsvCells();
  /** Of rows whose headers stand elsewhere. */
  private readonly byHeader = new Map<string, { readonly layout: CsvLayout | undefined }>();
  /** The one that was used last. */
  private above: { readonly header: CsvHeader; readonly layout: CsvLayout | undefined } | undefined;

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
    this.useBytesOf(events);
    const { textStart, textEnd } = events;
    const headerStart = this.afterMark(textStart, textEnd);
    const headerEnd = this.headerEnd(events, headerStart);
    let layout = this.layoutAt(headerStart, headerEnd);
    let isEmpty = true;
    for (let at = this.afterBreak(headerEnd, textEnd); layout !== undefined && at < textEnd;) {
      const end = this.plainRow(events, layout, at, context);
      if (end !== FAILED) {
        isEmpty = false;
        at = this.afterBreak(end, textEnd);
        continue;
      }
      if (!events.isUtf8()) return false;
      const slowEnd = csvRowEnd(this.bytes, at, textEnd, layout.separator);
      const row = rowAt(events.text(at, slowEnd), 0, layout.header.separator);
      const rowStart = at;
      at = this.afterBreak(slowEnd, textEnd);
      if (row.text === "" || row.text === layout.header.row.text) continue;
      if (nextHeader(row, layout.header, this.mapping, context) !== undefined) {
        const start = this.afterMark(rowStart, textEnd);
        layout = this.layoutAt(start, this.headerEnd(events, start));
        continue;
      }
      isEmpty = false;
      for (const reading of rowReadings(row, layout.header, this.mapping, context)) {
        if (!events.take(reading)) return true;
      }
    }
    if (layout === undefined) return false;
    if (isEmpty) events.take(NO_ROW);
    return true;
  }

  /**
   * Adds the events of a row whose header stands elsewhere. Returns false where it is for the slow path:
   * nothing is added then.
   */
  readRow(events: RecordEvents, header: CsvHeader, context: RecordContext): boolean {
    this.useBytesOf(events);
    const { textStart, textEnd } = events;
    if (this.above?.header !== header) this.above = { header, layout: this.layoutUnder(header.row.text) };
    const { layout } = this.above;
    return layout !== undefined && this.plainRow(events, layout, textStart, context) === textEnd;
  }

  private layoutUnder(header: string): CsvLayout | undefined {
    const { byHeader, mapping } = this;
    const found = byHeader.get(header);
    if (found !== undefined) return found.layout;
    if (byHeader.size === HEADERS_MAX) byHeader.clear();
    const layout = CsvLayout.of(ENCODER.encode(header), mapping);
    byHeader.set(header, { layout });
    return layout;
  }

  private useBytesOf({ bytes }: RecordEvents): void {
    if (this.bytes === bytes) return;
    this.words = new Words(bytes);
    this.bytes = bytes;
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
    return at === start || !isRowEnd(bytes, at, textEnd) || (!isAscii && !events.isUtf8()) ? FAILED : at;
  }

  /** Undefined: the rows under this header are for the slow path. */
  private layoutAt(start: number, end: number): CsvLayout | undefined {
    if (end === FAILED) return undefined;
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
    const { cells } = this;
    const end = cells.find(events, layout, start);
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
    const idStart = layout.id < 0 ? 0 : cells.starts[layout.id]!;
    const idLength = layout.id < 0 ? 0 : cells.ends[layout.id]! - idStart;
    // Each value of a wide row has an id of its own.
    if (idLength > (layout.isWide ? 0 : ID_MAX_BYTES)) {
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

  /** Begins an event for each value of a row. Returns whether all are plain. */
  private addValues(batch: EventBatch, layout: CsvLayout, context: RecordContext): boolean {
    const { cells, words } = this;
    const parts: Parts = { start: cells.starts, end: cells.ends, chosen: layout.seriesColumns };
    let known = this.known.find(words, parts, layout.number);
    if (known === undefined) {
      known = [];
      this.known.add(known);
    }
    for (const column of layout.values) {
      const value = cells.numberAt(column);
      if (Number.isNaN(value)) {
        if (!layout.isWide || cells.isRefused(column)) return false;
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
    const cells = Array.from({ length: layout.columns }, (_, i) => this.cells.text(i));
    const event = makeEvent(this.mapping, partsOf({ cells }, layout.header, column), context);
    if (typeof event === "string") return undefined;
    const series = new KnownSeries(keyOfSeries(event));
    this.known.grow(series.length);
    return series;
  }

  /** NaN: it is for the slow path. */
  private timeOf({ time }: CsvLayout, { busMs, arrivedMs }: RecordContext): number {
    if (time < 0) return busMs ?? arrivedMs;
    const { cells, perSecond: unit } = this;
    if (unit !== undefined) return timeMsIn(this.bytes, cells.starts[time]!, cells.ends[time]!, unit);
    const timeMs = timeIn(cells.text(time), this.mapping.timeUnit);
    return typeof timeMs === "string" ? NaN : timeMs;
  }

  /** Less than {@link UNNAMED}: it is for the slow path. */
  private functionOf({ function: column }: CsvLayout): number {
    const { bytes, cells } = this;
    if (column < 0 || cells.isEmpty(column)) return UNNAMED;
    const id = functionId(asciiBetween(bytes, cells.starts[column]!, cells.ends[column]!));
    return id < 0 ? UNNAMED - 1 : id;
  }

  private afterMark(at: number, end: number): number {
    return end - at >= 3 && isAt(BYTE_ORDER_MARK, this.bytes, at, 3) ? at + 3 : at;
  }

  private afterBreak(at: number, end: number): number {
    if (at < end && this.bytes[at] === RETURN) at++;
    return at < end && this.bytes[at] === NEWLINE ? at + 1 : at;
  }
}

const ENCODER = new TextEncoder();
const BYTE_ORDER_MARK = Uint8Array.of(0xef, 0xbb, 0xbf);
