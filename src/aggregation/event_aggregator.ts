import type { AggregatorOptions, ChangeableOptions } from "./aggregator_options.ts";
import { accumulate } from "./accumulation.ts";
import { type CurrentWindow, CurrentWindows } from "./current_windows.ts";
import { DroppedWindows } from "./dropped_windows.ts";
import type { EventBatch } from "../event/event_batch.ts";
import { type OpenWindow, OpenWindows, TOUCH_RUN } from "./open_windows.ts";
import { RecentIds } from "./recent_ids.ts";
import type { EventBooks } from "./event_books.ts";
import { coarserUnitUntil, isOfCoarserUnit } from "./likely_unit.ts";
import type { Refusal } from "./refusal.ts";
import { SeriesOfSeveral } from "./series_of_several.ts";
import { hasRoomFor } from "./series_room.ts";
import { Watermark } from "./watermark.ts";

/** What events contribute to the windows of one length, and what they would where they came too late. */
export interface TierShares {
  contributed: number;
  late: number;
}

/**
 * Turns batches of events into accumulators of open windows. It is synchronous and reads no clock: the time
 * comes with each batch. It never closes a window itself: {@link windowsToClose} tells which ones the
 * watermark has passed.
 */
export class EventAggregator {
  readonly windows: OpenWindows;
  readonly watermark: Watermark;
  /** The latest ids of each source; undefined: duplicates are not looked for. */
  readonly recentIds: RecentIds[] | undefined;
  readonly books: EventBooks = {
    received: 0,
    aggregated: 0,
    duplicate: 0,
    invalid: 0,
    future: 0,
    late: 0,
    overflow: 0,
    dropped: 0,
  };
  /**
   * The sum of `count` that the aggregated events contribute: an event counts once for each function and
   * each window that it went into.
   */
  contributed = 0;
  /** The same by tier, with what events would have contributed where they came too late. */
  readonly tierShares: Map<number, TierShares> = new Map();
  /** Events that came after their window had closed, whether they corrected it or were refused. */
  lateArrivals = 0;
  /** Grows whenever the contents of windows may change. */
  changes = 0;

  /** An event for one of these windows is late, whatever its source is and whatever the horizon is now. */
  dropped: DroppedWindows = new DroppedWindows();

  /** Windows that were closed ahead of the watermark (idle, out of reach, flushed), as `start end`. */
  private readonly closedEarly = new Set<string>();

  /** The source of each partition, by the partition's number. */
  private readonly sources: number[];

  private readonly several = new SeriesOfSeveral();

  private settings: AggregatorOptions;
  /** Two of them, since events around the end of a window belong to one and the other by turns. */
  private current: readonly [CurrentWindows, CurrentWindows];

  /** At first each source has one partition, with the number of the source. */
  constructor(options: AggregatorOptions) {
    const { sourceCount } = options;
    this.settings = options;
    this.current = [new CurrentWindows(options.tiers), new CurrentWindows(options.tiers)];
    this.windows = new OpenWindows(options.hashKey);
    this.watermark = new Watermark(sourceCount, options.allowedLatenessMs);
    this.sources = Array.from({ length: sourceCount }, (_, source) => source);
    this.recentIds = options.dedupMaxIds > 0
      ? this.sources.map(() => new RecentIds(options.dedupMaxIds, options.hashKey))
      : undefined;
  }

  /**
   * Adds a partition of a source. Returns its number, which is valid until {@link Watermark.remove}.
   *
   * @param greatestMs Its greatest event time, Unix ms; -Infinity: it had none.
   */
  addPartition(source: number, greatestMs: number): number {
    const number = this.watermark.add(greatestMs);
    this.sources[number] = source;
    return number;
  }

  sourceOf(partition: number): number {
    return this.sources[partition]!;
  }

  /** Exchanges the event times of two partitions, and the ids of their sources. */
  exchange(number: number, other: number): void {
    const { recentIds, sources, watermark } = this;
    watermark.exchange(number, other);
    if (!recentIds) return;
    const [one, two] = [sources[number]!, sources[other]!];
    [recentIds[one], recentIds[two]] = [recentIds[two]!, recentIds[one]!];
  }

