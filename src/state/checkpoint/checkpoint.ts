import { ACCOUNTS, type EventAggregator } from "../../aggregation/event_aggregator.ts";
import type { OpenWindow } from "../../aggregation/open_windows.ts";
import { ProvenTime } from "../../platform/clock/proven_time.ts";
import { LogHistory } from "../../event/log_history.ts";
import { readIdRun } from "./id_run.ts";
import { type LeftLineage, readLeftLineages, writeLeftLineages } from "./lineages.ts";
import { readPartitions, writePartition } from "./partitions.ts";
import { noteOrder, type Order } from "../audit.ts";
import { addToAccount, latestMs, readAccounts } from "./accounts.ts";
import { ArchivedWindow, dropFinalWindows } from "../outbox/archive.ts";
import { ColumnError, ColumnWriter } from "./columns.ts";
import {
  addRefusedAggregates,
  addRefusedEvents,
  type DeadLetter,
  hasWishes,
  readDeadLetters,
  readWishes,
  type RefusedEvent,
  settleWishes,
  type Wish,
} from "../letters/dead_letters.ts";
import {
  dropOldestLetters,
  type LetterBound,
  type LetterVolume,
  measureLetters,
} from "../letters/letter_bound.ts";
import { dropHistories, readHistory, writeHistory } from "./history_pages.ts";
import { DOUBTFUL_ACCOUNT, droppedAccount, SKIPPED_ACCOUNT } from "../outbox/losses.ts";
import { encodeAccumulators, encodeKeys, restoreOpenWindows } from "./open_page.ts";
import type { OutboxLog } from "../outbox/outbox_log.ts";
import { type RefusalAlarm, writeRefusalAlarms } from "../letters/refusal_alarms.ts";
import {
  type RegisteredSink,
  type SinkCounts,
  type SinkRegistry,
  writeSink,
} from "../outbox/sink_registry.ts";
import type { StateDatabase } from "../file/state_database.ts";
import { damaged } from "../file/state_error.ts";
import { readDroppedWindows, writeDroppedWindows } from "./dropped_windows.ts";
import type { Closed, WindowCloser } from "./window_closer.ts";
import { writeOff } from "../outbox/write_off.ts";

/** How far a bus has been read. */
export interface BusPosition {
  readonly name: string;
  /** Identity of the bus's log; undefined before the first reply. */
  readonly log: string | undefined;
  /** Undefined: from the oldest event there is. */
  readonly nextOffset: number | undefined;
}

/** Counters that are kept beside the books. */
export interface Tally {
  /** Events that a bus trimmed away, or lost in a reset, before they were fetched. */
  lost: number;
  /** Events that came after their window had closed. */
  lateArrivals: number;
  /** Events, each once, in aggregates of closed windows. */
  closed: number;
  /** Those of them in aggregates that go to no sink by the operator's word. */
  unrouted: number;
  /** Aggregates that were not sent, since their value is not finite. */
  notFinite: number;
  /** Dead letters that were dropped to keep the others within their bound. */
  lettersDropped: number;
}

/** The names under which they are kept. */
const TALLY_ACCOUNTS = {
  lost: "lost",
  lateArrivals: "late_arrivals",
  closed: "closed",
  unrouted: "unrouted",
  notFinite: "not_finite",
  lettersDropped: "letters_dropped",
} as const satisfies Record<keyof Tally, string>;
const TALLIES = Object.keys(TALLY_ACCOUNTS) as (keyof Tally)[];

export interface CheckpointOptions {
  readonly correctionHorizonMs: number;
  readonly dedupMaxIds: number;
  /** Length of the windows that are opened now; kept for commands that put events back between two runs. */
  readonly windowSizeMs: number;
  readonly letterBound: LetterBound;
}

