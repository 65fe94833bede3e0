import { StateError } from "./state_error.ts";
import type { StateDatabase } from "./state_database.ts";

/** What the state knows of a sink. */
export interface RegisteredSink {
  readonly name: string;
  /** Its bit in the masks of segments. */
  readonly bit: number;
  /** The outbox id it was added at: what is older never went to it. */
  readonly sinceId: number;
  /** The outbox id that it gets next. */
  cursor: number;
  /** Events in the aggregates routed to it so far, each event once. */
  routedCount: number;
}

const MAX_SINKS = 8;

interface SinkRow {
  name: string;
  bit: number;
  since_id: number;
  cursor: number;
  routed_count: number;
}

/** The sinks that take from the outbox, and how far each has come. */
export class SinkRegistry {
  private constructor(readonly sinks: readonly RegisteredSink[]) {}

  /**
   * Matches the configured sinks with those of the state. A new one starts at the end of the outbox.
   * @throws {StateError} `foreign`: aggregates wait for a sink that is configured no more and not in `forgotten`.
   */
  static open(
    state: StateDatabase,
    endId: number,
    configured: readonly string[],
    forgotten: readonly string[],
  ): SinkRegistry {
    return state.transaction(() => {
      const unknown = forgotten.filter((name) => !readSinks(state).some((sink) => sink.name === name));
      if (unknown.length > 0) {
        throw new StateError("foreign", `--forget-sink ${unknown[0]}: the state knows no such sink.`);
      }
      for (const sink of readSinks(state)) {
        if (configured.includes(sink.name)) continue;
        const waiting = waitingRows(state, sink);
        if (waiting > 0 && !forgotten.includes(sink.name)) {
          throw new StateError(
            "foreign",
            `${waiting} aggregates still wait for the sink "${sink.name}", which is not configured any more. ` +
              `Put it back into STORAGE_TYPE, or give them up with: run --forget-sink ${sink.name}`,
          );
        }
        state.run("DELETE FROM sink WHERE name = ?", sink.name);
      }
      for (const name of configured) {
        const sinks = readSinks(state);
        if (sinks.some((sink) => sink.name === name)) continue;
        const free = Array.from({ length: MAX_SINKS }, (_, i) => 1 << i)
          .find((bit) => !sinks.some((sink) => sink.bit === bit));
        if (free === undefined) throw new StateError("foreign", `more than ${MAX_SINKS} sinks.`);
        state.run("INSERT INTO sink VALUES (?, ?, ?, ?, 0)", name, free, endId, endId);
      }
      return SinkRegistry.read(state);
    });
  }

  /** The sinks as the state has them, for commands that only read. */
  static read(state: StateDatabase): SinkRegistry {
    return new SinkRegistry(readSinks(state));
  }

  get(name: string): RegisteredSink {
    const sink = this.sinks.find((candidate) => candidate.name === name);
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
}

function readSinks(state: StateDatabase): RegisteredSink[] {
  return state.all<SinkRow>("SELECT * FROM sink ORDER BY bit").map((row) => ({
    name: row.name,
    bit: row.bit,
    sinceId: row.since_id,
    cursor: row.cursor,
    routedCount: row.routed_count,
  }));
}

/** Rows in segments that the sink has not passed and that hold something for it: at least what it still gets. */
export function waitingRows(state: StateDatabase, sink: RegisteredSink): number {
  const found = state.get<{ waiting: number | null }>(
    `SELECT sum(row_count) AS waiting FROM segment WHERE first_id + row_count > ? AND (sink_bits & ?) != 0`,
    sink.cursor,
    sink.bit,
  );
  return found?.waiting ?? 0;
}
