import type { Aggregate } from "../../aggregation/aggregate.ts";
import type { Claimant, Confirmed, OutboxBatch, SinkAlarm } from "../../contract/sink.ts";
import { raiseAlarm, settleAlarms } from "../alarms.ts";
import type { StateDatabase } from "../file/state_database.ts";
import { confirmedRows, isOwnRow } from "./confirmed_rows.ts";
import { Lives } from "./lives.ts";
import type { Outbox, PostponedWindow, SinkRefusal } from "./outbox.ts";
import {
  hasOpenRedelivery,
  nextPiece,
  nextRedelivery,
  pieceDelivered,
  type RedeliveredRows,
} from "./redelivery.ts";
import type { RegisteredSink } from "./registered_sink.ts";
import { RefusedRows } from "./refused_rows.ts";
import { SegmentReader } from "./segment_reader.ts";
import type { SinkRegistry } from "./sink_registry.ts";

/** The outbox over the segments of the state database. */
export class OutboxLog implements Outbox {
  private readonly waiting = new Set<() => void>();
  private cursorsMoved = false;
  private readonly segments: SegmentReader;
  private readonly refused: RefusedRows;
  /** The last batch of a sink, where it was a part of a redelivery. */
  private readonly again = new Map<string, RedeliveredRows>();
  /** One past the newest aggregate when a redelivery was first seen, by its number. */
  private readonly endAtRequest = new Map<number, number>();
  private readonly endAtStart: number;
  private lives: Lives | undefined;
  private readonly claimants = new Map<string, Claimant>();

  /**
   * @param refusedMax Refused aggregates of one sink that are kept at most.
   * @param accepted Sinks that the operator accepts as they are, whoever wrote to them.
   */
  constructor(
    private readonly state: StateDatabase,
    private readonly registry: SinkRegistry,
    private end: number,
    private readonly nowMs: () => number,
    refusedMax?: number,
    private readonly accepted: readonly string[] = [],
  ) {
    this.endAtStart = end;
    this.segments = new SegmentReader(state);
    this.refused = new RefusedRows(state, nowMs, refusedMax);
  }

  get stateId(): string {
    return this.state.stateId;
  }

  endId(): number {
    return this.end;
  }

  cursor(sink: string): number {
    return this.registry.get(sink).cursor;
  }

  /** Aggregates that have not yet reached all their sinks. */
  pendingCount(): number {
    return Math.max(0, this.end - this.registry.deliveredId());
  }

  /** The sinks for which it waits the longest, by their names. */
  slowestSinks(): string[] {
    return this.registry.slowest();
  }

  /**
   * When the oldest window was closed of which something waits for the sink, Unix ms; undefined: nothing
   * waits.
   *
   * @throws {StateError}
   */
  oldestWaitingMs(sink: string): number | undefined {
    const { bit, cursor } = this.registry.get(sink);
    return cursor >= this.end ? undefined : this.segments.oldestClosedMs(bit, cursor);
  }

  read(sink: string, fromId: number, maxAggregates: number): OutboxBatch | undefined {
    const isOutboxNext = this.again.delete(sink);
    const batch = isOutboxNext ? this.readNew(sink, fromId, maxAggregates) : undefined;
    return batch ?? this.readAgain(sink, fromId, maxAggregates) ??
      (isOutboxNext ? undefined : this.readNew(sink, fromId, maxAggregates));
  }

  delivered(sink: string, batch: OutboxBatch): void {
    const piece = this.again.get(sink);
    if (piece === undefined || !batch.overwrites) return;
    pieceDelivered(this.state, piece);
    if (!piece.isLast) return;
    this.endAtRequest.delete(piece.id);
    settleAlarms(this.state, sink);
  }

  /** Wakes the waiting deliveries, if an operator has requested a redelivery. */
  lookForRedelivery(): void {
    if (hasOpenRedelivery(this.state)) this.wake();
  }