export interface CheckpointInput {
  /** Wall clock, Unix ms. */
  readonly nowMs: number;
  /** Since the last checkpoint or the start, by a clock that does not jump. */
  readonly elapsedMs: number;
  /** In the aggregator's numbering. */
  readonly buses: readonly BusPosition[];
  /** What was read of each bus's log, in the same order. */
  readonly histories: readonly LogHistory[];
  readonly closing: readonly OpenWindow[];
  readonly refused: readonly RefusedEvent[];
  readonly lost: number;
  /** Those of them that an operator has given up. */
  readonly skipped: number;
  /** Events that will be read again and may be the same as before. */
  readonly doubtful: number;
  /** The operators' orders that they were given up by, and what came of each. */
  readonly orders: readonly (readonly [order: Order, result: string])[];
  readonly settled: SettledWishes;
  readonly alarms: readonly RefusalAlarm[];
}

/** Operators' wishes that this checkpoint fulfils. */
export interface SettledWishes {
  readonly wishes: readonly number[];
  /** Letters whose events have been aggregated, or refused anew. */
  readonly retried: readonly number[];
  readonly purged: readonly number[];
  /** Letters of aggregates that go back to the sink that rejected them. */
  readonly reissued: readonly DeadLetter[];
}

/**
 * How long the wall clock has to stand by what it says before windows are deleted for it, unless the horizon is shorter: what was
 * deleted because of a clock that was ahead could not be corrected any more.
 */
const CLOCK_TRIAL_MAX_MS = 3_600_000;

/** Segments deleted in one checkpoint, with the rest of the last one's window, so that none takes long. */
const DROPPED_SEGMENTS = 64;
/** Letters dropped in one checkpoint beyond those that it adds, where they have piled up. */
const DROPPED_LETTERS = 20_000;

/**
 * Writes and reads checkpoints: one transaction that holds all the handler knows. What is written in it is true together:
 * the offsets of the buses, the windows that the events below those offsets went into, the aggregates of windows that have
 * closed, the refused events, and the books. After a crash the handler stands where the last one stood, and the buses give
 * the rest again. Nothing in memory is changed before the transaction is committed, so a failed one can simply be tried again.
 */
export class Checkpoint {
  private readonly writer = new ColumnWriter();
  private pagesOnDisk: ReadonlyMap<number, PageChecksums> = new Map();
  private readonly savedSequence: number[];
  /** Logs that no configured bus has now. */
  private readonly left = new Map<string, LeftLineage>();
  /** Those of them that the state does not have yet. */
  private readonly newlyLeft = new Set<string>();
  /** Buses that have another one's ids since the last checkpoint. */
  private readonly exchanged = new Set<number>();
  /** Page and sequence numbers change at a restart: the first checkpoint after it writes everything. */
  private rewriteAll = true;
  private tally = Object.fromEntries(TALLIES.map((name) => [name, 0])) as Record<keyof Tally, number>;
  /** The logs of the buses as of the last checkpoint. */
  private savedLogs: string | undefined;
  private letters: LetterVolume = { letters: 0, bytes: 0, goneId: 0 };
  private time = ProvenTime.begin(Infinity);
  /** Whether the state may hold alarms. */
  private hadAlarms = true;
  private greatestNowMs: number | undefined;

  constructor(
    private readonly state: StateDatabase,
    private readonly aggregator: EventAggregator,
    private readonly registry: SinkRegistry,
    private readonly outbox: OutboxLog,
    private readonly closer: WindowCloser,
    private options: CheckpointOptions,
  ) {
    this.savedSequence = aggregator.recentIds?.map(() => 0) ?? [];
  }

  /** The latest that the wall clock has said at any checkpoint of this state, Unix ms; undefined: there was none. */
  get latestMs(): number | undefined {
    return this.greatestNowMs;
  }

  /** Goes on with other options from the next checkpoint on. `dedupMaxIds` and `letterBound` stay. */
  change(options: Pick<CheckpointOptions, "correctionHorizonMs" | "windowSizeMs">): void {
    this.options = { ...this.options, ...options };
  }

  get tallies(): Readonly<Tally> {
    return { ...this.tally, lateArrivals: this.aggregator.lateArrivals };
  }

