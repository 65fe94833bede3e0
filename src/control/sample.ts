import { compileFunctions } from "../aggregation/function_rules.ts";
import { isOfCoarserUnit } from "../aggregation/likely_unit.ts";
import { scanEvent } from "../codec/event_scanner.ts";
import { readerFor, type RecordReader } from "../codec/mapping/record_reader.ts";
import { functionName } from "../event/agg_function.ts";
import { EventBatch } from "../event/event_batch.ts";
import { seriesOf } from "../event/labels.ts";
import { refusalDetail } from "../ingest/refusal_detail.ts";
import type { Config } from "../settings/config.ts";
import type { EventTexts } from "../settings/declaration.ts";
import { SampleMessages } from "./sample_messages.ts";
import { sampleRecords, sampleRows } from "./sample_records.ts";

/** An event of a sample, or a part of it that is refused, with the reason. */
export type SampleEvent =
  | {
    readonly name: string;
    /** Canonical; undefined: there are none. */
    readonly labels: string | undefined;
    readonly value: number;
    /** Whether the number had more digits than a double keeps. */
    readonly isRounded: boolean;
    readonly timeMs: number;
    readonly id: string | undefined;
    /** Empty: the event is dropped. */
    readonly functions: readonly string[];
    /** Why it would be refused now; undefined: it would not. */
    readonly refusal: string | undefined;
  }
  | { readonly refusal: string; readonly raw: string };

export interface SampleRecord {
  /** From 1 on. */
  readonly number: number;
  readonly events: readonly SampleEvent[];
}

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Shows the events that records become, by the settings of one bus. JSON comes as lines or as one array,
 * numbers and line protocol come as lines, CSV as rows under a header, messages of Sparkplug as lines of a
 * topic and a payload in hexadecimal.
 *
 * @param nowMs Wall clock, Unix ms, to show which events would be in the future.
 */
export function* readSample(
  bytes: Uint8Array,
  events: EventTexts,
  { functions: rules, maxFutureSkewMs }: Pick<Config, "functions" | "maxFutureSkewMs">,
  nowMs: number,
): Generator<SampleRecord> {
  const reader = readerFor(events);
  const compiled = compileFunctions(rules);
  if ("faults" in compiled) throw new Error(compiled.faults.join("; "));
  const batch = new EventBatch();
  let number = 0;
  for (const _ of batchesOf(bytes, reader, batch, nowMs)) {
    const answers = compiled.ok.resolve(batch);
    const shown: SampleEvent[] = Array.from({ length: batch.count }, (_, i) => {
      const answer = answers[i]!;
      const timeMs = batch.timeMs[i]!;
      const { name, labels } = seriesOf(textAt(batch, batch.nameStart[i]!, batch.nameLength[i]!));
      const value = batch.value[i]!;
      return {
        name,
        labels,
        value,
        isRounded: Number.isInteger(value) && !Number.isSafeInteger(value),
        timeMs,
        id: batch.idLength[i] === 0 ? undefined : textAt(batch, batch.idStart[i]!, batch.idLength[i]!),
        functions: (answer >= 0 ? [answer] : compiled.ok.functionsOf(answer)).map(functionName),
        refusal: timeMs > nowMs + maxFutureSkewMs || isOfCoarserUnit(timeMs, nowMs, batch.unitsPerSecond)
          ? `future: ${refusalDetail("future", timeMs, nowMs, batch.unitsPerSecond)}`
          : undefined,
      };
    });
    for (const invalid of batch.invalid) {
      shown.push({ refusal: `invalid: ${invalid.detail}`, raw: DECODER.decode(batch.rawOfInvalid(invalid)) });
    }
    yield { number: ++number, events: shown };
  }
}

/** Fills a batch with the events of one record after the other. */
function* batchesOf(
  bytes: Uint8Array,
  reader: RecordReader | undefined,
  batch: EventBatch,
  nowMs: number,
): Generator<void> {
  const format = reader?.mapping.format ?? "json";
  if (reader !== undefined && format === "csv") return yield* sampleRows(bytes, reader, batch, nowMs);
  const messages = reader !== undefined && format === "sparkplug" ? new SampleMessages(reader) : undefined;
  for (const record of sampleRecords(bytes, format)) {
    if (messages !== undefined) messages.decode(record, batch, nowMs);
    else if (reader === undefined) scanEvent(record, batch);
    else {
      batch.reset(record);
      reader.begin(batch);
      reader.read(batch, 0, record.length, { arrivedMs: nowMs });
    }
    yield;
  }
}

function textAt(batch: EventBatch, start: number, length: number): string {
  const from = start >= 0 ? start : ~start;
  return DECODER.decode((start >= 0 ? batch.bytes : batch.extra).subarray(from, from + length));
}
