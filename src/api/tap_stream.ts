import { Buffer } from "node:buffer";
import { EventSample } from "../ingest/event_sample.ts";
import type { EventTap } from "../ingest/event_tap.ts";
import { type SeriesFilter, SeriesMatcher } from "../event/series_filter.ts";
import type { Inquiries } from "../control/inquiries.ts";
import { aggregateRecord, eventRecord } from "../control/tapped_record.ts";
import { StateError } from "../state/file/state_error.ts";
import { ApiError } from "./api_error.ts";
import { StreamClient } from "./stream_client.ts";

/** Each one costs a hundredth of a core at most, and so the handler a few hundredths. */
const TAPS_MAX = 4;
/** Time between two looks at the events that have passed. */
const EVENTS_MS = 250;
/** Time between two looks at the aggregates that have passed. */
const AGGREGATES_MS = 1000;
/** Looking at aggregates takes a fiftieth of the time, unless the machine is very busy. */
const REST_FACTOR = 50;
const REST_MAX_MS = 5000;
/** Bytes of what one look shows, at most: less than a client has room for when it is asked. */
const LOOK_MAX_BYTES = 384 * 1024;
/** Time without a message after which a sign of life is sent: proxies close connections that are silent. */
const SIGN_MS = 15_000;

export interface TapStreamOptions {
  /** What shows the events. */
  readonly tap: () => EventTap;
  readonly inquiries: Pick<Inquiries, "passingAggregates">;
  /** Fires when the listener closes: all streams end. */
  readonly closing: AbortSignal;
  /** Resolves after some time; tests replace it. */
  readonly pause?: (milliseconds: number) => Promise<void>;
}

/** What passed between two messages of a stream. */
interface Look {
  readonly records: readonly unknown[];
  readonly passed: number;
  readonly unexamined: number;
  readonly unsent: number;
}

/**
 * Shows clients what passes, as server-sent events: `passed` with how many there were and were left out, and
 * then `event` or `aggregate` for each that is shown. A client that is slow gets less: the handler never
 * waits for it.
 */
export class TapStream {
  private open = 0;

  constructor(private readonly options: TapStreamOptions) {}

  /** @throws {ApiError} 503: there are too many. */
  events(filter: SeriesFilter): ReadableStream<Uint8Array> {
    const sample = new EventSample(filter);
    let close = () => {};
    const client = this.client(() => close());
    close = this.options.tap().open(sample);
    const look = () => {
      const { events, ...counts } = sample.take();
      return Promise.resolve({ records: events.map(eventRecord), ...counts });
    };
    void this.keepTelling(client, "event", look, EVENTS_MS);
    return client.stream;
  }

  /** @throws {ApiError} 503: there are too many. */
  aggregates(filter: SeriesFilter): ReadableStream<Uint8Array> {
    const client = this.client();
    const matcher = new SeriesMatcher(filter);
    let fromId: number | undefined;
    const look = async () => {
      const found = await this.options.inquiries.passingAggregates(fromId, matcher, this.options.closing);
      const { aggregates, instance, nextId, ...counts } = found;
      fromId = nextId;
      return { records: aggregates.map((passing) => aggregateRecord(passing, instance)), ...counts };
    };
    void this.keepTelling(client, "aggregate", look, AGGREGATES_MS);
    return client.stream;
  }

  /** @param ended Called once, when nothing can be sent to the client any more. */
  private client(ended = () => {}): StreamClient {
    const { closing } = this.options;
    if (this.open >= TAPS_MAX || closing.aborted) {
      throw new ApiError(503, "busy", `${TAPS_MAX} taps are open already: close one, or ask again`, {
        "retry-after": "10",
      });
    }
    this.open++;
    const client = new StreamClient(undefined, () => {
      this.open--;
      ended();
      closing.removeEventListener("abort", end);
    });
    const end = () => client.end();
    closing.addEventListener("abort", end);
    return client;
  }

  /** @param look Tells what has passed since its last call. It is left out while the client has no room. */
  private async keepTelling(
    client: StreamClient,
    event: "event" | "aggregate",
    look: () => Promise<Look>,
    intervalMs: number,
  ): Promise<void> {
    const { pause = wait } = this.options;
    let silentMs = 0;
    try {
      while (client.isOpen) {
        const beganMs = performance.now();
        const found = client.hasRoom ? await look().catch(unreadable) : undefined;
        if (found !== undefined && found.passed > 0) {
          const { passed, records, unexamined } = found;
          const texts = fitting(records.map((record) => JSON.stringify(record)));
          const unsent = found.unsent + records.length - texts.length;
          client.send("passed", JSON.stringify({ passed, unexamined, unsent }));
          for (const text of texts) client.send(event, text);
          silentMs = 0;
        }
        const restMs = event === "event" ? 0 : REST_FACTOR * (performance.now() - beganMs);
        await pause(Math.max(intervalMs, Math.min(restMs, REST_MAX_MS)));
        silentMs += intervalMs;
        if (silentMs >= SIGN_MS) {
          client.sign();
          silentMs = 0;
        }
      }
    } catch {
      // A defect must not end the handler.
      client.end();
    }
  }
}

/** A state that cannot be read now is no end of the stream: what has passed comes later. */
function unreadable(error: unknown): undefined {
  if (error instanceof StateError) return undefined;
  throw error;
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** The first of these texts, as many as a client has room for. */
function fitting(texts: readonly string[]): readonly string[] {
  let bytes = 0;
  const tooMany = texts.findIndex((text) => (bytes += Buffer.byteLength(text)) > LOOK_MAX_BYTES);
  return tooMany < 0 ? texts : texts.slice(0, tooMany);
}