  /**
   * Puts what the last checkpoint held into the aggregator; returns how far each of the named buses was read.
   *
   * @param nowMs Wall clock, Unix ms.
   */
  restore(busNames: readonly string[], nowMs: number): BusPosition[] {
    try {
      this.restoreAccounts(nowMs);
      this.letters = { ...measureLetters(this.state), goneId: 0 };
      const positions = this.restoreBuses(busNames);
      this.aggregator.watermark.cap(nowMs);
      this.restoreWindows();
      busNames.forEach((name, number) => this.restoreIds(number, name));
      return positions;
    } catch (error) {
      if (error instanceof ColumnError) throw damaged(this.state.path, error.message);
      throw error;
    }
  }

  /** Where the log with this identity was read to, if no configured bus has it now: it has moved, or comes back. */
  positionOfLog(log: string): Pick<BusPosition, "nextOffset"> | undefined {
    const left = this.left.get(log);
    return left && { nextOffset: offsetOf(left.position) };
  }

  /** A bus has another log now: where the one before was read to is remembered. Durable with the next checkpoint. */
  leave(bus: number, { log, nextOffset }: BusPosition): void {
    if (log === undefined) return;
    const greatestMs = this.aggregator.watermark.greatestOf(bus);
    this.left.set(log, {
      lineage: log,
      position: positionText(nextOffset),
      greatestMs: greatestMs === -Infinity ? null : greatestMs,
      source: undefined,
    });
    this.newlyLeft.add(log);
  }

  /**
   * Two buses have exchanged their addresses: each goes on with the event time and the ids that the other one had. Durable with
   * the next checkpoint.
   */
  exchange(bus: number, other: number): void {
    this.aggregator.exchange(bus, other);
    for (const number of [bus, other]) {
      this.exchanged.add(number);
      this.savedSequence[number] = 0;
    }
  }

  /** What was read of a log, as far as it is known. @throws {StateError} */
  historyOf(log: string | undefined): LogHistory {
    if (log === undefined) return new LogHistory();
    try {
      return readHistory(this.state, log);
    } catch (error) {
      throw error instanceof ColumnError ? damaged(this.state.path, error.message) : error;
    }
  }

  /**
   * Gives a bus what is known of its log, one that {@link positionOfLog} knows: how far its event time had come, and its ids
   * where it comes from an earlier address. Durable with the next checkpoint.
   *
   * @throws {StateError} The state is damaged, or cannot be read.
   */
  takeOver(bus: number, log: string): void {
    const { source, greatestMs } = this.left.get(log)!;
    try {
      if (source !== undefined) this.restoreIds(bus, source);
    } catch (error) {
      throw error instanceof ColumnError ? damaged(this.state.path, error.message) : error;
    }
    this.aggregator.watermark.goOnAt(bus, greatestMs ?? -Infinity);
  }

  /** @throws {StateError} `gone` */
  assertStateInPlace(): void {
    this.state.assertInPlace();
  }

  /**
   * The wall clock may have been set back: time that lies ahead of it is taken back, and windows that were closed for it can be
   * corrected as others can.
   *
   * @throws {StateError} The state cannot be read.
   */
  follow(nowMs: number): void {
    if (this.aggregator.watermark.cap(nowMs)) this.noteClosedEarly();
  }

  /** What operators have asked for since the last checkpoint. */
  wishes(): Wish[] {
    return readWishes(this.state);
  }

  deadLetters(ids: readonly number[]): DeadLetter[] {
    return readDeadLetters(this.state, { ids, limit: ids.length });
  }

