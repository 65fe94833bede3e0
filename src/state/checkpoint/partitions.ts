import type { StateDatabase } from "../file/state_database.ts";

/** How far a partition of a source was read, as a row of the state. */
export interface PartitionRow {
  readonly source: string;
  readonly partition: string;
  /** Identity of the history that the position belongs to; null: it has none, or nothing was read yet. */
  readonly lineage: string | null;
  /** The position of the next event; null: the oldest event. */
  readonly position: string | null;
  /** Greatest event time, Unix ms; null: there was none. */
  readonly greatest_ms: number | null;
}

/** The offset of a position, alone or with what a source notes of it. */
const OFFSET = /^(\d{1,16})(?: (?:leader|epoch) \d.*)?$/;

/** A position as an offset; undefined: it is not one, or there is no position yet. */
export function offsetOf(position: string | undefined): number | undefined {
  const offset = Number(OFFSET.exec(position ?? "")?.[1] ?? NaN);
  return Number.isSafeInteger(offset) ? offset : undefined;
}

/** The partitions of all sources, in the order of the configuration at their last read. */
export function readPartitions(state: StateDatabase): PartitionRow[] {
  return state.all<PartitionRow>(
    "SELECT source, partition, lineage, position, greatest_ms FROM source_partition ORDER BY " +
      "ordinal, source, partition",
  );
}

/**
 * Writes the position of a partition, within the transaction of the caller.
 *
 * @param ordinal Index of the source in the configuration.
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
 * Removes a lineage from other partitions that had it, and from the list of left lineages: its position is
 * stored only once. Runs within the transaction of the caller.
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

/** Deletes a partition, within the transaction of the caller. */
export function forgetPartition(
  state: StateDatabase,
  { source, partition }: Pick<PartitionRow, "source" | "partition">,
): void {
  state.run("DELETE FROM source_partition WHERE source = ? AND partition = ?", source, partition);
}
