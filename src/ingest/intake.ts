import type { EventAggregator } from "../aggregation/event_aggregator.ts";
import type { EventBooks } from "../aggregation/event_books.ts";
import type { Refusal } from "../aggregation/refusal.ts";
import type { SingleRecords } from "../codec/mapping/own_formats.ts";
import { scanEvent } from "../codec/event_scanner.ts";
import { EventBatch } from "../event/event_batch.ts";
import type { Clock } from "../platform/clock/clock.ts";
import type { PartitionId } from "../contract/source.ts";
import type { Logger } from "../platform/log/logger.ts";
import { type DeadLetter, RAW_MAX_BYTES, type RefusedEvent } from "../state/letters/dead_letters.ts";
import type { RefusalAlarm } from "../state/letters/refusal_alarms.ts";
import type { PartitionState } from "./partition_state.ts";
import type { Partitions } from "./partitions.ts";
import type { EventFate } from "./event_sample.ts";
import type { IngestObserver } from "./ingest_options.ts";
import { lateDataAlarm } from "./late_data.ts";
import { refusalDetail, statedTimeMs } from "./refusal_detail.ts";
import { RefusalWatch } from "./refusal_watch.ts";

/** Refused events in memory that force a checkpoint. */
const REFUSED_MAX_EVENTS = 10_000;
export const REFUSED_MAX_BYTES = 16 * 1024 * 1024;
/**
 * Beyond these bytes, only the beginning of a refused event is kept until the next checkpoint. One record may
 * become many events, and their dead letters together may be much longer than the record.
 */
const REFUSED_HARD_MAX_BYTES = 256 * 1024 * 1024;
const BEGINNING_BYTES = 200;

const OVERFLOWED =
  "MAX_SERIES is reached: events of new series are refused (dead letters, reason overflow). " +
  "Raise MAX_SERIES, or find out who sends so many names.";

/** The greatest event time of a batch, Unix ms; -Infinity: it has no event. */
function newestOf({ count, timeMs }: EventBatch): number {
  let newestMs = -Infinity;
  for (let i = 0; i < count; i++) newestMs = Math.max(newestMs, timeMs[i]!);
  return newestMs;
}

/** Puts events into the aggregator, and keeps the refused ones for the next checkpoint. */
export class Intake {
  /** Since the last checkpoint. */
  refused: RefusedEvent[] = [];
  readonly watch: RefusalWatch;
  private refusedBytes = 0;
  private hasOverflowed = false;
  private readonly retryBatch = new EventBatch();

  constructor(
    private readonly aggregator: EventAggregator,
    private readonly partitions: Partitions,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly observer: Pick<IngestObserver, "refused" | "tap" | "troubles">,
    /** What maps records to events, by the names of the sources. The records of other sources are events. */
    private readonly readers: ReadonlyMap<string, SingleRecords>,
  ) {
    const names = partitions.sources.map(({ name }) => name);
    this.watch = new RefusalWatch(names, clock, () => observer.troubles?.all ?? []);
  }

  /** Alarms over masses of refused events, and over late ones. */
  get alarms(): RefusalAlarm[] {
    const { alarms } = this.watch;
    // A mass of late events says more than a few series.
    if (alarms.some(({ reason }) => reason === "late")) return alarms;
    return [...alarms, ...lateDataAlarm(this.observer.troubles?.all ?? [], this.clock.nowMs())];
  }

  /** Whether the refused events need a checkpoint. */
  get isCrowded(): boolean {
    return this.refused.length >= REFUSED_MAX_EVENTS || this.refusedBytes >= REFUSED_MAX_BYTES;
  }

  /** Tells that the refused events are in a checkpoint. */
  committed(): void {
    this.refused = [];
    this.refusedBytes = 0;
  }

  /**
   * Takes a batch in. Returns the books before it.
   *
   * @param nextOffset Number of the event after the batch; undefined: they are not numbered.
   */
  take(
    { id, number, source }: PartitionState,
    batch: EventBatch,
    nextOffset: number | undefined,
  ): Readonly<EventBooks> {
    const before = { ...this.aggregator.books };
    const firstOffset = nextOffset === undefined ? undefined : nextOffset - batch.total;
    this.aggregate(number!, batch, { bus: source.name, partition: id }, firstOffset);
    this.watch.count(source.ordinal, before, this.aggregator.books);
    return before;
  }