  /**
   * Commits a checkpoint. Returns how many of the aggregates to be reissued were settled; the others stay dead letters.
   *
   * @throws {StateError} Nothing has changed then, on disk or in memory.
   */
  write(input: CheckpointInput): number {
    const { aggregator, registry, state } = this;
    const { windows, watermark } = aggregator;
    const time = this.time.after(input.nowMs, input.elapsedMs, this.clockTrialMs());
    const finalBeforeMs = this.finalBeforeMs(time.provenMs);
    const written = state.transaction(() => {
      const closed = this.closer.close(windows, input.closing, this.outbox.endId(), input.nowMs);
      const { reissued, freed } = this.settle(input, closed);
      const { lacking, gone } = writeOff(
        state,
        [...registry.sinks, ...registry.absent],
        registry.deliveredId(),
        finalBeforeMs,
      );
      const pages = this.writePages(input.closing);
      const sequences = this.writeIds(input.buses);
      addRefusedEvents(state, input.refused, input.nowMs);
      addRefusedAggregates(
        state,
        closed.notFinite.map((aggregate) => ({
          reason: "not_finite",
          detail: `the value is ${aggregate.value}`,
          sink: undefined,
          aggregate,
        })),
        input.nowMs,
      );
      if (input.alarms.length > 0 || this.hadAlarms) writeRefusalAlarms(state, input.alarms);
      const { letters, dropped } = this.dropLetters(input.refused, closed.notFinite.length, freed);
      writeLeftLineages(state, this.leftSinceLast(), input.nowMs);
      input.buses.forEach((bus, number) => this.writeBus(bus, watermark.greatestOf(number), number));
      this.writeHistories(input);
      const counts = this.writeSinks(closed, lacking);
      const tally = this.tallyAfter(input, closed, dropped);
      this.writeAccounts(input, tally, closed.endId, time);
      addToAccount(state, SKIPPED_ACCOUNT, input.skipped);
      addToAccount(state, DOUBTFUL_ACCOUNT, input.doubtful);
      for (const [order, result] of input.orders) noteOrder(state, order, result);
      const final = dropFinalWindows(state, registry.deliveredId(), finalBeforeMs, DROPPED_SEGMENTS);
      const windowsGone = aggregator.dropped.with([...gone, ...final]);
      if (windowsGone !== aggregator.dropped) writeDroppedWindows(state, windowsGone);
      return { closed, counts, pages, sequences, reissued, letters, tally, windowsGone };
    });

    this.pagesOnDisk = written.pages;
    this.rewriteAll = false;
    this.savedSequence.splice(0, Infinity, ...written.sequences);
    windows.markAllClean();
    aggregator.forget(input.closing);
    aggregator.dropped = written.windowsGone;
    this.time = time;
    this.hadAlarms = input.alarms.length > 0;
    this.greatestNowMs = Math.max(this.greatestNowMs ?? -Infinity, input.nowMs);
    for (const { log } of input.buses) if (log !== undefined) this.left.delete(log);
    this.newlyLeft.clear();
    this.exchanged.clear();
    this.letters = written.letters;
    this.tally = written.tally;
    for (const [sink, counts] of written.counts) Object.assign(sink, counts);
    for (const history of input.histories) history.saved();
    this.savedLogs = input.buses.map(({ log }) => log).join();
    this.outbox.cursorsSaved();
    this.outbox.extend(written.closed.endId);
    return written.reissued;
  }

  /** Returns what each sink's counts come to. */
  private writeSinks(
    closed: Closed,
    lacking: ReadonlyMap<string, number>,
  ): ReadonlyMap<RegisteredSink, SinkCounts> {
    const { registry, state } = this;
    return new Map([...registry.sinks, ...registry.absent].map((sink) => {
      const { name, routedCount, givenUpCount, purgedCount } = sink;
      const writtenOff = lacking.get(name) ?? 0;
      const counts = {
        routedCount: routedCount + (closed.routed.get(name) ?? 0) - writtenOff,
        givenUpCount: givenUpCount - (closed.recovered.get(name) ?? 0),
        purgedCount: purgedCount + writtenOff,
      };
      writeSink(state, sink, counts);
      return [sink, counts];
    }));
  }

