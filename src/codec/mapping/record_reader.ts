import type { EventBatch } from "../../event/event_batch.ts";
import { CsvBytes } from "./csv_bytes.ts";
import type { CsvHeader } from "./csv_header.ts";
import { csvReadings, nextHeader, rowReadings } from "./csv_readings.ts";
import { rowAt } from "./csv_rows.ts";
import { metricReadings, NO_METRIC } from "../sparkplug/metric_record.ts";
import { compileMapping, type EventFormat, type EventMapping, type MappingTexts } from "./event_mapping.ts";
import { InfluxBytes } from "./influx_bytes.ts";
import { influxReadings } from "./influx_readings.ts";
import { jsonReadings } from "./json_readings.ts";
import { PlainJson } from "./plain_json.ts";
import type { Reading, RecordContext } from "./reading.ts";
import { RecordEvents } from "./record_events.ts";
import { perSecond } from "./time.ts";
import { valueReadings } from "./value_readings.ts";

const READINGS: Readonly<
  Record<EventFormat, (text: string, mapping: EventMapping, context: RecordContext) => Iterable<Reading>>
> = {
  json: jsonReadings,
  value: valueReadings,
  influx: influxReadings,
  csv: csvReadings,
  sparkplug: metricReadings,
};

/** Makes events of records by a mapping, whatever source they come from. */
export class RecordReader {
  private readonly plain: PlainJson | undefined;
  private readonly rows: CsvBytes | undefined;
  private readonly lines: InfluxBytes | CsvBytes | undefined;
  private readonly events = new RecordEvents();
  private readonly unitsPerSecond: number | undefined;

  constructor(readonly mapping: EventMapping) {
    this.unitsPerSecond = perSecond(mapping.timeUnit);
    this.plain = PlainJson.for(mapping);
    this.rows = CsvBytes.for(mapping);
    this.lines = this.rows ?? InfluxBytes.for(mapping);
  }

  /** Whether {@link readText} can be asked for. */
  get hasLines(): boolean {
    return this.lines !== undefined;
  }

  /** Call it before the first record is added to an emptied batch. */
  begin(batch: EventBatch): void {
    batch.isMapped = true;
    batch.unitsPerSecond = this.unitsPerSecond;
  }

  /**
   * The fast path: adds the event of a record to a batch that has room for it. Returns where the record ends,
   * or -1: nothing is added then. Who calls it counts the record, once it has seen that nothing follows.
   */
  readPlain(batch: EventBatch, start: number, context: RecordContext): number {
    return this.plain === undefined ? -1 : this.plain.scan(batch, start, context);
  }

  /**
   * The fast path over a record from `start` to `end` whose text stands in it unchanged, with one byte around
   * it. Returns false where nothing is added: it is for {@link read}. Who calls it counts the record.
   */
  readText(batch: EventBatch, start: number, end: number, context: RecordContext): boolean {
    const { events } = this;
    events.begin(batch, batch.total, start, end);
    events.textAt(batch.bytes, start + 1, end - 1);
    if (this.lines!.read(events, context)) {
      events.finish();
      return true;
    }
    events.undo();
    return false;
  }

  /**
   * Adds the events of one record to a batch. A record has at least one, valid or not.
   *
   * @param start Start of the record in the batch's bytes.
   * @param content The content of the record, where those bytes only refer to it.
   */
  read(batch: EventBatch, start: number, end: number, context: RecordContext, content?: string): void {
    const { events, lines } = this;
    const position = batch.total++;
    // What the fast path has made of the beginning of something else.
    if (batch.count > 0 && batch.position[batch.count - 1] === position) batch.count--;
    events.begin(batch, position, start, end);
    if (lines !== undefined && (content === undefined || content.isWellFormed())) {
      if (content !== undefined) {
        const text = batch.appendExtra(content);
        events.textAt(batch.extra, ~text.start, ~text.start + text.length);
      }
      if (lines.read(events, context)) return events.finish();
      events.undo();
    }
    if (content === undefined && !events.isUtf8()) {
      return events.refuse(this.mapping.format === "sparkplug" ? NO_METRIC : "not UTF-8");
    }
    if (content !== undefined) events.textIs(content);
    for (const reading of READINGS[this.mapping.format](content ?? events.text(), this.mapping, context)) {
      if (!events.take(reading)) break;
    }
    events.finish();
  }

  /**
   * Adds the events of a row of CSV, which is a record of its own although its header stands elsewhere. Where
   * it is a header itself, nothing is added, and that is returned.
   *
   * @param start Start of the row in the batch's bytes, without its line break.
   */
  readRow(
    batch: EventBatch,
    start: number,
    end: number,
    context: RecordContext,
    header: CsvHeader,
  ): CsvHeader | undefined {
    const { events, mapping, rows } = this;
    events.begin(batch, batch.total, start, end);
    if (rows?.readRow(events, header, context) !== true) {
      events.undo();
      if (events.isUtf8()) {
        const row = rowAt(events.text(), 0, header.separator);
        const next = row.text === header.row.text ? header : nextHeader(row, header, mapping, context);
        if (next !== undefined) return next;
        events.wholeIs(() => `${header.row.text}\n${row.text}`);
        for (const reading of rowReadings(row, header, mapping, context)) if (!events.take(reading)) break;
      } else events.refuse("not UTF-8");
    }
    batch.total++;
    events.finish();
    return undefined;
  }
}

/**
 * The reader of a mapping that was checked; undefined: nothing of one is set, and records are events as they
 * are.
 */
export function readerFor(texts: MappingTexts): RecordReader | undefined {
  const compiled = compileMapping(texts);
  if ("faults" in compiled) throw new Error(compiled.faults.map(({ problem }) => problem).join("; "));
  return compiled.ok && new RecordReader(compiled.ok);
}
