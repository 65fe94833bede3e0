import { functionName } from "../../src/event/agg_function.ts";
import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import { Segment } from "../../src/state/outbox/segment.ts";
import type { StateDatabase } from "../../src/state/file/state_database.ts";
import { countOf, type ExpectedRow, isOverflowing, rowFault, rowKey } from "./expected_row.ts";
import type { Model } from "./model.ts";
import type { Setup } from "./scenario.ts";
import type { SimTable } from "./sim_table.ts";
import { SimTopic } from "./sim_topic.ts";
import { Violation } from "./violation.ts";

/** An aggregate that a sink gets or would have got. */
interface Routed {
  /** Outbox id. */
  readonly id: number;
  /** All that the row stood for at that moment. */
  readonly row: ExpectedRow;
  isGivenUp: boolean;
}

/** A row that a sink has refused. */
export interface RefusedRow {
  readonly sink: string | null;
  readonly name: string;
  readonly labels: string | null;
  readonly agg_func: string;
  readonly window_start_ms: number;
  readonly window_end_ms: number;
  readonly count: number;
  readonly revision: number;
}

/**
 * What each sink must hold. Of each row that is its value when it last closed while its name was routed to
 * the sink and the sink was configured. Rows that were given up when the sink was removed do not count.
 */
export class SinkAudit {
  /** Rows whose value is not finite, and that would have gone to a sink. */
  readonly overflowing = new Map<string, ExpectedRow>();
  private endId = 0;
  /** Events in each row when it closed for the last time. */
  private readonly closed = new Map<string, number>();
  private readonly routed = new Map<string, Map<string, Routed[]>>();
  private cursors: ReadonlyMap<string, number> = new Map();
  private readonly purged = new Map<string, RefusedRow>();

  constructor(private readonly model: Model) {}

  /** Checks after each transaction which rows have closed, and notes their sinks. */
  checkpoint(state: StateDatabase, setup: Setup): void {
    this.sinksThatWent(state);
    const segments = state.all<SegmentRow>(
      `SELECT first_id AS firstId, window_start_ms AS windowStartMs, window_end_ms AS windowEndMs, reissued, rows
       FROM segment WHERE first_id >= ? ORDER BY first_id`,
      this.endId,
    );
    for (const { firstId, windowStartMs, windowEndMs, reissued, rows } of segments) {
      const segment = new Segment(rows);
      this.endId = firstId + segment.rowCount;
      if (reissued) continue;
      for (let row = 0; row < segment.rowCount; row++) {
        const series = segment.series(row);
        const aggFunc = functionName(segment.functionId[row]!);
        const key = rowKey({ ...series, aggFunc, windowStartMs, windowEndMs });
        const expected = this.model.rows.get(key);
        if (expected === undefined) throw new Violation(`${key} has closed and should not be`);
        this.closed.set(key, countOf(expected));
        const sinks = routedSinks(setup, series.name);
        if (sinks.length > 0 && isOverflowing(expected)) this.overflowing.set(key, expected);
        else for (const sink of sinks) this.route(sink, key, firstId + row, expected);
      }
    }
    const deadLetters = state.all<RefusedRow>("SELECT * FROM dead_letter WHERE purged AND sink IS NOT NULL");
    for (const deadLetter of deadLetters) {
      this.purged.set(JSON.stringify(Object.values(deadLetter)), deadLetter);
    }
  }

  /** Whether a revision of the row was given up when the sink was removed. */
  isGivenUp(sink: string, key: string): boolean {
    return this.routed.get(sink)?.get(key)?.some(({ isGivenUp }) => isGivenUp) ?? false;
  }

  /** Rows that a sink has refused and that nobody puts back any more. */
  get purgedCount(): number {
    return this.purged.size;
  }

