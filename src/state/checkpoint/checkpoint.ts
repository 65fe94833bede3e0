import type { EventAggregator } from "../../aggregation/event_aggregator.ts";
import { BookWriter } from "./book_writer.ts";
import { CorrectionHorizon, type HorizonOptions, timeEntries } from "./correction_horizon.ts";
import { LogHistory } from "../../event/log_history.ts";
import { IdWriter } from "./id_writer.ts";
import type { Position } from "../../contract/source.ts";
import type { CheckpointInput } from "./checkpoint_input.ts";
import type { PartitionPosition, RestoredPartition } from "./partition_position.ts";
import { PositionWriter } from "./position_writer.ts";
import type { Counters } from "./counters.ts";
import { noteOrder } from "../audit.ts";
import { addToBookEntry, readBookEntries } from "./book_entries.ts";
import { dropFinalWindows, windowsClosedAfter } from "../outbox/archive.ts";
import { ColumnWriter, readColumns } from "./columns.ts";
import {
  addNotFinite,
  addRefusedEvents,
  type DeadLetter,
  type DeadLetterRequest,
  readDeadLetters,
  readRequests,
} from "../letters/dead_letters.ts";
import type { DeadLetterBound } from "../letters/dead_letter_bound.ts";
import { DeadLetterKeeper } from "../letters/dead_letter_keeper.ts";
import { readHistory } from "./history_pages.ts";
import { DOUBTFUL_ENTRY, RESET_ENTRY, SKIPPED_ENTRY } from "../outbox/losses.ts";
import { restoreOpenWindows } from "./open_page.ts";
import { PageWriter } from "./page_writer.ts";
import type { OutboxLog } from "../outbox/outbox_log.ts";
import { writeRefusalAlarms } from "../letters/refusal_alarms.ts";
import type { SinkRegistry } from "../outbox/sink_registry.ts";
import { SinkWriter } from "./sink_writer.ts";
import type { StateDatabase } from "../file/state_database.ts";
import { readDroppedWindows, writeDroppedWindows } from "./dropped_windows.ts";
import { type KeptSetting, SettingWriter } from "./settings_in_force.ts";
import { TierBooks } from "./tier_books.ts";
import type { WindowCloser } from "./window_closer.ts";
import { writeOff } from "../outbox/write_off.ts";

export interface CheckpointOptions extends HorizonOptions {
  readonly dedupMaxIds: number;
  /** As texts, kept for commands between two runs. */
  readonly settings: ReadonlyMap<KeptSetting, string>;
  readonly deadLetterBound: DeadLetterBound;
}

/**
 * About how many segments one checkpoint deletes, so that no checkpoint takes long. The last window is
 * deleted as a whole, even where it has more.
 */
const DROPPED_SEGMENTS = 64;

/**
 * Writes and reads checkpoints. A checkpoint is one transaction with everything that the handler knows: the
 * positions of the partitions, the windows that the events before those positions went into, the aggregates
 * of closed windows, the refused events, and the books. After a crash the handler goes on from the last
 * checkpoint, and the sources give the later events again. Memory changes only after the commit, so a failed
 * checkpoint can simply be tried again.
 */
export class Checkpoint {
  private readonly writer = new ColumnWriter();
  private readonly pages: PageWriter;
  private readonly ids: IdWriter;
  private readonly positions: PositionWriter;
  private readonly deadLetterKeeper: DeadLetterKeeper;
  private readonly books: BookWriter;
  private readonly tiers: TierBooks;
  private readonly sinks: SinkWriter;
  private readonly horizon: CorrectionHorizon;
  private readonly settings: SettingWriter;
  /** Whether the state may have alarms. */
  private hadAlarms = true;

  constructor(
    private readonly state: StateDatabase,
    private readonly aggregator: EventAggregator,
    private readonly registry: SinkRegistry,
    private readonly outbox: OutboxLog,
    readonly closer: WindowCloser,
    private options: CheckpointOptions,
  ) {
    this.positions = new PositionWriter(state, this.writer);
    this.deadLetterKeeper = new DeadLetterKeeper(state, registry, closer, options.deadLetterBound);
    this.books = new BookWriter(state, aggregator);
    this.tiers = new TierBooks(state, aggregator);
    this.sinks = new SinkWriter(state, registry);
    this.horizon = new CorrectionHorizon(aggregator, options);
    this.settings = new SettingWriter(state);
    this.pages = new PageWriter(state, aggregator.windows, this.writer);
    this.ids = new IdWriter(state, aggregator.recentIds ?? [], options.dedupMaxIds, this.writer);
  }

