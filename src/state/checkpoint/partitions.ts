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

/** The number that a position is, of those that are offsets; undefined: it is none, or there is no position yet. */
export function offsetOf(position: string | undefined): number | undefined {
  const offset = position !== undefined && /^\d{1,16}$/.test(position) ? Number(position) : NaN;
  return Number.isSafeInteger(offset) ? offset : undefined;
}

/** Those of all sources, in the order of the configuration they were last read by. */
export function readPartitions(state: StateDatabase): PartitionRow[] {
  return state.all<PartitionRow>(
    "SELECT source, partition, lineage, position, greatest_ms FROM source_partition ORDER BY ordinal, source, partition",
  );
}

/**
 * Writes where a partition is, within the transaction of the caller.
 *
 * @param ordinal The source's place in the configuration.
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
}

/**
 * Where a lineage was read to is known once: other partitions that had it, and the list of those that nobody has, forget it. Within the
 * transaction of the caller.
 */
export function takeLineage(
  state: StateDatabase,
  { source, partition, lineage }: PartitionRow & { readonly lineage: string },
): void {
  state.run(
    "DELETE FROM source_partition WHERE lineage = ? AND NOT (source = ? AND partition = ?)",
    lineage,
    source,
    partition,
  );
  state.run("DELETE FROM lineage_left WHERE lineage = ?", lineage);
}

/** Forgets a partition, within the transaction of the caller. */
export function forgetPartition(
  state: StateDatabase,
  { source, partition }: Pick<PartitionRow, "source" | "partition">,
): void {
  state.run("DELETE FROM source_partition WHERE source = ? AND partition = ?", source, partition);
}