  get options(): AggregatorOptions {
    return this.settings;
  }

  /** Replaces the options, from the next event on. */
  change(options: ChangeableOptions): void {
    this.settings = { ...this.settings, ...options };
    this.current = [new CurrentWindows(options.tiers), new CurrentWindows(options.tiers)];
    this.watermark.allowedLatenessMs = options.allowedLatenessMs;
  }

  /**
   * Aggregates a batch of a partition. `onRefused` is called for each valid event that is refused, with its
   * index in the batch's columns. Duplicates and events that a rule drops are not refused. It is one long
   * function because it is the inner loop: what it keeps in local variables would otherwise be read from
   * fields for each event.
   *
   * @param nowMs Wall clock, Unix ms.
   * @param onLate Called for each late event that corrects a window, with its index.
   */
  aggregate(
    partition: number,
    batch: EventBatch,
    nowMs: number,
    onRefused: (refusal: Refusal, index: number) => void,
    onLate?: (index: number) => void,
  ): void {
    const { allowedLatenessMs, correctionHorizonMs } = this.options;
    const { books, watermark, windows } = this;
    const { series: seriesTable } = windows;
    const { timeMs, nameStart, nameLength, nameHash, value, idStart, idLength, idHash } = batch;
    const { functions, maxSeries } = this.options;
    const functionId = functions.resolve(batch);
    const ids = this.recentIds?.[this.sources[partition]!];
    const futureMs = nowMs + this.options.maxFutureSkewMs;
    const { unitsPerSecond } = batch;
    const doubtfulMs = coarserUnitUntil(nowMs, unitsPerSecond);
    watermark.cap(nowMs);
    const limitOfOthers = watermark.limitOfOthers(partition);
    let greatestMs = watermark.greatestOf(partition);
    let watermarkMs = watermark.valueMs;
    let [current, other] = this.current;
    current.reset();
    other.reset();
    let { fromMs, untilMs, takeUntilMs } = current;
    let shares = 0;

    this.changes++;
    books.received += batch.total + batch.surplus;
    books.invalid += batch.invalid.length;
    for (let i = 0; i < batch.count; i++) {
      if (i % TOUCH_RUN === 0) windows.touch(nameHash, functionId, i, Math.min(i + TOUCH_RUN, batch.count));
      const eventMs = timeMs[i]!;
      const idBytes = idStart[i]! >= 0 ? batch.bytes : batch.extra;
      const idAt = idStart[i]! >= 0 ? idStart[i]! : ~idStart[i]!;
      const several = functionId[i]! < 0 ? functions.functionsOf(functionId[i]!) : undefined;
      const isUnwanted = several?.length === 0;
      const hasId = ids !== undefined && idLength[i]! > 0 && !isUnwanted;
      if (hasId && ids.has(idBytes, idAt, idLength[i]!, idHash[i]!)) {
        books.duplicate++;
        continue;
      }
      if (
        eventMs > futureMs ||
        (eventMs < doubtfulMs && isOfCoarserUnit(eventMs, nowMs, unitsPerSecond))
      ) {
        if (isUnwanted) {
          books.dropped++;
          continue;
        }
        books.future++;
        onRefused("future", i);
        continue;
      }
      if (eventMs < fromMs || eventMs >= untilMs) {
        [current, other] = [other, current];
        current.moveTo(eventMs, windows, this.closedEarly, this.dropped);
        ({ fromMs, untilMs, takeUntilMs } = current);
      }
      // An event ahead of the wall clock counts as an event of now. So a device whose clock is ahead does not
      // make the events of all others late.
      if (eventMs > greatestMs && greatestMs < nowMs) {
        greatestMs = Math.min(eventMs, nowMs);
        watermarkMs = Math.max(watermarkMs, Math.min(greatestMs, limitOfOthers) - allowedLatenessMs);
      }
      // An event that a rule drops still moves the event time of its partition.
      if (isUnwanted) {
        books.dropped++;
        continue;
      }
      const { all, slots } = current;
      let taking = all;
      if (takeUntilMs <= watermarkMs || takeUntilMs <= greatestMs - allowedLatenessMs) {
        taking = current.judge(eventMs, { watermarkMs, greatestMs, allowedLatenessMs, correctionHorizonMs });
        if (current.isLate) this.lateArrivals++;
        if (taking.length === 0) {
          books.late++;
          onRefused("late", i);
          continue;
        }
        if (current.isLate) onLate?.(i);
      }

      const nameBytes = nameStart[i]! >= 0 ? batch.bytes : batch.extra;
      const nameAt = nameStart[i]! >= 0 ? nameStart[i]! : ~nameStart[i]!;
      if (several === undefined) {
        const id = functionId[i]!;
        let series = seriesTable.find(nameBytes, nameAt, nameLength[i]!, nameHash[i]!, id);
        if (taking !== all || !current.findSlots(series, windows)) {
          if (!hasRoomFor(windows, taking, [series], maxSeries)) {
            books.overflow++;
            onRefused("overflow", i);
            continue;
          }
          if (series < 0) series = seriesTable.add(nameBytes, nameAt, nameLength[i]!, nameHash[i]!, id);
          windows.addSlots(series, taking, slots);
        }
        for (let w = 0; w < taking.length; w++) accumulate(windows, slots[w]!, id, value[i]!, eventMs);
      } else {
        if (!this.several.take(windows, several, current, taking, batch, i, maxSeries)) {
          books.overflow++;
          onRefused("overflow", i);
          continue;
        }
      }
      const functionCount = several === undefined ? 1 : several.length;
      if (taking === all) shares += functionCount;
      else this.addShares(all, taking, functionCount);
      books.aggregated++;
      if (hasId) ids.add(idBytes, idAt, idLength[i]!, idHash[i]!);
    }
    if (shares > 0) this.addShares(current.all, current.all, shares);
    watermark.advance(partition, greatestMs);
  }