  /**
   * Takes a refused event in again and removes it from the count of its refusal. Returns false where the
   * event was cut, or where the dead letter is an aggregate.
   */
  retry(deadLetter: DeadLetter): boolean {
    if (deadLetter.raw === undefined || deadLetter.isCut) return false;
    const { books } = this.aggregator;
    const reason = deadLetter.reason;
    if (reason === "not_finite" || reason === "rejected" || reason === "postponed") return false;
    this.readAgain(deadLetter.raw, deadLetter);
    books[reason]--;
    books.received--;
    const own = this.partitions.numberFor(deadLetter.bus, deadLetter.partition);
    // The bus is no longer configured. Its ids mean nothing among those of another bus.
    if (own === undefined) this.retryBatch.idLength.fill(0, 0, this.retryBatch.count);
    const number = own ?? this.aggregator.addPartition(0, -Infinity);
    const from = { bus: deadLetter.bus ?? "", partition: deadLetter.partition ?? "" };
    this.retryBatch.originOf = () => deadLetter.origin;
    this.aggregate(number, this.retryBatch, from, undefined);
    if (own === undefined) this.aggregator.watermark.remove(number);
    return true;
  }

  private readAgain(raw: Uint8Array, { bus, origin, refusedAtMs }: DeadLetter): void {
    const reader = this.readers.get(bus ?? "");
    const batch = this.retryBatch;
    if (reader === undefined) return scanEvent(raw, batch);
    batch.reset(raw);
    reader.begin(batch);
    reader.read(batch, 0, raw.length, { ...origin, arrivedMs: refusedAtMs });
  }

  private aggregate(
    number: number,
    batch: EventBatch,
    from: { readonly bus: string; readonly partition: PartitionId },
    firstOffset: number | undefined,
  ): void {
    const keep = (
      reason: RefusedEvent["reason"],
      detail: string,
      index: number,
      whole: Uint8Array,
    ) => {
      const raw = whole.slice(
        0,
        this.refusedBytes > REFUSED_HARD_MAX_BYTES ? BEGINNING_BYTES : RAW_MAX_BYTES,
      );
      const rawBytes = whole.length;
      const origin = batch.originOf?.(index);
      const offset = firstOffset === undefined ? origin?.offset : firstOffset + index;
      // A topic may be longer than its record.
      this.refusedBytes += raw.length + (origin?.topic?.length ?? 0) + (origin?.key?.length ?? 0);
      const refused = { reason, detail, ...from, offset, origin, raw, rawBytes };
      this.refused.push(refused);
      this.observer.refused(refused);
    };
    for (const invalid of batch.invalid) {
      const { index, detail } = invalid;
      keep("invalid", detail, index, batch.rawOfInvalid(invalid));
      this.watch.sample("invalid", { detail, timeMs: undefined });
    }
    const nowMs = this.clock.nowMs();
    const fates = new Map<number, EventFate>();
    const { troubles } = this.observer;
    const greatestMs = this.aggregator.watermark.greatestOf(number);
    // What was read with a delay is not late for that. The first batch of a partition has only itself.
    const newestMs = Math.min(greatestMs === -Infinity ? newestOf(batch) : greatestMs, nowMs);
    const tap = this.observer.tap?.isOpen ? this.observer.tap : undefined;
    const onRefused = (refusal: Refusal, i: number) => {
      if (tap) fates.set(i, { refusal });
      const isLate = refusal === "late";
      troubles?.note(batch, i, refusal, from.bus, (isLate ? newestMs : nowMs) - batch.timeMs[i]!, nowMs);
      if (refusal === "overflow") this.tellOverflow();
      const raw = batch.rawOf(i);
      const timeMs = statedTimeMs(batch.timeMs[i]!, raw);
      const perSecond = batch.unitsPerSecond;
      const detail = refusalDetail(refusal, timeMs, nowMs, perSecond);
      this.watch.sample(refusal, { detail, timeMs, perSecond });
      keep(refusal, detail, batch.position[i]!, raw);
    };
    this.aggregator.aggregate(number, batch, nowMs, onRefused, (i) => {
      const lateMs = newestMs - batch.timeMs[i]!;
      if (tap) fates.set(i, { lateMs });
      troubles?.note(batch, i, undefined, from.bus, lateMs, nowMs);
    });
    tap?.passed(batch, fates, { ...from, firstOffset });
  }

  /**
   * Logs that series are refused, once in the life of the process: the sender of too much data keeps sending
   * it.
   */
  private tellOverflow(): void {
    if (!this.hasOverflowed) this.logger.error(OVERFLOWED);
    this.hasOverflowed = true;
  }
}
