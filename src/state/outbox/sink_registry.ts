import { amount } from "../../platform/log/amount.ts";
import { noteOrder } from "../audit.ts";
import { giveUpWaiting } from "./give_up.ts";
import type { ConfiguredSink, RegisteredSink, SinkCounts } from "./registered_sink.ts";
import { addRouted } from "./sink_tiers.ts";
import type { Stay } from "./stay.ts";
import { StateError } from "../file/state_error.ts";
import type { StateDatabase } from "../file/state_database.ts";

/** Sinks at most: the bits of a mask. */
const MAX_SINKS = 32;

interface CountRow {
  routed_count: number;
  given_up_count: number;
  purged_count: number;
}

interface SinkRow extends CountRow {
  name: string;
  kind: string;
  bit: number;
  since_id: number;
  cursor: number;
}

interface StayRow extends CountRow {
  sink: string;
  kind: string;
  since_id: number;
  until_id: number;
  bit: number;
  cursor: number;
}

/** The sinks that take from the outbox, with their cursors, and those that once did. */
export class SinkRegistry {
  private constructor(
    /** The configured sinks. */
    readonly sinks: readonly RegisteredSink[],
    /** Sinks that are no longer configured. */
    readonly absent: readonly RegisteredSink[],
  ) {}

  /**
   * Matches the configured sinks with those of the state. A new sink starts at the end of the outbox. So does
   * one that comes back, with the counts of its earlier stays.
   *
   * @throws {StateError} `foreign`: aggregates wait for a sink that is no longer configured and not in
   * `forgotten`.
   */
  static open(
    state: StateDatabase,
    endId: number,
    configured: readonly ConfiguredSink[],
    forgotten: readonly string[],
    nowMs: number,
    operator?: string,
  ): SinkRegistry {
    return state.transaction(() => {
      const { sinks, absent } = SinkRegistry.read(state);
      assertOfSameKind([...sinks, ...absent], configured);
      const unknown = forgotten.filter((name) => !sinks.some((sink) => sink.id === name));
      if (unknown.length > 0) {
        throw new StateError("foreign", `--forget-sink ${unknown[0]}: the state knows no such sink.`);
      }
      for (const sink of sinks) {
        if (!includes(configured, sink.id)) remove(state, sink, endId, forgotten, nowMs, operator);
      }
      for (const sink of configured) {
        if (!includes(sinks, sink.id)) add(state, sink, endId);
      }
      forgetOldStays(state);
      return SinkRegistry.read(state);
    });
  }

  /**
   * Checks the configured sinks without changing anything.
   *
   * @throws {StateError} `foreign`, as {@link SinkRegistry.open} does.
   */
  static assertNoneStranded(state: StateDatabase, configured: readonly ConfiguredSink[]): void {
    const { sinks, absent } = SinkRegistry.read(state);
    assertOfSameKind([...sinks, ...absent], configured);
    for (const sink of sinks) {
      const waiting = includes(configured, sink.id) ? 0 : waitingRows(state, sink);
      if (waiting > 0) throw stranded(sink.id, waiting);
    }
  }

  /** The sinks by the state, for commands that only read. */
  static read(state: StateDatabase): SinkRegistry {
    const stays = state.all<StayRow>("SELECT * FROM stay ORDER BY sink, since_id");
    const earlierOf = (name: string) =>
      stays.filter(({ sink }) => sink === name).map((row): Stay => ({
        sinceId: row.since_id,
        untilId: row.until_id,
        bit: row.bit,
        cursor: row.cursor,
      }));
    const sinks = state.all<SinkRow>("SELECT * FROM sink ORDER BY bit").map((row): RegisteredSink => ({
      id: row.name,
      kind: row.kind,
      bit: row.bit,
      sinceId: row.since_id,
      cursor: row.cursor,
      ...toCounts(row),
      earlier: earlierOf(row.name),
    }));
    const latest = new Map(stays.map((row) => [row.sink, row]));
    const absent = [...latest].filter(([name]) => !sinks.some((sink) => sink.id === name));
    return new SinkRegistry(
      sinks,
      absent.map(([name, row]): RegisteredSink => ({
        id: name,
        kind: row.kind,
        bit: 0,
        sinceId: Infinity,
        cursor: Infinity,
        ...toCounts(row),
        earlier: earlierOf(name),
      })),
    );
  }

  get(name: string): RegisteredSink {
    const sink = this.sinks.find((candidate) => candidate.id === name);
    if (!sink) throw new Error(`no sink ${name} in the state`);
    return sink;
  }

  /** Union of the bits of the named sinks. */
  bitsOf(names: readonly string[]): number {
    return names.reduce((bits, name) => bits | this.get(name).bit, 0);
  }

  /** Everything below this outbox id has reached its sinks. */
  deliveredId(): number {
    return this.sinks.reduce((least, sink) => Math.min(least, sink.cursor), Infinity);
  }

  /** The sinks that have got the fewest aggregates: the outbox waits for them. */
  slowest(): string[] {
    const least = this.deliveredId();
    return this.sinks.filter(({ cursor }) => cursor === least).map(({ id }) => id);
  }
}