  /** Returns how many letters of aggregates are settled, and what has become free of the bound on letters. */
  private settle({ settled, nowMs }: CheckpointInput, closed: Closed) {
    const retried = [...settled.retried];
    const purged = [...settled.purged];
    let archived: ArchivedWindow | undefined;
    for (const { id, sink, aggregate } of settled.reissued) {
      if (!this.registry.sinks.some(({ name }) => name === sink)) continue;
      const { windowStartMs, windowEndMs } = aggregate!;
      // Letters of one window nearly always follow each other, and its segments are worth reading once.
      if (!archived?.isOf(windowStartMs, windowEndMs)) {
        archived = ArchivedWindow.load(this.state, windowStartMs, windowEndMs);
      }
      const outcome = this.closer.reissue(sink!, aggregate!, archived, closed, nowMs);
      if (outcome === "reissued") retried.push(id);
      // That the sink never had this revision stays in the books.
      if (outcome === "superseded") purged.push(id);
    }
    const freed = measureLetters(this.state, [...retried, ...purged]);
    settleWishes(this.state, { wishes: settled.wishes, retried, purged });
    const reissued = retried.length - settled.retried.length + purged.length - settled.purged.length;
    return { reissued, freed };
  }

  /** What an operator has asked for is fulfilled first: while a wish is open, no letter is dropped. */
  private dropLetters(
    refused: readonly RefusedEvent[],
    notFinite: number,
    freed: Omit<LetterVolume, "goneId">,
  ): { readonly letters: LetterVolume; readonly dropped: number } {
    const { state, letters: before } = this;
    const added = refused.length + notFinite;
    const letters = {
      ...before,
      letters: before.letters + added - freed.letters,
      bytes: before.bytes + refused.reduce((sum, { raw }) => sum + raw.length, 0) - freed.bytes,
    };
    if (hasWishes(state)) return { letters, dropped: 0 };
    const { left, dropped } = dropOldestLetters(
      state,
      letters,
      this.options.letterBound,
      added + DROPPED_LETTERS,
    );
    for (const [reason, count] of dropped) addToAccount(state, droppedAccount(reason), count);
    return { letters: left, dropped: letters.letters - left.letters };
  }

  /**
   * Windows that end here or before can no longer be corrected: no event for them would be accepted, not even when the clock turns
   * out to be ahead. Unix ms.
   */
  private finalBeforeMs(provenMs: number): number {
    const { watermark } = this.aggregator;
    const reachedMs = Math.min(watermark.leastGreatestMs(), provenMs);
    // The last event time of a window is one millisecond before its end.
    return Math.min(watermark.valueMs, reachedMs - this.options.correctionHorizonMs + 1);
  }

  /** A window that closes at the beginning of a trial is beyond the horizon at its end. */
  private clockTrialMs(): number {
    const { correctionHorizonMs, windowSizeMs } = this.options;
    if (correctionHorizonMs === 0) return 0;
    const { allowedLatenessMs } = this.aggregator.options;
    return Math.min(CLOCK_TRIAL_MAX_MS, correctionHorizonMs + windowSizeMs + allowedLatenessMs);
  }

  /** Writes the pages that changed, without those of closing windows; returns the pages that are then on disk. */
  private writePages(closing: readonly OpenWindow[]): Map<number, PageChecksums> {
    const { writer } = this;
    const { seal } = this.state;
    const { windows } = this.aggregator;
    const staying = new Map<number, PageChecksums>();
    if (this.rewriteAll) {
      seal.remove("open_page_keys", "TRUE");
      seal.remove("open_page_values", "TRUE");
    }
    for (const window of windows.all()) {
      if (closing.includes(window)) continue;
      for (const page of window.pages) {
        const before = this.rewriteAll ? undefined : this.pagesOnDisk.get(page);
        const keys = before && !windows.pageExtended[page] ? before.keys : seal.put("open_page_keys", {
          page,
          window_start_ms: window.startMs,
          window_end_ms: window.endMs,
          keys: encodeKeys(windows, page, writer),
        }, before?.keys);
        const values = before && !windows.pageTouched[page] ? before.values : seal.put("open_page_values", {
          page,
          accumulators: encodeAccumulators(windows, page, writer),
        }, before?.values);
        staying.set(page, { keys, values });
      }
    }
    for (const page of this.pagesOnDisk.keys()) {
      if (staying.has(page) || this.rewriteAll) continue;
      seal.remove("open_page_keys", "page = ?", page);
      seal.remove("open_page_values", "page = ?", page);
    }
    return staying;
  }