  /**
   * The latest reading of the wall clock at any checkpoint of this state, Unix ms; undefined: there was none.
   */
  get latestMs(): number | undefined {
    return this.books.latestMs;
  }

  /** Replaces the options from the next checkpoint on. `dedupMaxIds` and `deadLetterBound` stay. */
  change(options: HorizonOptions & Pick<CheckpointOptions, "settings">): void {
    this.options = { ...this.options, ...options };
    this.horizon.change(options);
  }

  get hasNewSettings(): boolean {
    return this.settings.hasChanged(this.options.settings);
  }

  get counters(): Readonly<Counters> {
    return this.books.counters;
  }

  /**
   * Restores the aggregator from the last checkpoint. Returns how far each partition of the named sources was
   * read, by the aggregator's numbers.
   *
   * @param nowMs Wall clock, Unix ms.
   */
  restore(sources: readonly string[], nowMs: number): RestoredPartition[] {
    return readColumns(this.state.path, () => {
      this.restoreBooks(nowMs);
      this.deadLetterKeeper.restore();
      const partitions = this.restorePartitions(sources);
      this.aggregator.watermark.cap(nowMs);
      this.restoreWindows();
      this.tiers.restore();
      sources.forEach((name, number) => this.ids.restore(number, name));
      return partitions;
    });
  }

  /**
   * How far a lineage was read that no configured partition has now; undefined: it is not known. Its bus may
   * come back, at the same address or another.
   */
  leftLineage(lineage: string): { readonly position: Position | undefined } | undefined {
    const left = this.positions.leftLineage(lineage);
    return left && { position: left.position ?? undefined };
  }

  /**
   * Remembers the position in a lineage that a partition leaves: it has another one now, or has gone away.
   * Durable with the next checkpoint.
   */
  leave(number: number, position: PartitionPosition): void {
    this.positions.leave(position, this.aggregator.watermark.greatestOf(number));
  }

  /**
   * Exchanges the event times and ids of two partitions that have exchanged their lineages. Durable with the
   * next checkpoint.
   */
  exchange(number: number, other: number): void {
    const { aggregator } = this;
    aggregator.exchange(number, other);
    this.ids.exchanged(aggregator.sourceOf(number), aggregator.sourceOf(other));
  }

  /** The fingerprints of a lineage. @throws {StateError} */
  historyOf(lineage: string | undefined): LogHistory {
    if (lineage === undefined) return new LogHistory();
    return readColumns(this.state.path, () => readHistory(this.state, lineage));
  }

  /**
   * Restores for a partition the data of a lineage that {@link leftLineage} knows: its event time, and its
   * ids where it comes from an earlier source. Durable with the next checkpoint.
   *
   * @throws {StateError} The state is damaged, or cannot be read.
   */
  takeOver(number: number, lineage: string): void {
    const { source, greatestMs } = this.positions.leftLineage(lineage)!;
    if (source !== undefined) {
      readColumns(this.state.path, () => this.ids.restore(this.aggregator.sourceOf(number), source));
    }
    this.aggregator.watermark.goOnAt(number, greatestMs ?? -Infinity);
  }

  /** @throws {StateError} `gone` */
  assertStateInPlace(): void {
    this.state.assertInPlace();
  }

  /**
   * Handles a wall clock that was set back: event times ahead of it are capped, and windows that were closed
   * by them can be corrected like others.
   *
   * @throws {StateError} The state cannot be read.
   */
  follow(nowMs: number): void {
    if (this.aggregator.watermark.cap(nowMs)) this.noteClosedEarly();
  }

  /** Operators' requests since the last checkpoint. */
  requests(): DeadLetterRequest[] {
    return readRequests(this.state);
  }

  deadLetters(ids: readonly number[]): DeadLetter[] {
    return readDeadLetters(this.state, { ids, limit: ids.length });
  }

