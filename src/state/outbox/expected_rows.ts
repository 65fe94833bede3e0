import type { Aggregate } from "../../aggregation/aggregate.ts";
import { readSegment } from "./archive.ts";
import { toAggregate } from "./segment_aggregates.ts";
import type { RegisteredSink } from "./registered_sink.ts";
import type { StateDatabase } from "../file/state_database.ts";
import { bitsOfStays, fateOf } from "./stay.ts";

/** A window of the archive. */
export interface WindowKey {
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * The aggregates of one window that a sink must have: for each series, the highest revision that was ever
 * routed to it, in any of its stays.
 */
export interface ExpectedWindow {
  /** The newest aggregate of each series that has been delivered, by {@link rowKey}. */
  readonly delivered: ReadonlyMap<string, Aggregate>;
  /**
   * The revisions of each series that wait in the outbox. The sink may have some already, if its cursor is
   * not yet saved.
   */
  readonly waiting: ReadonlyMap<string, readonly Aggregate[]>;
  /**
   * The revisions that were given up when the sink was removed, and are newer than the delivered ones. The
   * sink may have some of them.
   */
  readonly givenUp: ReadonlyMap<string, readonly Aggregate[]>;
}

/** The revisions of one aggregate that were routed to a sink, oldest first. */
export interface RowHistory {
  /** Delivered, or rejected. */
  readonly handed: Aggregate[];
  readonly waiting: Aggregate[];
  readonly givenUp: Aggregate[];
}

/** The revisions of all aggregates of a window that were ever routed to `sink`, by {@link rowKey}. */
export function historyOf(
  state: StateDatabase,
  sink: RegisteredSink,
  window: WindowKey,
): ReadonlyMap<string, RowHistory> {
  const rows = new Map<string, RowHistory>();
  const segments = state.all<{ id: number }>(
    `SELECT first_id AS id FROM segment WHERE window_end_ms = ? AND window_start_ms = ? AND (sink_bits & ?) != 0
     ORDER BY first_id`,
    window.endMs,
    window.startMs,
    bitsOfStays(sink),
  );
  for (const { id } of segments) {
    const segment = readSegment(state, id);
    for (let row = 0; row < segment.rowCount; row++) {
      const fate = fateOf(sink, id + row, segment.sinks[row]!);
      if (fate === undefined) continue;
      const aggregate = toAggregate(segment, row, window.startMs, window.endMs);
      const key = rowKey(aggregate);
      let history = rows.get(key);
      if (!history) rows.set(key, history = { handed: [], waiting: [], givenUp: [] });
      history[LISTS[fate]].push(aggregate);
    }
  }
  return rows;
}

const LISTS = { "handed": "handed", "waiting": "waiting", "given-up": "givenUp" } as const;

/** The aggregates of a window that `sink` must have, by the archive and the dead letters. */
export function expectedRows(state: StateDatabase, sink: RegisteredSink, window: WindowKey): ExpectedWindow {
  const rejected = new Set(
    state.all<RevisionRow>(
      `SELECT name, coalesce(labels, '') AS labels, agg_func AS aggFunc, revision FROM dead_letter
       WHERE sink = ? AND window_end_ms = ? AND window_start_ms = ?`,
      sink.id,
      window.endMs,
      window.startMs,
    ).map(revisionKey),
  );
  const expected = {
    delivered: new Map<string, Aggregate>(),
    waiting: new Map<string, Aggregate[]>(),
    givenUp: new Map<string, Aggregate[]>(),
  };
  for (const [key, history] of historyOf(state, sink, window)) {
    const { handed, waiting } = history;
    // A rejected aggregate that is retried was routed before. It is not in the sink until it is written.
    const newest = handed.findLast((row) =>
      !rejected.has(revisionKey(row)) && !waiting.some((again) => again.revision === row.revision)
    );
    const givenUp = history.givenUp.filter(({ revision }) => revision > (newest?.revision ?? -1));
    if (newest) expected.delivered.set(key, newest);
    if (waiting.length > 0) expected.waiting.set(key, waiting);
    if (givenUp.length > 0) expected.givenUp.set(key, givenUp);
  }
  return expected;
}

/**
 * Events of a window that `sink` lacks because it has refused aggregates: the difference between what was
 * routed to it and what its aggregates will count once the outbox is empty.
 */
export function refusedEvents(state: StateDatabase, sink: RegisteredSink, window: WindowKey): RefusedEvents {
  const refused = state.all<RevisionRow & { count: number; purged: number }>(
    `SELECT name, coalesce(labels, '') AS labels, agg_func AS aggFunc, max(revision) AS revision, max(count) AS count, min(purged) AS purged
     FROM dead_letter WHERE sink = ? AND window_end_ms = ? AND window_start_ms = ? GROUP BY name, labels, agg_func`,
    sink.id,
    window.endMs,
    window.startMs,
  );
  const lacking = { kept: 0, purged: 0 };
  if (refused.length === 0) return lacking;
  const { delivered, waiting } = expectedRows(state, sink, window);
  for (const row of refused) {
    const key = rowKey(row);
    const has = delivered.get(key);
    if (waiting.has(key) || (has && has.revision > row.revision)) continue;
    lacking[row.purged ? "purged" : "kept"] += row.count - (has?.count ?? 0);
  }
  return lacking;
}

/**
 * Events that a sink lacks, split by whether an operator has purged their dead letters, so that they cannot
 * come back.
 */
export interface RefusedEvents {
  readonly kept: number;
  readonly purged: number;
}

type RowName = Pick<Aggregate, "name" | "labels" | "aggFunc">;
type RevisionRow = RowName & Pick<Aggregate, "revision">;

/** The key of an aggregate within its window. It contains no NUL, which a text of the state cannot have. */
export function rowKey({ name, labels = "", aggFunc }: RowName): string {
  return `${aggFunc}${labels} ${name}`;
}

function revisionKey(row: RevisionRow): string {
  return `${row.revision} ${rowKey(row)}`;
}
