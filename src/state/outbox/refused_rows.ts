import type { Aggregate } from "../../aggregation/aggregate.ts";
import type { OutboxId } from "../../contract/sink.ts";
import type { StateDatabase } from "../file/state_database.ts";
import { addRefusedAggregates, hasRequests, leaveRequest, readDeadLetters } from "../letters/dead_letters.ts";
import { type PostponedWindow, type SinkRefusal, TooManyRefused } from "./outbox.ts";

/**
 * Refused aggregates of one sink that are kept at most. The books need each of them, so a sink that refuses
 * more gets nothing more.
 */
const REFUSED_MAX = 100_000;

/** The dead letters of sinks. */
export class RefusedRows {
  /** An upper bound for each sink: some may have been retried or purged since. */
  private readonly counts = new Map<string, number>();

  constructor(
    private readonly state: StateDatabase,
    private readonly nowMs: () => number,
    private readonly max: number = REFUSED_MAX,
  ) {}

  /**
   * Adds an aggregate to the dead letters and moves the cursor of the sink, in one step.
   *
   * @throws {TooManyRefused} Nothing has changed then.
   */
  add(sink: string, aggregate: Aggregate, { reason, detail }: SinkRefusal, nextId: OutboxId): void {
    const count = this.countOf(sink);
    if (count >= this.max) {
      throw new TooManyRefused(
        `it has refused ${count} aggregates, which wait as dead letters, and the next one too ` +
          `(${detail}). It gets nothing more until some are settled: mend it, then \`dead-letters ` +
          "retry --reason rejected`, or purge them",
      );
    }
    this.state.transaction(() => {
      addRefusedAggregates(this.state, [{ reason, detail, sink, aggregate }], this.nowMs());
      this.state.run("UPDATE sink SET cursor = ? WHERE name = ?", nextId, sink);
    });
    this.counts.set(sink, count + 1);
  }

  has(sink: string, row: Aggregate): boolean {
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

  /** The number of the sink's dead letters whose detail contains `part`. */
  countWith(sink: string, part: string): number {
    return this.state.get<{ count: number }>(
      "SELECT count(*) AS count FROM dead_letter WHERE sink = ? AND purged = 0 AND instr(detail, ?) > 0",
      sink,
      part,
    )!.count;
  }

  /**
   * The aggregates that a sink has postponed, of `maxWindows` windows at most that end after `endMs`, in the
   * order of their ends.
   */
  postponed(sink: string, endMs: number, maxWindows: number): PostponedWindow[] {
    // Where requests are open, they may be for these dead letters.
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

  private countOf(sink: string): number {
    let count = this.counts.get(sink) ?? Infinity;
    if (count >= this.max) {
      count = this.state.get<{ count: number }>(
        "SELECT count(*) AS count FROM dead_letter WHERE sink = ? AND purged = 0",
        sink,
      )!.count;
      this.counts.set(sink, count);
    }
    return count;
  }
}