/** Writes the cursor and the counts of a sink, within the transaction of the caller. */
export function writeSink(state: StateDatabase, sink: RegisteredSink, counts: SinkCounts): void {
  const values = [counts.routedCount, counts.givenUpCount, counts.purgedCount];
  if (sink.bit === 0) {
    state.run(
      `UPDATE stay SET routed_count = ?, given_up_count = ?, purged_count = ?
       WHERE sink = ?4 AND since_id = (SELECT max(since_id) FROM stay WHERE sink = ?4)`,
      ...values,
      sink.id,
    );
    return;
  }
  state.run(
    "UPDATE sink SET cursor = ?, routed_count = ?, given_up_count = ?, purged_count = ? WHERE name = ?",
    sink.cursor,
    ...values,
    sink.id,
  );
}

/**
 * Ends the stay of a sink.
 *
 * @throws {StateError} `foreign`: aggregates wait for it that must not be given up.
 */
function remove(
  state: StateDatabase,
  sink: RegisteredSink,
  endId: number,
  forgotten: readonly string[],
  nowMs: number,
  operator: string | undefined,
): void {
  const givenUp = giveUpWaiting(state, sink, nowMs);
  if (givenUp.aggregates > 0 && !forgotten.includes(sink.id)) {
    throw stranded(sink.id, givenUp.aggregates);
  }
  state.run(
    `INSERT OR REPLACE INTO stay
       (sink, kind, since_id, until_id, bit, cursor, routed_count, given_up_count, purged_count)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    sink.id,
    sink.kind,
    sink.sinceId,
    endId,
    sink.bit,
    sink.cursor,
    sink.routedCount - givenUp.events,
    sink.givenUpCount + givenUp.events,
    sink.purgedCount,
  );
  for (const [lengthMs, events] of givenUp.eventsByLength) addRouted(state, sink.id, lengthMs, -events);
  if (operator !== undefined && forgotten.includes(sink.id)) {
    const order = { who: operator, atMs: nowMs, action: "--forget-sink", detail: sink.id };
    noteOrder(state, order, `${amount(givenUp.aggregates, "aggregate")} given up`);
  }
  state.run("DELETE FROM sink WHERE name = ?", sink.id);
  state.run("UPDATE redelivery SET done = 1 WHERE sink = ?", sink.id);
}

/**
 * Checks that each sink is of the kind that it was. A sink of another kind has other aggregates than the
 * books say, so it could never be proven.
 *
 * @throws {StateError} `foreign`
 */
function assertOfSameKind(known: readonly ConfiguredSink[], configured: readonly ConfiguredSink[]): void {
  for (const { id: name, kind } of configured) {
    const before = known.find((sink) => sink.id === name);
    if (before === undefined || before.kind === kind) continue;
    throw new StateError(
      "foreign",
      `the sink "${name}" was a ${before.kind} and is a ${kind} now: the books of one are not those ` +
        `of the other. Give the ${kind} another name in STORAGE_TYPE, such as new-${name}:${kind}.`,
    );
  }
}

function includes(sinks: readonly ConfiguredSink[], name: string): boolean {
  return sinks.some((sink) => sink.id === name);
}

function stranded(name: string, aggregates: number): StateError {
  return new StateError(
    "foreign",
    `${aggregates} aggregates still wait for the sink "${name}", which is not configured any more. ` +
      `Put it back into STORAGE_TYPE, or give them up with: run --forget-sink ${name}`,
  );
}

function add(state: StateDatabase, { id: name, kind }: ConfiguredSink, endId: number): void {
  const { sinks, absent } = SinkRegistry.read(state);
  const free = Array.from({ length: MAX_SINKS }, (_, i) => 1 << i)
    .find((bit) => !sinks.some((sink) => sink.bit === bit));
  if (free === undefined) throw new StateError("foreign", `more than ${MAX_SINKS} sinks.`);
  const before = absent.find((sink) => sink.id === name);
  state.run(
    `INSERT INTO sink (name, kind, bit, since_id, cursor, routed_count, given_up_count, purged_count)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    name,
    kind,
    free,
    endId,
    endId,
    before?.routedCount ?? 0,
    before?.givenUpCount ?? 0,
    before?.purgedCount ?? 0,
  );
}

/**
 * Deletes stays of which the archive has nothing. The last stay of an absent sink is kept, since it has the
 * sink's counts.
 */
function forgetOldStays(state: StateDatabase): void {
  state.run(
    `DELETE FROM stay WHERE until_id <= coalesce((SELECT min(first_id) FROM segment), until_id)
       AND (sink IN (SELECT name FROM sink)
         OR since_id < (SELECT max(since_id) FROM stay AS other WHERE other.sink = stay.sink))`,
  );
}

function toCounts(row: CountRow): SinkCounts {
  return {
    routedCount: row.routed_count,
    givenUpCount: row.given_up_count,
    purgedCount: row.purged_count,
  };
}

/**
 * Rows in segments that the sink has not passed and that have something for it: an upper bound of what it
 * still gets.
 */
export function waitingRows(state: StateDatabase, sink: RegisteredSink): number {
  const found = state.get<{ waiting: number | null }>(
    `SELECT sum(row_count) AS waiting FROM segment WHERE first_id + row_count > ? AND (sink_bits & ?) != 0`,
    sink.cursor,
    sink.bit,
  );
  return found?.waiting ?? 0;
}
