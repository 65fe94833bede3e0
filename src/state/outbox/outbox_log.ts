import { functionName } from "../../event/agg_function.ts";
import type { Aggregate } from "../../aggregation/aggregate.ts";
import { valueOf } from "../../aggregation/accumulator.ts";
import type { Claimant, Confirmed, OutboxBatch, SinkAlarm } from "../../contract/sink.ts";
import { raiseAlarm, settleAlarms } from "../alarms.ts";
import { readSegment } from "./archive.ts";
import { confirmedRows, isOwnRow } from "./confirmed_rows.ts";
import { addRefusedAggregates, hasRequests, leaveRequest, readDeadLetters } from "../letters/dead_letters.ts";
import { Lives } from "./lives.ts";
import { type Outbox, type PostponedWindow, type SinkRefusal, TooManyRefused } from "./outbox.ts";
import { hasOpenRedelivery, nextPiece, pieceDelivered, type RedeliveredRows } from "./redelivery.ts";
import type { Segment } from "./segment.ts";
import type { SinkRegistry } from "./sink_registry.ts";
import type { StateDatabase } from "../file/state_database.ts";

/** Segments looked at in one read: bounds the work where none of their rows is for the sink. */
const SEGMENTS_A_READ = 16;
/** Aggregates refused by one sink that are kept. The books need each of them, so a sink that refuses more gets no more. */
const REJECTED_MAX = 100_000;

/** The outbox over the segments of the state database. */
export class OutboxLog implements Outbox {
  private readonly waiting = new Set<() => void>();
  private cursorsMoved = false;
  /** For each sink at least as many as there are: some may have been retried or purged since. */
  private readonly rejected = new Map<string, number>();
  /** The piece that a sink got last, where it was one that is sent again. */
  private readonly again = new Map<string, RedeliveredRows>();
  private readonly endAtStart: number;
  private lives: Lives | undefined;
  private readonly claimants = new Map<string, Claimant>();

  /** @param accepted Sinks that the operator takes as they are, whoever wrote to them. */
  constructor(
    private readonly state: StateDatabase,
    private readonly registry: SinkRegistry,
    private end: number,
    private readonly nowMs: () => number,
    private readonly rejectedMax: number = REJECTED_MAX,
    private readonly accepted: readonly string[] = [],
  ) {
    this.endAtStart = end;
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
    if (piece.isLast) settleAlarms(this.state, sink);
  }

  /** Wakes those who wait, if an operator wants something to be sent again. */
  lookForRedelivery(): void {
    if (hasOpenRedelivery(this.state)) this.wake();
  }

