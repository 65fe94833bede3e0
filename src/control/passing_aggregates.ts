import type { Aggregate } from "../aggregation/aggregate.ts";
import type { SeriesMatcher } from "../event/series_filter.ts";
import type { OutboxId } from "../contract/sink.ts";
import { readBookEntries } from "../state/checkpoint/book_entries.ts";
import { storedPart } from "../state/checkpoint/columns.ts";
import type { StateDatabase } from "../state/file/state_database.ts";
import { readSegment } from "../state/outbox/archive.ts";
import type { RegisteredSink } from "../state/outbox/registered_sink.ts";
import { toAggregate } from "../state/outbox/segment_aggregates.ts";
import { SinkRegistry } from "../state/outbox/sink_registry.ts";

/** An aggregate of a window that has closed, or that a late event has corrected. */
export interface PassingAggregate {
  readonly aggregate: Aggregate;
  /** The sinks that it goes to: none where no route leads anywhere. */
  readonly sinks: readonly string[];
}

/** The aggregates that have come since an outbox id. */
export interface PassingAggregates {
  readonly instance: string;
  readonly aggregates: readonly PassingAggregate[];
  /** Where the next question goes on. */
  readonly nextId: OutboxId;
  /** All that have passed, whatever their names. */
  readonly passed: number;
  /** Those that were not looked at, since too many came at once. */
  readonly unexamined: number;
  /** Those that match and are not among `aggregates`, for lack of room. */
  readonly unsent: number;
}

/** Segments that are looked at for one answer, the newest ones: a quarter of a second at most. */
const SEGMENTS_MAX = 64;
/** Aggregates in one answer. */
const AGGREGATES_MAX = 500;

/** The condition that a segment has rows from the outbox id `?1` on, so that the others are not read. */
const FROM_ID = "first_id + row_count > ?1 AND " +
  "first_id >= coalesce((SELECT max(first_id) FROM segment WHERE first_id <= ?1), 0)";

interface FoundSegment {
  readonly firstId: OutboxId;
  readonly rowCount: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly hasLiteral: number;
}

/** The next outbox id of a state: what closes from now on has it, or a higher one. @throws {StateError} */
export function outboxEnd(state: StateDatabase): OutboxId {
  return readBookEntries(state).get("outbox_end_id") ?? 0;
}

/**
 * The aggregates from an outbox id on that match. In steps, for which the state must be one consistent view.
 *
 * @throws {StateError}
 */
export function* passingAggregates(
  state: StateDatabase,
  fromId: OutboxId,
  matcher: SeriesMatcher,
): Generator<undefined, PassingAggregates> {
  const endId = outboxEnd(state);
  const { sinks } = SinkRegistry.read(state);
  const found = newestSegments(state, fromId, matcher.longestLiteral);
  const aggregates: PassingAggregate[] = [];
  const passed = rowsFrom(state, fromId);
  let [examined, unsent] = [0, 0];
  for (const { firstId, rowCount, startMs, endMs, hasLiteral } of found) {
    const from = Math.max(0, fromId - firstId);
    examined += rowCount - from;
    if (hasLiteral === 0) continue;
    const segment = readSegment(state, firstId);
    for (let row = from; row < rowCount; row++) {
      const { name, labels } = segment.series(row);
      if (!matcher.matches(name, labels)) continue;
      if (aggregates.length === AGGREGATES_MAX) unsent++;
      else {
        const aggregate = toAggregate(segment, row, startMs, endMs);
        aggregates.push({ aggregate, sinks: namesOf(sinks, segment.sinks[row]!) });
      }
    }
    yield;
  }
  return {
    instance: state.instanceId,
    aggregates,
    nextId: endId,
    passed,
    unexamined: passed - examined,
    unsent,
  };
}

/** Reissued segments are left out: what they have was shown when it closed. */
function newestSegments(state: StateDatabase, fromId: OutboxId, literal: Uint8Array): FoundSegment[] {
  return state.all<FoundSegment>(
    `SELECT first_id AS firstId, row_count AS rowCount, window_start_ms AS startMs, window_end_ms AS endMs,
       instr(rows, ?2) AS hasLiteral
     FROM segment WHERE ${FROM_ID} AND reissued = 0 ORDER BY first_id DESC LIMIT ?3`,
    fromId,
    storedPart(literal),
    SEGMENTS_MAX,
  ).reverse();
}

function rowsFrom(state: StateDatabase, fromId: OutboxId): number {
  return state.get<{ rows: number | null }>(
    `SELECT sum(row_count - max(0, ?1 - first_id)) AS rows FROM segment
     WHERE ${FROM_ID} AND reissued = 0`,
    fromId,
  )?.rows ?? 0;
}

/** The names of the sinks that a row goes to. */
export function namesOf(sinks: readonly RegisteredSink[], bits: number): string[] {
  return sinks.filter(({ bit }) => (bit & bits) !== 0).map(({ id }) => id);
}
