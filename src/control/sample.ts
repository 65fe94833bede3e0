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
const NEWLINE = 0x0a;

/**
 * Shows the events that records become, by the settings of one bus. JSON comes as lines or as one array,
 * numbers come as lines; line protocol and CSV are one record as a whole; messages of Sparkplug come as lines
 * of a topic and a payload in hexadecimal.
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
  const messages = reader?.mapping.format === "sparkplug" ? new SampleMessages(reader) : undefined;
  let number = 0;
  for (const record of recordsOf(bytes, reader?.mapping.format ?? "json")) {
    if (messages === undefined) decode(record, reader, batch, nowMs);
    else messages.decode(record, batch, nowMs);
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

function decode(
  record: Uint8Array,
  reader: RecordReader | undefined,
  batch: EventBatch,
  nowMs: number,
): void {
  if (reader === undefined) return scanEvent(record, batch);
  batch.reset(record);
  reader.begin(batch);
  reader.read(batch, 0, record.length, { arrivedMs: nowMs });
}

function recordsOf(bytes: Uint8Array, format: RecordReader["mapping"]["format"]): Uint8Array[] {
  if (format === "influx" || format === "csv") return [bytes];
  if (format === "json") {
    try {
      const parsed: unknown = JSON.parse(DECODER.decode(bytes));
      const encoder = new TextEncoder();
      if (Array.isArray(parsed)) return parsed.map((element) => encoder.encode(JSON.stringify(element)));
    } catch {
      // It is not one JSON text, so it is read line by line.
    }
  }
  const lines: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const found = bytes.indexOf(NEWLINE, start);
    const end = found < 0 ? bytes.length : found;
    const line = bytes.slice(start, end);
    if (DECODER.decode(line).trim() !== "") lines.push(line);
    start = end + 1;
  }
  return lines;
}

function textAt(batch: EventBatch, start: number, length: number): string {
  const from = start >= 0 ? start : ~start;
  return DECODER.decode((start >= 0 ? batch.bytes : batch.extra).subarray(from, from + length));
}
