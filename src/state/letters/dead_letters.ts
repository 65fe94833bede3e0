import type { SQLInputValue } from "node:sqlite";
import type { Aggregate } from "../../aggregation/aggregate.ts";
import type { PartitionId } from "../../contract/source.ts";
import type { RecordOrigin } from "../../event/event_batch.ts";
import { noteOrder, type Order } from "../audit.ts";
import type { DeadLetterReason } from "./dead_letter_reason.ts";
import type { StateDatabase } from "../file/state_database.ts";
import { noteSettled, type SettledDeadLetters } from "./settled_note.ts";
import { originOf, originText } from "./dead_letter_origin.ts";

/** An event that was refused, as it came from its bus. */
export interface RefusedEvent {
  readonly reason: DeadLetterReason;
  readonly detail: string;
  readonly bus: string;
  /** Partition of the source; "" where it has a single one. */
  readonly partition: PartitionId;
  /** Undefined where the bus has no offsets (queue mode). */
  readonly offset: number | undefined;
  /** What else the bus tells of its record; left out: nothing. */
  readonly origin?: RecordOrigin | undefined;
  /** The event's own bytes, cut to {@link RAW_MAX_BYTES}. */
  readonly raw: Uint8Array;
  /** Length of the event before it was cut. */
  readonly rawBytes: number;
}

/** An aggregate that was refused: by a sink, or (no sink) because its value is not finite. */
export interface RefusedAggregate {
  readonly reason: DeadLetterReason;
  readonly detail: string;
  readonly sink: string | undefined;
  readonly aggregate: Aggregate;
}

/** A dead letter as it stands in the state. Either an event (`bus`, `raw`) or an aggregate (`aggregate`). */
export interface DeadLetter {
  readonly id: number;
  readonly refusedAtMs: number;
  readonly reason: DeadLetterReason;
  readonly detail: string;
  readonly bus: string | undefined;
  /** Partition of the source; undefined: it is an aggregate. */
  readonly partition: PartitionId | undefined;
  readonly offset: number | undefined;
  /** What the bus tells of its record. */
  readonly origin: RecordOrigin;
  readonly raw: Uint8Array | undefined;
  /** Whether `raw` is only the beginning of the event. */
  readonly isCut: boolean;
  /** The sink that rejected the aggregate. */
  readonly sink: string | undefined;
  readonly aggregate: Aggregate | undefined;
}

export interface DeadLetterChoice {
  readonly reason?: string | undefined;
  readonly ids?: readonly number[] | undefined;
  /** Only dead letters after this one. */
  readonly afterId?: number | undefined;
}

export interface DeadLetterFilter extends DeadLetterChoice {
  readonly limit: number;
  /** Whether the newest come first. Otherwise they come in the order of refusal. */
  readonly newestFirst?: boolean;
}

/** What an operator asks the handler to do with dead letters. */
export interface DeadLetterRequest {
  readonly id: number;
  readonly action: "retry" | "purge";
  readonly deadLetterIds: readonly number[];
}

/** Bytes kept of an event. Nearly every event is far shorter. */
export const RAW_MAX_BYTES = 65_536;
/** Dead letters per request, at most. */
const REQUEST_MAX_DEAD_LETTERS = 1000;

/** Adds events within the transaction of the caller. */
export function addRefusedEvents(state: StateDatabase, events: readonly RefusedEvent[], nowMs: number): void {
  let id = nextDeadLetterId(state);
  for (const event of events) {
    state.seal.put("dead_letter", {
      id: id++,
      refused_at_ms: nowMs,
      reason: event.reason,
      detail: event.detail,
      source: event.bus,
      partition: event.partition,
      position: originText({ ...event.origin, offset: event.offset }),
      raw: event.raw,
      raw_bytes: event.rawBytes,
      purged: 0,
    });
  }
}

/** Adds aggregates within the transaction of the caller. `isPurged`: they are kept for the books only. */
export function addRefusedAggregates(
  state: StateDatabase,
  refused: readonly RefusedAggregate[],
  nowMs: number,
  isPurged = false,
): void {
  let id = nextDeadLetterId(state);
  for (const { reason, detail, sink, aggregate } of refused) {
    state.seal.put("dead_letter", {
      id: id++,
      refused_at_ms: nowMs,
      reason,
      detail,
      sink,
      name: aggregate.name,
      labels: aggregate.labels,
      agg_func: aggregate.aggFunc,
      // SQLite has no NaN. The detail says which value it was.
      value: Number.isNaN(aggregate.value) ? undefined : aggregate.value,
      window_start_ms: aggregate.windowStartMs,
      window_end_ms: aggregate.windowEndMs,
      count: aggregate.count,
      revision: aggregate.revision,
      purged: isPurged ? 1 : 0,
    });
  }
}

/** Adds aggregates whose value is no number, within the transaction of the caller. */
export function addNotFinite(state: StateDatabase, aggregates: readonly Aggregate[], nowMs: number): void {
  const refused = aggregates.map((aggregate) => ({
    reason: "not_finite",
    detail: `the value is ${aggregate.value}`,
    sink: undefined,
    aggregate,
  } as const));
  addRefusedAggregates(state, refused, nowMs);
}

