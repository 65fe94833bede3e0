import { isUtf8 } from "node:buffer";
import type { EventBatch } from "../../event/event_batch.ts";
import { appendEvent } from "../append_event.ts";
import { csvReadings } from "./csv_readings.ts";
import { compileMapping, type EventFormat, type EventMapping, type MappingTexts } from "./event_mapping.ts";
import { influxReadings } from "./influx_readings.ts";
import { PlainJson } from "./plain_json.ts";
import { jsonReadings } from "./json_readings.ts";
import type { Reading, RecordContext } from "./reading.ts";
import { perSecond } from "./time.ts";
import { valueReadings } from "./value_readings.ts";

/** Events that a record may have: each takes more memory than the byte or two that it may be written with. */
const EVENTS_MAX = 10_000;

const READINGS: Readonly<
  Record<EventFormat, (text: string, mapping: EventMapping, context: RecordContext) => Iterable<Reading>>
> = { json: jsonReadings, value: valueReadings, influx: influxReadings, csv: csvReadings };

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** Makes events of records by a mapping, whatever source they come from. */
export class RecordReader {
  private readonly plain: PlainJson | undefined;

  constructor(readonly mapping: EventMapping) {
    this.plain = PlainJson.for(mapping);
  }

  /** Call it before the first record is added to an emptied batch. */
  begin(batch: EventBatch): void {
    batch.isMapped = true;
    batch.unitsPerSecond = perSecond(this.mapping.timeUnit);
  }

  /**
   * The fast path: adds the event of a record to a batch that has room for it. Returns where the record ends,
   * or -1: nothing is added then. Who calls it counts the record, once it has seen that nothing follows.
   */
  readPlain(batch: EventBatch, start: number, context: RecordContext): number {
    return this.plain === undefined ? -1 : this.plain.scan(batch, start, context);
  }

  /**
   * Adds the events of one record to a batch. A record has at least one, valid or not.
   *
   * @param start Start of the record in the batch's bytes.
   * @param content The content of the record, where those bytes only refer to it.
   */
  read(batch: EventBatch, start: number, end: number, context: RecordContext, content?: string): void {
    const position = batch.total++;
    // What the fast path has made of the beginning of something else.
    if (batch.count > 0 && batch.position[batch.count - 1] === position) batch.count--;
    const text = content ?? textOf(batch.bytes.subarray(start, end));
    const whole = content === undefined ? undefined : () => content;
    const refuse = (detail: string, alone: (() => string) | undefined) =>
      batch.invalid.push({ index: position, detail, rawStart: start, rawEnd: end, alone });
    if (text === undefined) return void refuse("not UTF-8", undefined);
    const [countBefore, invalidBefore] = [batch.count, batch.invalid.length];
    let events = 0;
    for (const { event, alone = whole } of READINGS[this.mapping.format](text, this.mapping, context)) {
      if (events++ === EVENTS_MAX) {
        refuse(`more than ${EVENTS_MAX} events in one record: the rest of them`, whole);
        break;
      }
      if (typeof event === "string") {
        refuse(event, alone);
        continue;
      }
      batch.reserve();
      if (alone !== undefined) batch.alone[batch.count] = alone;
      appendEvent(batch, event, position, start, end);
    }
    // Where nothing fits, it is the mapping that does not: the record is kept in whole, for another one.
    const refused = batch.invalid.length - invalidBefore;
    if (batch.count === countBefore && refused > 1) {
      const { detail } = batch.invalid[invalidBefore]!;
      batch.invalid.length = invalidBefore;
      refuse(`${detail}; and ${refused - 1} more of its parts do not fit`, whole);
      return;
    }
    batch.surplus += Math.max(0, events - 1);
  }
}

function textOf(bytes: Uint8Array): string | undefined {
  return isUtf8(bytes) ? DECODER.decode(bytes) : undefined;
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
