import type { IdRun, RecentIds } from "../../aggregation/recent_ids.ts";
import type { StateDatabase } from "../file/state_database.ts";
import type { ColumnWriter } from "./columns.ts";
import { readIdRun } from "./id_run.ts";

/** One past the sequence number of the latest id on disk, for each source. */
export type SavedSequences = readonly number[];

/** Stores the ids of events in runs: one run for each checkpoint with new ids. */
export class IdWriter {
  private saved: SavedSequences;
  /** Sources whose runs on disk must be written again: sequence numbers begin at 0 in each process. */
  private readonly outdated: Set<number>;

  /** @param recent The ids that are remembered for each source. */
  constructor(
    private readonly state: StateDatabase,
    private readonly recent: readonly RecentIds[],
    private readonly idsMax: number,
    private readonly writer: ColumnWriter,
  ) {
    this.saved = recent.map(() => 0);
    this.outdated = new Set(recent.keys());
  }

  /** Notes that two sources have exchanged their ids, so that the runs of both are written again. */
  exchanged(source: number, other: number): void {
    for (const number of source === other ? [] : [source, other]) this.outdated.add(number);
  }

  /**
   * Writes the new ids under the names of the sources. Returns what is saved once the transaction is
   * committed.
   */
  write(sources: readonly string[]): SavedSequences {
    return this.recent.map((recent, number) => {
      const source = sources[number]!;
      const { sequence } = recent;
      const isOutdated = this.outdated.has(number);
      const saved = isOutdated ? 0 : this.saved[number]!;
      if (isOutdated) this.state.seal.remove("recent_ids", "source = ?", source);
      if (sequence === saved) return sequence;
      this.state.seal.put("recent_ids", {
        source,
        last_sequence: sequence,
        ids: this.columnsOf(recent.runSince(saved)),
      });
      const oldest = sequence - this.idsMax;
      this.state.seal.remove("recent_ids", "source = ? AND last_sequence <= ?", source, oldest);
      return sequence;
    });
  }

  /** Tells that the transaction of {@link write} is committed. */
  committed(saved: SavedSequences): void {
    this.saved = saved;
    this.outdated.clear();
  }

  /**
   * Adds the ids that are stored under the name `source` to those of the source with this number.
   *
   * @throws {ColumnError} The state is damaged.
   */
  restore(number: number, source: string): void {
    const recent = this.recent[number];
    if (!recent) return;
    const runs = this.state.all<{ ids: Uint8Array }>(
      "SELECT ids FROM recent_ids WHERE source = ? ORDER BY last_sequence",
      source,
    );
    for (const { ids } of runs) {
      readIdRun(ids, (text, start, length, hash) => {
        if (!recent.has(text, start, length, hash)) recent.add(text, start, length, hash);
      });
    }
  }

  private columnsOf({ lengths, text }: IdRun): Uint8Array {
    this.writer.write(lengths);
    this.writer.write(text);
    return this.writer.finish();
  }
}