  /** The shares of the windows of a length, ms. */
  sharesOf(lengthMs: number): TierShares {
    let shares = this.tierShares.get(lengthMs);
    if (shares === undefined) this.tierShares.set(lengthMs, shares = { contributed: 0, late: 0 });
    return shares;
  }

  private addShares(all: readonly CurrentWindow[], taking: readonly CurrentWindow[], count: number): void {
    for (const window of all) {
      const shares = this.sharesOf(window.tier.lengthMs);
      if (taking.includes(window)) shares.contributed += count;
      else shares.late += count;
    }
    this.contributed += taking.length * count;
  }

  /** The open windows that the watermark has passed, oldest first. */
  windowsToClose(): OpenWindow[] {
    const watermarkMs = this.watermark.valueMs;
    return this.windowsWhere((window) => window.endMs <= watermarkMs);
  }

  /** The open windows that meet a condition, oldest first. */
  windowsWhere(condition: (window: OpenWindow) => boolean): OpenWindow[] {
    return [...this.windows.all()].filter(condition)
      .sort((a, b) => a.endMs - b.endMs || a.startMs - b.startMs);
  }

  /** Forgets windows whose aggregates are safely on disk. @param closed Oldest first. */
  forget(closed: readonly OpenWindow[]): void {
    this.changes++;
    for (const window of closed.toReversed()) {
      this.windows.remove(window);
      this.noteClosed(window);
    }
    for (const key of this.closedEarly) {
      if (Number(key.slice(key.indexOf(" ") + 1)) <= this.watermark.valueMs) this.closedEarly.delete(key);
    }
  }

  /** Remembers that a window was closed, where the watermark alone does not say so. */
  noteClosed(window: { readonly startMs: number; readonly endMs: number }): void {
    if (window.endMs > this.watermark.valueMs) this.closedEarly.add(`${window.startMs} ${window.endMs}`);
  }
}
