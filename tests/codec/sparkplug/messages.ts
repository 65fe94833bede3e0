import sparkplugPayload from "sparkplug-payload";
import type { MappingTexts } from "../../../src/codec/mapping/event_mapping.ts";
import { compileMapping } from "../../../src/codec/mapping/event_mapping.ts";
import { SparkplugReader } from "../../../src/codec/sparkplug/sparkplug_reader.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { ARRIVED_MS, contentOf, read, type ReadRecord } from "../mapping/read.ts";

/** A metric as the independent encoder takes it. */
export interface TestMetric {
  readonly name?: string;
  readonly alias?: number;
  readonly type?: string;
  readonly value?: unknown;
  readonly timestamp?: number;
  readonly isHistorical?: boolean;
  readonly isTransient?: boolean;
  readonly isNull?: boolean;
  readonly properties?: Readonly<Record<string, { readonly type: string; readonly value: unknown }>>;
}

export interface TestPayload {
  readonly timestamp?: number;
  readonly seq?: number;
  readonly metrics?: readonly TestMetric[];
  readonly uuid?: string;
  readonly body?: Uint8Array;
}

interface Encoder {
  encodePayload(payload: unknown): Uint8Array;
  decodePayload(bytes: Uint8Array): { metrics: { name: string; type: string; value: unknown }[] };
}

export const ENCODER: Encoder = (sparkplugPayload as unknown as { get(namespace: string): Encoder }).get(
  "spBv1.0",
);

/** Event time of all metrics without their own, Unix ms. */
export const TIME_MS = ARRIVED_MS - 60_000;

export function encoded({ timestamp = TIME_MS, ...payload }: TestPayload): Uint8Array {
  return new Uint8Array(ENCODER.encodePayload({ metrics: [], ...payload, timestamp }));
}

/** The number of the session, as births and deaths have it. */
export function session(number: number): TestMetric {
  return { name: "bdSeq", type: "UInt64", value: number };
}

/** A reader that is given messages one by one. */
export class Host {
  readonly reader: SparkplugReader;
  /** `group/node` of each rebirth that was wanted since the last look. */
  private readonly wanted = new Set<string>();
  private readonly batch = new EventBatch();

  constructor(readonly texts: MappingTexts = {}) {
    const compiled = compileMapping({ ...texts, format: "sparkplug" });
    if ("faults" in compiled) throw new Error(JSON.stringify(compiled.faults));
    this.reader = new SparkplugReader(compiled.ok!, (group, node) => this.wanted.add(`${group}/${node}`));
  }

  /** What a message becomes. */
  take(topic: string, payload: TestPayload | Uint8Array): ReadRecord {
    const bytes = payload instanceof Uint8Array ? payload : encoded(payload);
    const { batch, reader } = this;
    batch.reset(bytes);
    reader.begin(batch);
    reader.read(batch, 0, bytes.length, { topic, arrivedMs: ARRIVED_MS });
    if (batch.total + batch.surplus < 0) throw new Error("fewer than no events");
    return contentOf(batch);
  }

  /** What the books count of a message. */
  received(topic: string, payload: TestPayload | Uint8Array): number {
    this.take(topic, payload);
    return this.batch.total + this.batch.surplus;
  }

  /** The values of a message's events by their names. */
  values(topic: string, payload: TestPayload): Record<string, number> {
    const { events, invalid } = this.take(topic, payload);
    if (invalid.length > 0) throw new Error(invalid.map(({ detail }) => detail).join("; "));
    return Object.fromEntries(events.map(({ name, value }) => [name, value]));
  }

  /** Why all of a message is refused. */
  refusal(topic: string, payload: TestPayload | Uint8Array): string {
    const { events, invalid } = this.take(topic, payload);
    if (events.length > 0 || invalid.length !== 1) throw new Error(JSON.stringify({ events, invalid }));
    return invalid[0]!.detail;
  }

  /** What a retry makes of a dead letter. */
  retry(raw: string): ReadRecord {
    return read(raw, { ...this.texts, format: "sparkplug" });
  }

  /** The nodes that are to be born again, since the last look. */
  rebirths(): string[] {
    const wanted = [...this.wanted].sort();
    this.wanted.clear();
    return wanted;
  }
}