  /**
   * Checks the rows of all sinks when everything has come to rest.
   *
   * @param restMs When it had, Unix ms: windows that end later were let in by a clock that was ahead, and may
   * still be open.
   * @throws {Violation}
   */
  end(
    backends: ReadonlyMap<string, SimTable | SimTopic>,
    refused: readonly RefusedRow[],
    restMs: number,
  ): void {
    for (const [key, row] of this.model.rows) {
      if (row.endMs > restMs) continue;
      const closed = this.closed.get(key) ?? 0;
      if (closed !== countOf(row)) {
        throw new Violation(`${key} has closed with ${closed} of ${countOf(row)} events`);
      }
    }
    for (const [sink, backend] of backends) {
      const rows = backend instanceof SimTopic ? backend.finalRows() : backend.rows;
      const own = [...refused, ...this.purged.values()].filter((deadLetter) => deadLetter.sink === sink);
      const routed = this.routed.get(sink) ?? new Map<string, Routed[]>();
      for (const key of new Set([...routed.keys(), ...rows.keys()])) {
        const fault = faultOf(routed.get(key) ?? [], rows.get(key), own);
        if (fault !== undefined) throw new Violation(`${sink}: ${key} ${fault}`);
      }
    }
  }

  private sinksThatWent(state: StateDatabase): void {
    const cursors = new Map(
      state.all<{ name: string; cursor: number }>("SELECT name, cursor FROM sink")
        .map(({ name, cursor }) => [name, cursor]),
    );
    for (const [name, cursor] of this.cursors) {
      if (cursors.has(name)) continue;
      for (const revisions of this.routed.get(name)?.values() ?? []) {
        for (const revision of revisions) if (revision.id >= cursor) revision.isGivenUp = true;
      }
    }
    this.cursors = cursors;
  }

  private route(sink: string, key: string, id: number, row: ExpectedRow): void {
    const rows = this.routed.get(sink) ?? new Map<string, Routed[]>();
    this.routed.set(sink, rows);
    const readings = new Map([...row.readings].map(([bus, of]) => [bus, [...of]]));
    rows.set(key, [...rows.get(key) ?? [], { id, row: { ...row, readings }, isGivenUp: false }]);
  }
}

interface SegmentRow {
  firstId: number;
  windowStartMs: number;
  windowEndMs: number;
  reissued: number;
  rows: Uint8Array;
}

function faultOf(
  revisions: readonly Routed[],
  row: Aggregate | undefined,
  refused: readonly RefusedRow[],
): string | undefined {
  const due = revisions.findLast(({ isGivenUp }) => !isGivenUp);
  // Rows that were given up may have been written, where only the answer was lost.
  const possible = revisions.filter((revision) => revision.isGivenUp && revision.id > (due?.id ?? -1));
  if (row && possible.some((revision) => rowFault(revision.row, row) === undefined)) return undefined;
  if (due === undefined) return row && "is there and should not be";
  const fault = row === undefined ? "is missing" : rowFault(due.row, row);
  if (fault === undefined) return undefined;
  // A sink that refused the newest revision has an older one or none.
  const { name, labels = null, aggFunc, startMs, endMs } = due.row;
  const isRefused = refused.some((deadLetter) =>
    deadLetter.name === name && deadLetter.labels === labels && deadLetter.agg_func === aggFunc &&
    deadLetter.window_start_ms === startMs &&
    deadLetter.window_end_ms === endMs && deadLetter.revision > (row?.revision ?? -1) &&
    deadLetter.count === countOf(due.row)
  );
  if (isRefused) return undefined;
  return row === undefined ? fault : `(revision ${row.revision}) is wrong: ${fault}`;
}

/**
 * The sinks of a name by the rules of `ROUTES`, for the patterns that scenarios have: a beginning and `*`.
 */
export function routedSinks({ routes, sinks }: Setup, name: string): readonly string[] {
  for (const rule of routes?.split(";") ?? []) {
    const [pattern, named] = rule.split("=") as [string, string];
    if (name.startsWith(pattern.slice(0, -1))) return named === "none" ? [] : named.split(",");
  }
  return sinks;
}