  private writeIds(buses: readonly BusPosition[]): number[] {
    return (this.aggregator.recentIds ?? []).map((recent, number) => {
      const { name: source } = buses[number]!;
      const { sequence } = recent;
      // Sequence numbers begin anew with the process: the first checkpoint writes what it remembers as one run.
      if (this.rewriteAll || this.exchanged.has(number)) {
        this.state.seal.remove("recent_ids", "source = ?", source);
      }
      if (sequence === this.savedSequence[number]) return sequence;
      const ids = [...recent.since(this.savedSequence[number]!)];
      this.writer.write(Uint16Array.from(ids, (id) => id.length));
      const text = new Uint8Array(ids.reduce((sum, id) => sum + id.length, 0));
      let at = 0;
      for (const id of ids) {
        text.set(id, at);
        at += id.length;
      }
      this.writer.write(text);
      this.state.seal.put("recent_ids", { source, last_sequence: sequence, ids: this.writer.finish() });
      this.state.seal.remove(
        "recent_ids",
        "source = ? AND last_sequence <= ?",
        source,
        sequence - this.options.dedupMaxIds,
      );
      return sequence;
    });
  }

  private writeBus({ name, log, nextOffset }: BusPosition, greatestMs: number, ordinal: number): void {
    const row = {
      source: name,
      partition: "",
      lineage: log ?? null,
      position: positionText(nextOffset),
      greatest_ms: greatestMs === -Infinity ? null : greatestMs,
    };
    writePartition(this.state, row, ordinal);
    const earlier = log === undefined ? undefined : this.left.get(log)?.source;
    if (earlier !== undefined) this.state.seal.remove("recent_ids", "source = ?", earlier);
  }

  private leftSinceLast(): LeftLineage[] {
    return [...this.newlyLeft].map((lineage) => this.left.get(lineage)!);
  }

  private writeHistories({ buses, histories }: CheckpointInput): void {
    histories.forEach((history, number) => {
      const { log } = buses[number]!;
      if (log !== undefined) writeHistory(this.state, log, history, this.writer);
    });
    if (buses.map(({ log }) => log).join() !== this.savedLogs) dropHistories(this.state);
  }

  private tallyAfter(input: CheckpointInput, closed: Closed, lettersDropped: number): Tally {
    const { tally } = this;
    return {
      lost: tally.lost + input.lost,
      lateArrivals: this.aggregator.lateArrivals,
      closed: tally.closed + closed.events,
      unrouted: tally.unrouted + closed.unrouted,
      notFinite: tally.notFinite + closed.notFinite.length,
      lettersDropped: tally.lettersDropped + lettersDropped,
    };
  }

  private writeAccounts(
    input: CheckpointInput,
    tally: Tally,
    outboxEndId: number,
    { provenMs, candidateMs, ageMs }: ProvenTime,
  ): void {
    const { accounting, options, watermark } = this.aggregator;
    const accounts: Record<string, number> = {
      ...accounting,
      ...Object.fromEntries(TALLIES.map((name) => [TALLY_ACCOUNTS[name], tally[name]])),
      outbox_end_id: outboxEndId,
      window_size_ms: this.options.windowSizeMs,
      allowed_lateness_ms: options.allowedLatenessMs,
      correction_horizon_ms: options.correctionHorizonMs,
      dedup_max_ids: options.dedupMaxIds,
      max_series: options.maxSeries,
      checkpoint_at_ms: input.nowMs,
      clock_latest_ms: Math.max(this.greatestNowMs ?? -Infinity, input.nowMs),
      watermark_ms: watermark.valueMs,
      proven_time_ms: provenMs,
      time_on_trial_ms: candidateMs,
      time_trial_age_ms: Math.round(ageMs),
    };
    for (const [name, value] of Object.entries(accounts)) {
      if (value === -Infinity) continue;
      this.state.run("INSERT OR REPLACE INTO account VALUES (?, ?)", name, value);
    }
  }

