import type { Aggregate } from "../aggregation/aggregate.ts";
import { ACCOUNTS } from "../aggregation/event_aggregator.ts";
import { functionName } from "../aggregation/agg_function.ts";
import { readSegment } from "./archive.ts";
import { readAccounts } from "./accounts.ts";
import { toAggregate } from "./outbox_log.ts";
import { type RegisteredSink, SinkRegistry } from "./sink_registry.ts";
import type { StateDatabase } from "./state_database.ts";
import { readStatus } from "./status_report.ts";

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

/**
 * The books of a state: what must be true of it and of its sinks if nothing was lost and nothing counted twice.
 * Every method reads what the last checkpoint wrote; use them within one {@link StateDatabase.snapshot}.
 */
export class Books {
  private readonly registry: SinkRegistry;
  private readonly rejected: ReadonlyMap<string, Set<string>>;

  constructor(private readonly state: StateDatabase) {
    this.registry = SinkRegistry.read(state);
    this.rejected = readRejected(state);
  }

  get sinks(): readonly RegisteredSink[] {
    return this.registry.sinks;
  }

  /** What does not add up within the state; empty when all does. */
  faults(): string[] {
    const accounts = readAccounts(this.state);
    const amount = (name: string) => accounts.get(name) ?? 0;
    const faults: string[] = [];
    const [received, ...others] = ACCOUNTS;
    const accountedFor = others.reduce((sum, name) => sum + amount(name), 0);
    if (amount(received) !== accountedFor) {
      faults.push(`received ${amount(received)} events, but ${others.join(" + ")} = ${accountedFor}`);
    }
    const open = readStatus(this.state).open_windows.reduce((sum, window) => sum + window.events, 0);
    if (amount("aggregated") !== open + amount("closed")) {
      faults.push(
        `aggregated ${amount("aggregated")} events, but open windows hold ${open} and closed ones ${
          amount("closed")
        }`,
      );
    }
    return faults;
  }

  /** The windows that can still be compared row by row, from `sinceMs` on, oldest first. */
  windows(sinceMs: number): WindowKey[] {
    return this.state.all<WindowKey>(
      `SELECT DISTINCT window_start_ms AS startMs, window_end_ms AS endMs FROM segment
       WHERE window_start_ms >= ? ORDER BY window_end_ms, window_start_ms`,
      sinceMs,
    );
  }

  /** What `sink` must hold of a window. */
  expected(sink: RegisteredSink, window: WindowKey): ExpectedWindow {
    const delivered = new Map<string, Aggregate[]>();
    const waiting = new Map<string, Aggregate[]>();
    const segments = this.state.all<{ id: number }>(
      `SELECT first_id AS id FROM segment WHERE window_end_ms = ? AND window_start_ms = ? AND (sink_bits & ?) != 0
       ORDER BY first_id`,
      window.endMs,
      window.startMs,
      sink.bit,
    );
    for (const { id } of segments) {
      const segment = readSegment(this.state, id);
      for (let row = 0; row < segment.rowCount; row++) {
        if ((segment.sinks[row]! & sink.bit) === 0 || id + row < sink.sinceId) continue;
        const aggregate = toAggregate(segment, row, window.startMs, window.endMs);
        const key = rowKey(aggregate.name, functionName(segment.functionId[row]!));
        const state = id + row >= sink.cursor ? waiting : delivered;
        if (state === waiting || !this.isRejected(sink, aggregate)) {
          state.set(key, [...state.get(key) ?? [], aggregate]);
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
   * Events that `sink` lacks, by its own refusal: the difference between what was routed to it and what its rows can
   * hold once the outbox is empty.
   */
  refusedEvents(sink: RegisteredSink): number {
    const fixed = this.state.get<{ events: number }>(
      "SELECT coalesce(sum(count), 0) AS events FROM dead_letter WHERE sink = ? AND purged = ?",
      sink.name,
      FIXED,
    );
    return this.refusedRows(sink).reduce((sum, row) => sum + this.lacking(sink, row), fixed!.events);
  }

  /**
   * Replaces the purged letters of a window that is going to be forgotten, within the transaction of the caller: for each series
   * one stays, whose count is that of the events that the sink lacks for good.
   */
  fixRefused(window: WindowKey): void {
    for (const sink of this.sinks) {
      for (const row of this.refusedRows(sink, window)) {
        const events = this.lacking(sink, row);
        this.state.run(
          `DELETE FROM dead_letter WHERE sink = ? AND window_end_ms = ? AND window_start_ms = ? AND name = ?
             AND agg_func = ? AND id != ?`,
          sink.name,
          window.endMs,
          window.startMs,
          row.name,
          row.agg_func,
          row.id,
        );
        this.state.run("UPDATE dead_letter SET purged = ?, count = ? WHERE id = ?", FIXED, events, row.id);
      }
    }
  }

  /** The newest refused revision of each series. */
  private refusedRows(sink: RegisteredSink, window?: WindowKey): RejectedRow[] {
    return this.state.all<RejectedRow>(
      `SELECT max(id) AS id, name, agg_func, window_start_ms, window_end_ms, max(revision) AS revision,
         max(count) AS count
       FROM dead_letter
       WHERE sink = ?1 AND purged != ?2 AND (?3 IS NULL OR (window_end_ms = ?3 AND window_start_ms = ?4))
       GROUP BY name, agg_func, window_start_ms, window_end_ms`,
      sink.name,
      FIXED,
      window?.endMs ?? null,
      window?.startMs ?? null,
    );
  }

  private lacking(sink: RegisteredSink, row: RejectedRow): number {
    const { delivered, waiting } = this.expected(sink, {
      startMs: row.window_start_ms,
      endMs: row.window_end_ms,
    });
    const key = rowKey(row.name, row.agg_func);
    const has = delivered.get(key);
    if (waiting.has(key) || (has && has.revision > row.revision)) return 0;
    return row.count - (has?.count ?? 0);
  }

  private isRejected(sink: RegisteredSink, aggregate: Aggregate): boolean {
    return this.rejected.get(sink.name)?.has(rejectionKey(aggregate)) ?? false;
  }
}

interface RejectedRow {
  id: number;
  name: string;
  agg_func: string;
  window_start_ms: number;
  window_end_ms: number;
  revision: number;
  count: number;
}

/** `purged` of a letter that stands for what a sink lacks for good, in a window that is forgotten. */
const FIXED = 2;

/** What tells the rows of one window apart. */
export function rowKey(name: string, aggFunc: string): string {
  return `${aggFunc} ${name}`;
}

function rejectionKey(aggregate: Aggregate): string {
  return `${aggregate.windowStartMs} ${aggregate.windowEndMs} ${aggregate.revision} ${
    rowKey(aggregate.name, aggregate.aggFunc)
  }`;
}

function readRejected(state: StateDatabase): Map<string, Set<string>> {
  const rejected = new Map<string, Set<string>>();
  const rows = state.all<RejectedRow & { sink: string }>(
    "SELECT sink, name, agg_func, window_start_ms, window_end_ms, revision, count FROM dead_letter WHERE sink IS NOT NULL",
  );
  for (const row of rows) {
    const keys = rejected.get(row.sink) ?? new Set();
    rejected.set(row.sink, keys);
    keys.add(
      `${row.window_start_ms} ${row.window_end_ms} ${row.revision} ${rowKey(row.name, row.agg_func)}`,
    );
  }
  return rejected;
}
