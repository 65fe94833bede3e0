import type { Aggregate } from "../aggregation/aggregate.ts";
import { readSegment } from "./archive.ts";
import { toAggregate } from "./outbox_log.ts";
import type { RegisteredSink } from "./sink_registry.ts";
import type { StateDatabase } from "./state_database.ts";

/** A window of the archive. */
export interface WindowKey {
  readonly startMs: number;
  readonly endMs: number;
}

/** What a sink must hold of one window. */
export interface ExpectedWindow {
  /** The final row of each series that has been delivered, by {@link rowKey}. */
  readonly delivered: ReadonlyMap<string, Aggregate>;
  /** The revisions of each series that wait in the outbox; the sink may have some already, if its cursor is not yet saved. */
  readonly waiting: ReadonlyMap<string, readonly Aggregate[]>;
}

/** What `sink` must hold of a window, by the archive and the dead letters. */
export function expectedRows(state: StateDatabase, sink: RegisteredSink, window: WindowKey): ExpectedWindow {
  const delivered = new Map<string, Aggregate[]>();
  const waiting = new Map<string, Aggregate[]>();
  const rejected = new Set(
    state.all<RevisionRow>(
      `SELECT name, agg_func, revision FROM dead_letter
       WHERE sink = ? AND window_end_ms = ? AND window_start_ms = ?`,
      sink.name,
      window.endMs,
      window.startMs,
    ).map(revisionKey),
  );
  const segments = state.all<{ id: number }>(
    `SELECT first_id AS id FROM segment WHERE window_end_ms = ? AND window_start_ms = ? AND (sink_bits & ?) != 0
     ORDER BY first_id`,
    window.endMs,
    window.startMs,
    sink.bit,
  );
  for (const { id } of segments) {
    const segment = readSegment(state, id);
    for (let row = 0; row < segment.rowCount; row++) {
      if ((segment.sinks[row]! & sink.bit) === 0 || id + row < sink.sinceId) continue;
      const aggregate = toAggregate(segment, row, window.startMs, window.endMs);
      const { name, aggFunc, revision } = aggregate;
      const key = rowKey(name, aggFunc);
      const revisions = id + row >= sink.cursor ? waiting : delivered;
      if (revisions === waiting || !rejected.has(revisionKey({ name, agg_func: aggFunc, revision }))) {
        revisions.set(key, [...revisions.get(key) ?? [], aggregate]);
      }
    }
  }
  const final = new Map<string, Aggregate>();
  for (const [key, revisions] of delivered) {
    // What was rejected and is on its way again was routed before: it is not there until it is written.
    const again = new Set(waiting.get(key)?.map(({ revision }) => revision));
    const newest = revisions.filter(({ revision }) => !again.has(revision)).at(-1);
    if (newest) final.set(key, newest);
  }
  return { delivered: final, waiting };
}

/**
 * Events of a window that `sink` lacks, by its own refusal: the difference between what was routed to it and what its rows
 * can hold once the outbox is empty.
 */
export function refusedEvents(state: StateDatabase, sink: RegisteredSink, window: WindowKey): number {
  const refused = state.all<RevisionRow & { count: number }>(
    `SELECT name, agg_func, max(revision) AS revision, max(count) AS count
     FROM dead_letter WHERE sink = ? AND window_end_ms = ? AND window_start_ms = ? GROUP BY name, agg_func`,
    sink.name,
    window.endMs,
    window.startMs,
  );
  if (refused.length === 0) return 0;
  const { delivered, waiting } = expectedRows(state, sink, window);
  let lacking = 0;
  for (const row of refused) {
    const key = rowKey(row.name, row.agg_func);
    const has = delivered.get(key);
    if (waiting.has(key) || (has && has.revision > row.revision)) continue;
    lacking += row.count - (has?.count ?? 0);
  }
  return lacking;
}

interface RevisionRow {
  name: string;
  agg_func: string;
  revision: number;
}

/** What tells the rows of one window apart. */
export function rowKey(name: string, aggFunc: string): string {
  return `${aggFunc} ${name}`;
}

function revisionKey(row: RevisionRow): string {
  return `${row.revision} ${rowKey(row.name, row.agg_func)}`;
}
