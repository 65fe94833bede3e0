import { readBookEntries } from "../state/checkpoint/book_entries.ts";
import { type Counts, countsOf } from "../state/checkpoint/counts.ts";
import { countOpenWindows } from "../state/checkpoint/open_window_list.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { SinkRegistry } from "../state/outbox/sink_registry.ts";

/** The part of a handler's status that costs little to read, as of its last checkpoint. */
export interface Totals {
  readonly counts: Counts;
  readonly openWindows: number;
  /** Outbox rows that the slowest sink has not passed. */
  readonly outboxRows: number;
}

/** Reads the totals from the state of a handler, which may be of another process, again and again. */
export class TotalsReader {
  private constructor(private readonly state: StateDatabase) {}

  /** @throws {StateError} There is no state, or it cannot be read. */
  static open(stateDir: string): TotalsReader {
    return new TotalsReader(StateDatabase.openForReading(stateDir));
  }

  /** @throws {StateError} */
  read(): Totals {
    const { state } = this;
    return state.snapshot(() => {
      const entries = readBookEntries(state);
      const endId = entries.get("outbox_end_id") ?? 0;
      const { sinks } = SinkRegistry.read(state);
      return {
        counts: countsOf(entries),
        openWindows: countOpenWindows(state),
        outboxRows: Math.max(0, ...sinks.map(({ cursor }) => endId - cursor)),
      };
    });
  }

  close(): void {
    this.state.close();
  }
}
