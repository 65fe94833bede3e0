import assert from "node:assert/strict";
import { readerFor, type RecordReader } from "../../../src/codec/mapping/record_reader.ts";
import type { RecordContext } from "../../../src/codec/mapping/reading.ts";
import type { MappingTexts } from "../../../src/codec/mapping/event_mapping.ts";
import { scanReply } from "../../../src/codec/reply_scanner.ts";
import { functionName, UNNAMED } from "../../../src/event/agg_function.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { seriesOf } from "../../../src/event/labels.ts";

export interface ReadEvent {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly func: string | undefined;
  readonly value: number;
  readonly timeMs: number;
  readonly id: string | undefined;
  /** What a dead letter of it would hold. */
  readonly raw: string;
}

export interface ReadRecord {
  readonly events: readonly ReadEvent[];
  readonly invalid: readonly { readonly detail: string; readonly raw: string }[];
}

export const ARRIVED_MS = 1_790_000_000_000;

/** What a record becomes by a mapping. */
export function read(
  record: string | Uint8Array,
  texts: MappingTexts,
  context: Partial<RecordContext> = {},
): ReadRecord {
  const bytes = typeof record === "string" ? new TextEncoder().encode(record) : record;
  const batch = new EventBatch();
  const reader = readerFor(texts)!;
  batch.reset(bytes);
  reader.begin(batch);
  reader.read(batch, 0, bytes.length, { arrivedMs: ARRIVED_MS, ...context });
  return contentOf(batch);
}

/** Readers that remember all records before, by their mappings. */
export class Readers {
  private readonly readers: ReadonlyMap<MappingTexts, RecordReader>;
  private readonly batch = new EventBatch();

  constructor(mappings: readonly MappingTexts[]) {
    this.readers = new Map(mappings.map((texts) => [texts, readerFor(texts)!]));
  }

  /** What a record becomes. */
  read(text: string, texts: MappingTexts): ReadRecord {
    const { batch } = this;
    const reader = this.readers.get(texts)!;
    const bytes = new TextEncoder().encode(text);
    batch.reset(bytes);
    reader.begin(batch);
    reader.read(batch, 0, bytes.length, { arrivedMs: ARRIVED_MS });
    return contentOf(batch);
  }

  /** What records become that are elements of a reply, in quotes. */
  inReply(records: readonly string[], texts: MappingTexts): ReadRecord {
    const body = { log: "L", offset: 0, next: records.length, events: records };
    const batch = new EventBatch();
    const mapped = { reader: this.readers.get(texts)!, context: { arrivedMs: ARRIVED_MS } };
    scanReply(new TextEncoder().encode(JSON.stringify(body)), batch, records.length, mapped);
    assert.equal(batch.total, records.length);
    assert.equal(batch.total + batch.surplus, batch.count + batch.invalid.length);
    return contentOf(batch);
  }
}

export function contentOf(batch: EventBatch): ReadRecord {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const textAt = (start: number, length: number) => {
    const from = start >= 0 ? start : ~start;
    return decoder.decode((start >= 0 ? batch.bytes : batch.extra).subarray(from, from + length));
  };
  const events = Array.from({ length: batch.count }, (_, i): ReadEvent => {
    const { name, labels } = seriesOf(textAt(batch.nameStart[i]!, batch.nameLength[i]!));
    return {
      name,
      labels: labels === undefined ? {} : JSON.parse(labels),
      func: batch.functionId[i] === UNNAMED ? undefined : functionName(batch.functionId[i]!),
      value: batch.value[i]!,
      timeMs: batch.timeMs[i]!,
      id: batch.idLength[i] === 0 ? undefined : textAt(batch.idStart[i]!, batch.idLength[i]!),
      raw: decoder.decode(batch.rawOf(i)),
    };
  });
  const invalid = batch.invalid.map((one) => ({
    detail: one.detail,
    raw: decoder.decode(batch.rawOfInvalid(one)),
  }));
  return { events, invalid };
}

/** Of a record that is no event: why. */
export function refusal(
  record: string | Uint8Array,
  texts: MappingTexts,
  context: Partial<RecordContext> = {},
): string {
  const { events, invalid } = read(record, texts, context);
  if (events.length > 0 || invalid.length !== 1) throw new Error(JSON.stringify({ events, invalid }));
  return invalid[0]!.detail;
}
