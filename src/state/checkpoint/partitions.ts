import type { StateDatabase } from "../file/state_database.ts";

/** How far a partition of a source was read, as a row of the state. */
export interface PartitionRow {
  readonly source: string;
  readonly partition: string;
  /** Identity of the history that the position belongs to; null: it has none, or nothing was read yet. */
  readonly lineage: string | null;
  /** Of what comes next, in the source's own words; null: the oldest there is. */
  readonly position: string | null;
  /** Greatest event time, Unix ms; null: there was none. */
  readonly greatest_ms: number | null;
}

/** Those of all sources, in the order of the configuration they were last read by. */
export function readPartitions(state: StateDatabase): PartitionRow[] {
  return state.all<PartitionRow>(
    "SELECT source, partition, lineage, position, greatest_ms FROM source_partition ORDER BY ordinal, source, partition",
  );
}

/**
 * Writes where a partition is, within the transaction of the caller. Where a history was read to is known once: other partitions
 * that had it, and the list of those that nobody has, forget it.
 *
 * @param ordinal Its place in the configuration.
 */
export function writePartition(state: StateDatabase, row: PartitionRow, ordinal: number): void {
  const { source, partition, lineage, position, greatest_ms } = row;
  state.run(
    `INSERT OR REPLACE INTO source_partition (source, partition, ordinal, lineage, position, greatest_ms)
     VALUES (?, ?, ?, ?, ?, ?)`,
    source,
    partition,
    ordinal,
    lineage,
    position,
    greatest_ms,
  );
  if (lineage === null) return;
  state.run(
    "DELETE FROM source_partition WHERE lineage = ? AND NOT (source = ? AND partition = ?)",
    lineage,
    source,
    partition,
  );
  state.run("DELETE FROM lineage_left WHERE lineage = ?", lineage);
}