  private restoreAccounts(nowMs: number): void {
    const accounts = readAccounts(this.state);
    for (const name of ACCOUNTS) this.aggregator.accounting[name] = accounts.get(name) ?? 0;
    for (const name of TALLIES) this.tally[name] = accounts.get(TALLY_ACCOUNTS[name]) ?? 0;
    this.aggregator.lateArrivals = this.tally.lateArrivals;
    this.aggregator.dropped = readDroppedWindows(this.state, nowMs);
    this.greatestNowMs = latestMs(accounts);
    this.restoreTime(accounts, nowMs);
  }

  /** The time between two processes is known by the wall clock alone: it counts for no more than half of a trial. */
  private restoreTime(accounts: ReadonlyMap<string, number>, nowMs: number): void {
    const candidateMs = accounts.get("time_on_trial_ms");
    if (candidateMs === undefined) {
      this.time = ProvenTime.begin(nowMs);
      return;
    }
    const trialMs = this.clockTrialMs();
    const betweenMs = Math.max(0, nowMs - (accounts.get("checkpoint_at_ms") ?? nowMs));
    this.time = ProvenTime.restore({
      provenMs: accounts.get("proven_time_ms") ?? -Infinity,
      candidateMs,
      ageMs: accounts.get("time_trial_age_ms") ?? 0,
    }).after(nowMs, Math.min(betweenMs, trialMs / 2), trialMs);
  }

  private restoreBuses(busNames: readonly string[]): BusPosition[] {
    const rows = readPartitions(this.state);
    const known = busNames.map((name) => rows.find((row) => row.source === name));
    for (const left of readLeftLineages(this.state)) this.left.set(left.lineage, left);
    for (const { source, lineage, position, greatest_ms: greatestMs } of rows) {
      if (lineage === null || busNames.includes(source)) continue;
      this.left.set(lineage, { lineage, position, greatestMs, source });
    }
    this.aggregator.watermark.restore(
      readAccounts(this.state).get("watermark_ms") ?? -Infinity,
      known.map((row) => row?.greatest_ms ?? -Infinity),
    );
    return busNames.map((name, number) => {
      const row = known[number];
      return { name, log: row?.lineage ?? undefined, nextOffset: offsetOf(row?.position ?? null) };
    });
  }

  private restoreWindows(): void {
    restoreOpenWindows(this.state, this.aggregator.windows);
    this.noteClosedEarly();
  }

  private noteClosedEarly(): void {
    const closedEarly = this.state.all<{ startMs: number; endMs: number }>(
      "SELECT DISTINCT window_start_ms AS startMs, window_end_ms AS endMs FROM segment WHERE window_end_ms > ?",
      this.aggregator.watermark.valueMs,
    );
    for (const window of closedEarly) this.aggregator.noteClosed(window);
  }

  /** Adds what is kept of the ids of `name` to those of a bus. */
  private restoreIds(bus: number, name: string): void {
    const recent = this.aggregator.recentIds?.[bus];
    if (!recent) return;
    const runs = this.state.all<{ ids: Uint8Array }>(
      "SELECT ids FROM recent_ids WHERE source = ? ORDER BY last_sequence",
      name,
    );
    for (const run of runs) {
      readIdRun(run.ids, (text, start, length, hash) => {
        if (!recent.has(text, start, length, hash)) recent.add(text, start, length, hash);
      });
    }
  }
}

/** The checksums of a page's two rows. */
interface PageChecksums {
  readonly keys: number;
  readonly values: number;
}

/** @throws {ColumnError} It is none. */
function offsetOf(position: string | null): number | undefined {
  if (position === null) return undefined;
  const offset = Number(position);
  if (!/^\d+$/.test(position) || !Number.isSafeInteger(offset)) {
    throw new ColumnError("a position is no offset");
  }
  return offset;
}

function positionText(offset: number | undefined): string | null {
  return offset === undefined ? null : `${offset}`;
}
