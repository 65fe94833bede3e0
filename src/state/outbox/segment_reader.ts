import type { Aggregate } from "../../aggregation/aggregate.ts";
import type { OutboxBatch, OutboxId } from "../../contract/sink.ts";
import { readSegment } from "./archive.ts";
import { SegmentAggregates, toAggregate } from "./segment_aggregates.ts";
import type { StateDatabase } from "../file/state_database.ts";

/** Segments per read at most. It bounds the work where none of their rows is for the sink. */
const SEGMENTS_A_READ = 16;
/**
 * Bytes of segments after which a batch gets no further one. It keeps them until it is settled, and those
 * with percentiles may be large.
 */
const BYTES_A_READ = 8 * 1024 * 1024;

interface SegmentRow {
  first_id: number;
  row_count: number;
  sink_bits: number;
  window_start_ms: number;
  window_end_ms: number;
  closed_at_ms: number;
}

/** Reads the aggregates for one sink, by its bit, from the segments. */
export class SegmentReader {
  /** @param bytesARead See {@link BYTES_A_READ}. */
  constructor(private readonly state: StateDatabase, private readonly bytesARead = BYTES_A_READ) {}

  /** The next batch in `[fromId, endId)`, with `maxAggregates` at most; undefined: there is nothing left. */
  run(bit: number, fromId: OutboxId, endId: OutboxId, maxAggregates: number): OutboxBatch | undefined {
    const segments = this.state.all<SegmentRow>(
      `SELECT first_id, row_count, sink_bits, window_start_ms, window_end_ms, closed_at_ms FROM segment
       WHERE first_id >= coalesce((SELECT max(first_id) FROM segment WHERE first_id <= ?), 0)
         AND first_id + row_count > ? AND first_id < ?
       ORDER BY first_id LIMIT ?`,
      fromId,
      fromId,
      endId,
      SEGMENTS_A_READ,
    );
    if (segments.length === 0) return undefined;
    const ids: OutboxId[] = [];
    const aggregates = new SegmentAggregates();
    let nextId = fromId;
    let closedMs = Infinity;
    let bytes = 0;
    for (const found of segments) {
      const { first_id: firstId, row_count: rowCount } = found;
      nextId = firstId + rowCount;
      if ((found.sink_bits & bit) === 0) continue;
      const segment = readSegment(this.state, firstId);
      aggregates.begin(segment, found.window_start_ms, found.window_end_ms);
      for (let row = Math.max(0, fromId - firstId); row < rowCount; row++) {
        if ((segment.sinks[row]! & bit) === 0) continue;
        closedMs = Math.min(closedMs, found.closed_at_ms);
        ids.push(firstId + row);
        aggregates.add(row);
        if (aggregates.length === maxAggregates) {
          return { firstId: fromId, nextId: firstId + row + 1, ids, aggregates, closedMs };
        }
      }
      bytes += segment.byteLength;
      if (bytes >= this.bytesARead) break;
    }
    return { firstId: fromId, nextId, ids, aggregates, closedMs };
  }

  /**
   * When the oldest window was closed of which the outbox has something for the sink from `fromId` on, Unix
   * ms; undefined: it has nothing.
   */
  oldestClosedMs(bit: number, fromId: OutboxId): number | undefined {
    return this.state.get<{ closedMs: number }>(
      `SELECT closed_at_ms AS closedMs FROM segment
       WHERE first_id >= coalesce((SELECT max(first_id) FROM segment WHERE first_id <= ?1), 0)
         AND first_id + row_count > ?1 AND (sink_bits & ?2) != 0
       ORDER BY first_id LIMIT 1`,
      fromId,
      bit,
    )?.closedMs;
  }

  /** At most `max` of the aggregates in `[fromId, endId)`, evenly spread over them. */
  samples(bit: number, fromId: OutboxId, endId: OutboxId, max: number): Aggregate[] {
    const step = Math.max(1, Math.ceil((endId - fromId) / max));
    const samples: Aggregate[] = [];
    for (let id = fromId; id < endId;) {
      const run = this.run(bit, id, endId, 1);
      if (run === undefined) break;
      samples.push(...run.aggregates);
      // The next row for the sink may be more than one step away.
      id = Math.max(id + step, run.nextId);
    }
    return samples;
  }

  /** The newest wanted aggregate not far below `cursor`; undefined: there is none. */
  newestBelow(
    bit: number,
    cursor: OutboxId,
    isWanted: (aggregate: Aggregate) => boolean,
  ): Aggregate | undefined {
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
        if (isWanted(aggregate)) return aggregate;
      }
    }
    return undefined;
  }
}
