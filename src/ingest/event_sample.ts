import type { EventBatch } from "../event/event_batch.ts";
import { functionName, isFunctionId } from "../event/agg_function.ts";
import { seriesOf } from "../event/labels.ts";
import { type SeriesFilter, SeriesMatcher } from "../event/series_filter.ts";
import type { Refusal } from "../aggregation/refusal.ts";
import type { PartitionId } from "../contract/source.ts";

/** An event that has passed, as somebody who watches sees it. */
export interface SampledEvent {
  readonly name: string;
  /** Canonical, see `labels.ts`; not there: it has none. */
  readonly labels?: string;
  /** Undefined: the event names none, so the settings decide. */
  readonly aggFunc: string | undefined;
  readonly value: number;
  /** Unix ms. */
  readonly timeMs: number;
  readonly bus: string;
  /** "" where the bus has a single partition. */
  readonly partition: PartitionId;
  /** Its number at the bus; undefined: it has none. */
  readonly offset: number | undefined;
  /** What was wrong with it; undefined: nothing. */
  readonly fate: EventFate | undefined;
}

/** What became of an event that was not simply aggregated. */
export type EventFate =
  | { /** Why it was refused. */ readonly refusal: Refusal }
  | {
    /** It corrected closed windows: how far it was behind the newest event. */ readonly lateMs: number;
  };

/** Where the events of a batch come from. */
export interface BatchOrigin {
  readonly bus: string;
  readonly partition: PartitionId;
  /** Number of the first event at the bus; undefined: they are not numbered. */
  readonly firstOffset: number | undefined;
}

/** What has passed since it was last asked for. */
export interface Passed {
  readonly events: readonly SampledEvent[];
  /** All events, whatever their names. */
  readonly passed: number;
  /** Those of them whose names were not looked at, for lack of time. */
  readonly unexamined: number;
  /** Those that match and are not among `events`, for lack of room. */
  readonly unsent: number;
}

/** Names that are decoded between two calls of {@link EventSample.take}: two milliseconds at most. */
const EXAMINED_MAX = 2500;
/** Events that are kept between two calls. */
const KEPT_MAX = 250;

/**
 * The events that match a filter, as they are taken in. It costs a bounded time, whatever passes: what it
 * leaves out for that is counted.
 */
export class EventSample {
  private readonly matcher: SeriesMatcher;
  private events: SampledEvent[] = [];
  private passed = 0;
  private examined = 0;
  private unexamined = 0;
  private unsent = 0;

  constructor(filter: SeriesFilter) {
    this.matcher = new SeriesMatcher(filter);
  }

  /** @param fates Of late and refused events, by their index in the batch. */
  add(batch: EventBatch, fates: ReadonlyMap<number, EventFate>, origin: BatchOrigin): void {
    const { matcher } = this;
    const { bytes, extra, nameLength, nameStart } = batch;
    this.passed += batch.count;
    for (let i = 0; i < batch.count; i++) {
      const start = nameStart[i]!;
      const [text, from] = start < 0 ? [extra, ~start] : [bytes, start];
      if (!matcher.mayMatch(text, from, nameLength[i]!)) continue;
      if (this.examined === EXAMINED_MAX) {
        this.unexamined++;
        continue;
      }
      this.examined++;
      const series = seriesOf(DECODER.decode(text.subarray(from, from + nameLength[i]!)));
      if (!matcher.matches(series.name, series.labels)) continue;
      if (this.events.length === KEPT_MAX) this.unsent++;
      else this.events.push({ ...series, ...eventOf(batch, i, origin), fate: fates.get(i) });
    }
  }

  /** Hands over what has passed, and begins anew. */
  take(): Passed {
    const { events, passed, unexamined, unsent } = this;
    this.events = [];
    this.passed =
      this.examined =
      this.unexamined =
      this.unsent =
        0;
    return { events, passed, unexamined, unsent };
  }
}

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

function eventOf(batch: EventBatch, i: number, { bus, firstOffset, partition }: BatchOrigin) {
  const functionId = batch.functionId[i]!;
  const position = batch.position[i]!;
  return {
    aggFunc: isFunctionId(functionId) ? functionName(functionId) : undefined,
    value: batch.value[i]!,
    timeMs: batch.timeMs[i]!,
    bus,
    partition,
    offset: firstOffset === undefined ? batch.originOf?.(position).offset : firstOffset + position,
  };
}