  private readAgain(sink: string, cursor: number, maxAggregates: number): OutboxBatch | undefined {
    const registered = this.registry.get(sink);
    // Only what it has had: a reader ahead of the cursor asks for what is new.
    if (cursor !== registered.cursor) return undefined;
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

  private readNew(sink: string, fromId: number, maxAggregates: number): OutboxBatch | undefined {
    const { bit } = this.registry.get(sink);
    const segments = this.state.all<SegmentRow>(
      `SELECT first_id, row_count, sink_bits, window_start_ms, window_end_ms FROM segment
       WHERE first_id >= coalesce((SELECT max(first_id) FROM segment WHERE first_id <= ?), 0)
         AND first_id + row_count > ? AND first_id < ?
       ORDER BY first_id LIMIT ?`,
      fromId,
      fromId,
      this.end,
      SEGMENTS_A_READ,
    );
    if (segments.length === 0) return undefined;
    const ids: number[] = [];
    const aggregates: Aggregate[] = [];
    let nextId = fromId;
    for (const found of segments) {
      const { first_id: firstId, row_count: rowCount } = found;
      nextId = firstId + rowCount;
      if ((found.sink_bits & bit) === 0) continue;
      const segment = readSegment(this.state, firstId);
      for (let row = Math.max(0, fromId - firstId); row < rowCount; row++) {
        if ((segment.sinks[row]! & bit) === 0) continue;
        ids.push(firstId + row);
        aggregates.push(toAggregate(segment, row, found.window_start_ms, found.window_end_ms));
        if (aggregates.length === maxAggregates) {
          return { firstId: fromId, nextId: firstId + row + 1, ids, aggregates };
        }
      }
    }
    return { firstId: fromId, nextId, ids, aggregates };
  }

  advance(sink: string, nextId: number): void {
    const registered = this.registry.get(sink);
    if (nextId <= registered.cursor) return;
    registered.cursor = nextId;
    this.cursorsMoved = true;
  }

  reject(sink: string, aggregate: Aggregate, { reason, detail }: SinkRefusal, nextId: number): void {
    const rejected = this.rejectedBy(sink);
    if (rejected >= this.rejectedMax) {
      throw new TooManyRefused(
        `it has refused ${rejected} aggregates, which wait as dead letters, and the next one too (${detail}). ` +
          "It gets nothing more until some are settled: mend it, then `dead-letters retry --reason rejected`, or purge them",
      );
    }
    this.state.transaction(() => {
      addRefusedAggregates(
        this.state,
        [{ reason, detail, sink, aggregate }],
        this.nowMs(),
      );
      this.state.run("UPDATE sink SET cursor = ? WHERE name = ?", nextId, sink);
    });
    this.rejected.set(sink, rejected + 1);
    this.advance(sink, nextId);
  }

  private rejectedBy(sink: string): number {
    let count = this.rejected.get(sink) ?? Infinity;
    if (count >= this.rejectedMax) {
      count = this.state.get<{ count: number }>(
        "SELECT count(*) AS count FROM dead_letter WHERE sink = ? AND purged = 0",
        sink,
      )!.count;
      this.rejected.set(sink, count);
    }
    return count;
  }

  confirmed(sink: string): Confirmed {
    return confirmedRows(this.state, this.registry.get(sink));
  }

  claimant(sink: string): Claimant {
    // Not before a sink is to be opened: a command that only settles something leaves no trace.
    this.lives ??= Lives.begin(this.state, this.endAtStart);
    let claimant = this.claimants.get(sink);
    if (claimant === undefined) {
      claimant = this.lives.claimant(sink, this.accepted.includes(sink));
      this.claimants.set(sink, claimant);
    }
    return claimant;
  }

  /** What a sink has told of another life of this state; undefined: none has. */
  get dispute(): string | undefined {
    return this.lives?.dispute;
  }

  isOwn(held: Aggregate): boolean | undefined {
    return isOwnRow(this.state, held);
  }

  alarm(sink: string, alarm: SinkAlarm): boolean {
    return raiseAlarm(this.state, sink, alarm, this.nowMs());
  }

  samples(sink: string, fromId: number, max: number): Aggregate[] {
    const step = Math.max(1, Math.ceil((this.end - fromId) / max));
    const samples: Aggregate[] = [];
    for (let id = fromId; id < this.end;) {
      const run = this.readNew(sink, id, 1);
      if (run === undefined) break;
      samples.push(...run.aggregates);
      // The next row for the sink may be farther away than a step.
      id = Math.max(id + step, run.nextId);
    }
    return samples;
  }

  lastDelivered(sink: string): Aggregate | undefined {
    const { bit, cursor } = this.registry.get(sink);
    const segments = this.state.all<SegmentRow>(
      `SELECT first_id, row_count, sink_bits, window_start_ms, window_end_ms FROM segment
       WHERE first_id < ? AND sink_bits & ? ORDER BY first_id DESC LIMIT ?`,
      cursor,
      bit,
      SEGMENTS_A_READ,
    );
    for (const { first_id: firstId, row_count: rowCount, ...window } of segments) {
      const segment = readSegment(this.state, firstId);
      for (let row = Math.min(rowCount, cursor - firstId) - 1; row >= 0; row--) {
        if ((segment.sinks[row]! & bit) === 0) continue;
        const aggregate = toAggregate(segment, row, window.window_start_ms, window.window_end_ms);
        if (!this.isRefused(sink, aggregate)) return aggregate;
      }
    }
    return undefined;
  }

  private isRefused(sink: string, row: Aggregate): boolean {
    const { name, labels = null, aggFunc, windowStartMs, windowEndMs } = row;
    return this.state.get(
      `SELECT 1 FROM dead_letter WHERE sink = ? AND window_end_ms = ? AND window_start_ms = ? AND name = ?
       AND labels IS ? AND agg_func = ? LIMIT 1`,
      sink,
      windowEndMs,
      windowStartMs,
      name,
      labels,
      aggFunc,
    ) !== undefined;
  }

  refusedCount(sink: string, part: string): number {
    return this.state.get<{ count: number }>(
      "SELECT count(*) AS count FROM dead_letter WHERE sink = ? AND purged = 0 AND instr(detail, ?) > 0",
      sink,
      part,
    )!.count;
  }

  postponed(sink: string, endMs: number, maxWindows: number): PostponedWindow[] {
    // What is asked for already is on its way.
    if (hasRequests(this.state)) return [];
    const windows = this.state.all<{ windowEndMs: number; ids: string }>(
      `SELECT window_end_ms AS windowEndMs, json_group_array(id ORDER BY id) AS ids FROM dead_letter
       WHERE sink = ? AND reason = 'postponed' AND purged = 0 AND window_end_ms > ?
       GROUP BY window_end_ms, window_start_ms ORDER BY window_end_ms LIMIT ?`,
      sink,
      endMs,
      maxWindows,
    );
    return windows.map(({ windowEndMs, ids }) => {
      const deadLetterIds = JSON.parse(ids) as number[];
      const [first] = readDeadLetters(this.state, { ids: deadLetterIds.slice(0, 1), limit: 1 });
      return { windowEndMs, sample: first!.aggregate!, deadLetterIds };
    });
  }

  putBack(deadLetterIds: readonly number[]): void {
    leaveRequest(this.state, "retry", deadLetterIds);
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

  /** Tells those who wait that a checkpoint has added aggregates. */
  extend(endId: number): void {
    if (endId === this.end) return;
    this.end = endId;
    this.wake();
  }

  private wake(): void {
    for (const done of [...this.waiting]) done();
  }
}

interface SegmentRow {
  first_id: number;
  row_count: number;
  sink_bits: number;
  window_start_ms: number;
  window_end_ms: number;
}

/** A row of a segment as sinks take it. */
export function toAggregate(
  segment: Segment,
  row: number,
  windowStartMs: number,
  windowEndMs: number,
): Aggregate {
  return {
    ...segment.series(row),
    aggFunc: functionName(segment.functionId[row]!),
    value: valueOf(segment.accumulator(row)),
    windowStartMs,
    windowEndMs,
    count: segment.count[row]!,
    revision: segment.revision[row]!,
  };
}
