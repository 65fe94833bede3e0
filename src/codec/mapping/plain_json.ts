import { Buffer } from "node:buffer";
import { functionId, UNNAMED } from "../../event/agg_function.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import { LABELS_MAX } from "../../event/labels.ts";
import { hashBytes } from "../../event/text_hash.ts";
import { ID_MAX_BYTES } from "../append_event.ts";
import type { EventMapping } from "./event_mapping.ts";
import { PlainRecord } from "./plain_record.ts";
import { PlainSeries } from "./plain_series.ts";
import { FALSE, NUMBER, type RecordSlots, TEXT, TRUE } from "./record_slots.ts";
import type { RecordContext } from "./reading.ts";
import type { Pointer } from "./template.ts";
import { perSecond, timeIn } from "./time.ts";

/**
 * The fast path over records of JSON that are mapped: one walk over the bytes, which makes no object and no
 * string. It takes records of plain ASCII without escapes, each key once, and gives all others, and whatever
 * does not fit, to the slow path: where it takes one, it makes the same event of it.
 */
export class PlainJson {
  private readonly record = new PlainRecord();
  private readonly slots: RecordSlots = this.record.slots;
  private readonly series: PlainSeries;
  private readonly value: number;
  /** Undefined: the time of the bus. */
  private readonly timestamp: number | undefined;
  private readonly function: number;
  private readonly id: number;
  private readonly perSecond: number | undefined;

  /** Undefined: there are mappings that it does not know. */
  static for(mapping: EventMapping): PlainJson | undefined {
    const { format, value, timestamp, function: aggFunc, id, labels, name } = mapping;
    if (format !== "json" || value === "*" || timestamp === "own" || labels === "tags") return undefined;
    if (aggFunc === undefined || id === undefined) return undefined;
    const templates = [name, ...("tokens" in labels ? [] : labels.map(({ template }) => template))];
    const isKnown = templates.every(({ parts }) =>
      parts.every((part) => typeof part === "string" ? isPlain(part) : part.kind === "pointer")
    );
    const arePlain = "tokens" in labels ||
      labels.length <= LABELS_MAX && labels.every(({ label }) => isPlain(label));
    return isKnown && arePlain ? new PlainJson(mapping, value, aggFunc, id) : undefined;
  }

  private constructor(private readonly mapping: EventMapping, value: Pointer, aggFunc: Pointer, id: Pointer) {
    const { record, slots } = this;
    const { timestamp, timeUnit } = mapping;
    this.value = record.slot(value);
    this.timestamp = typeof timestamp === "object" ? record.slot(timestamp) : undefined;
    this.function = record.slot(aggFunc);
    this.id = record.slot(id);
    this.series = new PlainSeries(record, mapping);
    slots.isHashed[this.id] = 1;
    this.perSecond = perSecond(timeUnit);
  }

  /**
   * Adds the event of the record at `start` to a batch that has room for it. Returns where the record ends,
   * or -1: nothing is added then.
   */
  scan(batch: EventBatch, start: number, { busMs, arrivedMs }: RecordContext): number {
    const end = this.record.scan(batch.bytes, start);
    if (end < 0) return -1;
    const i = batch.count;
    const value = this.numberAt(this.value);
    if (Number.isNaN(value)) return -1;
    const timeMs = this.timestamp === undefined ? busMs ?? arrivedMs : this.timeAt(this.timestamp);
    if (Number.isNaN(timeMs)) return -1;
    const functionOfEvent = this.functionOf();
    if (functionOfEvent === undefined) return -1;
    if (!this.writeId(batch, i) || !this.series.write(batch, i)) return -1;
    batch.position[i] = batch.total;
    batch.rawStart[i] = start;
    batch.rawEnd[i] = end;
    batch.functionId[i] = functionOfEvent;
    batch.value[i] = value;
    batch.timeMs[i] = timeMs;
    batch.count++;
    return end;
  }

  /** NaN: it is for the slow path. */
  private numberAt(slot: number): number {
    const { kind } = this.slots;
    switch (kind[slot]) {
      case NUMBER:
        return this.slots.number[slot]!;
      case TEXT:
        return this.slots.numberInText(slot);
      case TRUE:
        return 1;
      case FALSE:
        return 0;
      default:
        return NaN;
    }
  }

  private timeAt(slot: number): number {
    const kind = this.slots.kind[slot];
    if (this.perSecond === undefined) {
      const timeMs = kind === TEXT ? timeIn(this.slots.text(slot), this.mapping.timeUnit) : NaN;
      return typeof timeMs === "string" ? NaN : timeMs;
    }
    if (kind !== NUMBER && kind !== TEXT) return NaN;
    const number = this.numberAt(slot);
    const timeMs = number >= 0 ? Math.round(number / this.perSecond * 1000) + 0 : NaN;
    return timeMs <= Number.MAX_SAFE_INTEGER ? timeMs : NaN;
  }

  private functionOf(): number | undefined {
    const { slots } = this;
    if (slots.isAbsent(this.function)) return UNNAMED;
    const kind = slots.kind[this.function];
    if (kind !== TEXT || slots.length(this.function) > 16) return undefined;
    if (slots.length(this.function) === 0) return UNNAMED;
    const id = functionId(slots.text(this.function));
    return id < 0 ? undefined : id;
  }

  private writeId(batch: EventBatch, i: number): boolean {
    const { slots, id } = this;
    const kind = slots.kind[id];
    batch.idLength[i] = 0;
    if (kind === NUMBER && !slots.isPlainInteger(id)) return false;
    if (kind !== TEXT && kind !== NUMBER) return true;
    const length = slots.length(id);
    if (length > ID_MAX_BYTES) return false;
    batch.idStart[i] = slots.start[id]!;
    batch.idLength[i] = length;
    batch.idHash[i] = kind === TEXT ? slots.hash[id]! : hashBytes(batch.bytes, slots.start[id]!, length);
    return true;
  }
}

/** Text that is the same in JSON. */
function isPlain(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text) && !/["\\]/.test(text) && Buffer.byteLength(text) === text.length;
}