  private readAgain(sink: string, cursor: number, maxAggregates: number): OutboxBatch | undefined {
    const registered = this.registry.get(sink);
    // Only at the cursor: a read ahead of the cursor is for new aggregates.
    if (cursor !== registered.cursor) return undefined;
    const request = nextRedelivery(this.state, sink);
    if (request === undefined || this.mustWait(registered, request)) return undefined;
    const piece = nextPiece(this.state, registered, maxAggregates);
    if (piece === undefined) return undefined;
    this.again.set(sink, piece);
    const { aggregates } = piece;
    return {
      firstId: cursor,
      nextId: cursor,
      ids: aggregates.map(() => cursor),
      aggregates,
      overwrites: true,
    };
  }

  /**
   * Whether aggregates wait that may be in the sink already: it got them before a crash, or no answer came.
   * When the outbox sends them again, they do not replace what somebody has changed at the same revision. So
   * a redelivery comes after them, and has them too.
   */
  private mustWait({ bit, cursor }: RegisteredSink, request: number): boolean {
    const endId = this.endAtRequest.get(request) ?? this.end;
    this.endAtRequest.set(request, endId);
    return this.segments.run(bit, cursor, endId, 1) !== undefined;
  }

  private readNew(sink: string, fromId: number, maxAggregates: number): OutboxBatch | undefined {
    return this.segments.run(this.registry.get(sink).bit, fromId, this.end, maxAggregates);
  }

  advance(sink: string, nextId: number): void {
    const registered = this.registry.get(sink);
    if (nextId <= registered.cursor) return;
    registered.cursor = nextId;
    this.cursorsMoved = true;
  }

  reject(sink: string, aggregate: Aggregate, refusal: SinkRefusal, nextId: number): void {
    this.refused.add(sink, aggregate, refusal, nextId);
    this.advance(sink, nextId);
  }

  refusedCount(sink: string, part: string): number {
    return this.refused.countWith(sink, part);
  }

  postponed(sink: string, endMs: number, maxWindows: number): PostponedWindow[] {
    return this.refused.postponed(sink, endMs, maxWindows);
  }

  putBack(deadLetterIds: readonly number[]): void {
    this.refused.putBack(deadLetterIds);
  }

  samples(sink: string, fromId: number, max: number): Aggregate[] {
    return this.segments.samples(this.registry.get(sink).bit, fromId, this.end, max);
  }

  lastDelivered(sink: string): Aggregate | undefined {
    const { bit, cursor } = this.registry.get(sink);
    return this.segments.newestBelow(bit, cursor, (aggregate) => !this.refused.has(sink, aggregate));
  }

  confirmed(sink: string): Confirmed {
    return confirmedRows(this.state, this.registry.get(sink));
  }

  claimant(sink: string): Claimant {
    // The start is stored when the first sink is opened, so that a command that only settles something leaves
    // no trace.
    this.lives ??= Lives.begin(this.state, this.endAtStart);
    let claimant = this.claimants.get(sink);
    if (claimant === undefined) {
      claimant = this.lives.claimant(sink, this.accepted.includes(sink));
      this.claimants.set(sink, claimant);
    }
    return claimant;
  }

  /**
   * What a sink shows that this state cannot have done: another handler runs on a copy of it, or it was
   * rolled back. Undefined: no sink shows such a thing.
   */
  get dispute(): string | undefined {
    return this.lives?.dispute;
  }

  isOwn(held: Aggregate): boolean | undefined {
    return isOwnRow(this.state, held);
  }

  alarm(sink: string, alarm: SinkAlarm): boolean {
    return raiseAlarm(this.state, sink, alarm, this.nowMs());
  }

  waitForMore(fromId: number, signal: AbortSignal): Promise<void> {
    if (this.end > fromId || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.waiting.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.waiting.add(done);
      signal.addEventListener("abort", done);
    });
  }

  /** Whether a cursor has moved since {@link cursorsSaved}. */
  get hasUnsavedCursors(): boolean {
    return this.cursorsMoved;
  }

  cursorsSaved(): void {
    this.cursorsMoved = false;
  }

  /** Wakes the waiting deliveries: a checkpoint has added aggregates. */
  extend(endId: number): void {
    if (endId === this.end) return;
    this.end = endId;
    this.wake();
  }

  private wake(): void {
    for (const done of [...this.waiting]) done();
  }
}