/** The next id. SQLite remembers the greatest id that a dead letter has had. */
function nextDeadLetterId(state: StateDatabase): number {
  return (state.get<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'dead_letter'")?.seq ??
    0) + 1;
}

/** The dead letters that match a filter. */
export function readDeadLetters(state: StateDatabase, filter: DeadLetterFilter): DeadLetter[] {
  return state.all<DeadLetterRow>(
    `SELECT * FROM dead_letter WHERE ${MATCHES} ORDER BY id ${filter.newestFirst ? "DESC" : "ASC"} LIMIT ?4`,
    ...valuesOf(filter),
    filter.limit,
  ).map(toDeadLetter);
}

/**
 * The ids of all dead letters that match, in the order of refusal. They are not read themselves, since they
 * may be many and large.
 */
export function readDeadLetterIds(state: StateDatabase, filter: DeadLetterChoice): number[] {
  return state.all<{ id: number }>(
    `SELECT id FROM dead_letter WHERE ${MATCHES} ORDER BY id`,
    ...valuesOf(filter),
  ).map(({ id }) => id);
}

const MATCHES = `NOT purged AND id > ?1 AND (?2 IS NULL OR reason = ?2)
       AND (?3 IS NULL OR id IN (SELECT value FROM json_each(?3)))`;

function valuesOf({ afterId, reason, ids }: DeadLetterChoice): SQLInputValue[] {
  return [afterId ?? 0, reason ?? null, ids ? JSON.stringify(ids) : null];
}

/**
 * Stores a request for the handler that holds the state, or for the next one. Very many dead letters become
 * several requests, so that they need not be settled in one checkpoint.
 */
export function leaveRequest(
  state: StateDatabase,
  action: DeadLetterRequest["action"],
  deadLetterIds: readonly number[],
  order?: Order,
): void {
  state.transaction(() => {
    const auditId = order === undefined ? null : noteOrder(state, order);
    for (let at = 0; at < deadLetterIds.length; at += REQUEST_MAX_DEAD_LETTERS) {
      state.run(
        "INSERT INTO wish (action, dead_letter_ids, audit_id) VALUES (?, ?, ?)",
        action,
        JSON.stringify(deadLetterIds.slice(at, at + REQUEST_MAX_DEAD_LETTERS)),
        auditId,
      );
    }
  });
}

/** Requests not yet fulfilled. */
export function readRequests(state: StateDatabase): DeadLetterRequest[] {
  return state.all<{ id: number; action: DeadLetterRequest["action"]; dead_letter_ids: string }>(
    "SELECT * FROM wish ORDER BY id",
  )
    .map((row) => ({ id: row.id, action: row.action, deadLetterIds: JSON.parse(row.dead_letter_ids) }));
}

/** Whether a request is open. */
export function hasRequests(state: StateDatabase): boolean {
  return state.get("SELECT 1 FROM wish LIMIT 1") !== undefined;
}

/** Deletes requests and the dead letters that they have settled, within the transaction of the caller. */
export function settleRequests(
  state: StateDatabase,
  settled: SettledDeadLetters & { readonly requests: readonly number[] },
): void {
  for (const id of settled.retried) state.seal.remove("dead_letter", "id = ?", id);
  for (const id of settled.purged) {
    // A dead letter of a sink stays as purged, since the books need it to say what the sink lacks.
    const found = state.get<Record<string, SQLInputValue> & { checksum: number }>(
      "SELECT * FROM dead_letter WHERE id = ? AND sink IS NOT NULL",
      id,
    );
    if (found) {
      const { checksum, ...deadLetter } = found;
      state.seal.put("dead_letter", { ...deadLetter, purged: 1, detail: "" }, checksum);
    } else state.seal.remove("dead_letter", "id = ?", id);
  }
  for (const id of settled.requests) {
    noteSettled(state, id, settled);
    state.run("DELETE FROM wish WHERE id = ?", id);
  }
}

interface DeadLetterRow {
  id: number;
  refused_at_ms: number;
  reason: DeadLetterReason;
  detail: string;
  source: string | null;
  partition: string | null;
  position: string | null;
  raw: Uint8Array | null;
  raw_bytes: number | null;
  sink: string | null;
  name: string | null;
  labels: string | null;
  agg_func: string;
  value: number | null;
  window_start_ms: number;
  window_end_ms: number;
  count: number;
  revision: number;
}

function toDeadLetter(row: DeadLetterRow): DeadLetter {
  const origin = originOf(row.position);
  return {
    id: row.id,
    refusedAtMs: row.refused_at_ms,
    reason: row.reason,
    detail: row.detail,
    bus: row.source ?? undefined,
    partition: row.partition ?? undefined,
    offset: origin.offset,
    origin,
    raw: row.raw ?? undefined,
    isCut: row.raw !== null && row.raw_bytes !== row.raw.length,
    sink: row.sink ?? undefined,
    aggregate: row.name === null ? undefined : {
      name: row.name,
      ...(row.labels === null ? undefined : { labels: row.labels }),
      aggFunc: row.agg_func,
      value: row.value ?? NaN,
      windowStartMs: row.window_start_ms,
      windowEndMs: row.window_end_ms,
      count: row.count,
      revision: row.revision,
    },
  };
}