  /**
   * Commits a checkpoint. Returns how many of the aggregates to be reissued were settled; the others stay
   * dead letters.
   *
   * @throws {StateError} Then nothing has changed, neither on disk nor in memory.
   */
  write(input: CheckpointInput): number {
    const { aggregator, registry, state } = this;
    const time = this.horizon.timeAt(input.nowMs, input.elapsedMs);
    const finalBeforeMs = this.horizon.finalBeforeMs(time);
    const { settings } = this.options;
    const written = state.transaction(() => {
      const closed = this.closer.close(aggregator, input.closing, this.outbox.endId(), input.nowMs);
      const { reissued, freed } = this.deadLetterKeeper.settle(input, closed);
      const { lacking, gone } = writeOff(
        state,
        [...registry.sinks, ...registry.absent],
        registry.deliveredId(),
        finalBeforeMs,
      );
      const pages = this.pages.write(input.closing);
      const ids = this.ids.write(input.sources);
      addRefusedEvents(state, input.refused, input.nowMs);
      addNotFinite(state, closed.notFinite, input.nowMs);
      if (input.alarms.length > 0 || this.hadAlarms) writeRefusalAlarms(state, input.alarms);
      const { deadLetters, dropped } = this.deadLetterKeeper.drop(
        input.refused,
        closed.notFinite.length,
        freed,
      );
      this.positions.write(input);
      const counts = this.sinks.write(closed, lacking, gone[0]);
      const counters = this.books.countersAfter(input, closed, dropped);
      this.books.write(input.nowMs, counters, {
        outbox_end_id: closed.endId,
        ...timeEntries(time),
      });
      this.settings.write(settings);
      addToBookEntry(state, SKIPPED_ENTRY, input.skipped);
      addToBookEntry(state, DOUBTFUL_ENTRY, input.doubtful);
      addToBookEntry(state, RESET_ENTRY, input.resets);
      for (const [order, result] of input.orders) noteOrder(state, order, result);
      const final = dropFinalWindows(state, registry.deliveredId(), finalBeforeMs, DROPPED_SEGMENTS);
      const windowsGone = aggregator.dropped.with([...gone, ...final], aggregator.options.tiers);
      if (windowsGone !== aggregator.dropped) writeDroppedWindows(state, windowsGone);
      const tiers = this.tiers.write(closed);
      return { closed, counts, tiers, pages, ids, reissued, deadLetters, counters, windowsGone };
    });

    this.pages.committed(written.pages);
    this.ids.committed(written.ids);
    aggregator.forget(input.closing);
    aggregator.dropped = written.windowsGone;
    this.horizon.committed(time);
    this.settings.committed(settings);
    this.hadAlarms = input.alarms.length > 0;
    this.books.committed(input.nowMs, written.counters);
    this.tiers.committed(written.tiers);
    this.positions.committed(input);
    this.deadLetterKeeper.committed(written.deadLetters);
    this.sinks.committed(written.counts);
    this.outbox.cursorsSaved();
    this.outbox.extend(written.closed.endId);
    return written.reissued;
  }

  private restoreBooks(nowMs: number): void {
    const entries = readBookEntries(this.state);
    this.books.restore(entries);
    this.aggregator.dropped = readDroppedWindows(this.state, nowMs);
    this.horizon.restore(entries, nowMs);
  }

  private restorePartitions(sources: readonly string[]): RestoredPartition[] {
    const { aggregator } = this;
    const partitions = this.positions.restore(sources);
    aggregator.watermark.restore(
      readBookEntries(this.state).get("watermark_ms") ?? -Infinity,
      partitions.slice(0, sources.length).map(({ greatestMs }) => greatestMs),
    );
    for (const { ordinal, greatestMs } of partitions.slice(sources.length)) {
      aggregator.addPartition(ordinal, greatestMs);
    }
    return partitions;
  }

  private restoreWindows(): void {
    restoreOpenWindows(this.state, this.aggregator.windows);
    this.noteClosedEarly();
  }

  private noteClosedEarly(): void {
    const { aggregator } = this;
    for (const window of windowsClosedAfter(this.state, aggregator.watermark.valueMs)) {
      aggregator.noteClosed(window);
    }
  }
}
