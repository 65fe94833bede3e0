import type { StateDatabase } from "../file/state_database.ts";
import type { CheckpointInput } from "./checkpoint_input.ts";
import type { ColumnWriter } from "./columns.ts";
import { dropHistories, writeHistory } from "./history_pages.ts";
import { type LeftLineage, readLeftLineages, writeLeftLineages } from "./lineages.ts";
import type { PartitionPosition, ReadPartition, RestoredPartition } from "./partition_position.ts";
import {
  forgetPartition,
  type PartitionRow,
  readPartitions,
  takeLineage,
  writePartition,
} from "./partitions.ts";

/**
 * Stores how far each partition was read, the fingerprints of its lineage, and the positions in lineages that
 * no partition has now.
 */
export class PositionWriter {
  private readonly left = new Map<string, LeftLineage>();
  /** Lineages that were left and are not yet in the state. */
  private readonly newlyLeft = new Set<string>();
  /** The lineage of each partition in the state, by {@link keyOf}. */
  private readonly saved = new Map<string, string | undefined>();
  /** Whether the state may have fingerprints of lineages that no partition has. */
  private mayHoldStrays = true;

  constructor(private readonly state: StateDatabase, private readonly writer: ColumnWriter) {}

  /**
   * The positions of the partitions of the named sources: first one of each, then the others. An unknown
   * source has one partition.
   */
  restore(sources: readonly string[]): RestoredPartition[] {
    const rows = readPartitions(this.state);
    for (const left of readLeftLineages(this.state)) this.left.set(left.lineage, left);
    const bySource = new Map<string, RestoredPartition[]>(sources.map((source) => [source, []]));
    for (const row of rows) {
      const { source, lineage, position, greatest_ms: greatestMs } = row;
      this.saved.set(keyOf(row), lineage ?? undefined);
      const own = bySource.get(source);
      if (own) own.push(restored(row, sources.indexOf(source)));
      else if (lineage !== null) {
        this.left.set(lineage, { lineage, position, greatestMs, source });
      }
    }
    const first = [...bySource.values()].map((own, ordinal) => own[0] ?? unread(sources[ordinal]!, ordinal));
    return [...first, ...[...bySource.values()].flatMap((own) => own.slice(1))];
  }

  /** The position in a lineage that no configured partition has now; undefined: it is not known. */
  leftLineage(lineage: string): LeftLineage | undefined {
    return this.left.get(lineage);
  }

  /**
   * Remembers the position in a lineage that a partition leaves.
   *
   * @param greatestMs Greatest event time in that lineage, Unix ms; -Infinity: there was none.
   */
  leave({ lineage, position }: PartitionPosition, greatestMs: number): void {
    if (lineage === undefined) return;
    const left = {
      lineage,
      position: position ?? null,
      greatestMs: timeOrNull(greatestMs),
      source: undefined,
    };
    this.left.set(lineage, left);
    this.newlyLeft.add(lineage);
  }

  /** Writes the positions of the partitions, within the transaction of the caller. */
  write({ partitions, forgotten, nowMs }: CheckpointInput): void {
    const { state } = this;
    writeLeftLineages(state, [...this.newlyLeft].map((lineage) => this.left.get(lineage)!), nowMs);
    for (const gone of forgotten) forgetPartition(state, gone);
    this.mayHoldStrays ||= forgotten.length > 0;
    for (const partition of partitions) {
      const row = rowOf(partition);
      writePartition(state, row, partition.ordinal);
      const { lineage, hasGone } = partition;
      if (lineage === undefined || hasGone) continue;
      if (this.saved.get(keyOf(row)) !== lineage || this.newlyLeft.has(lineage)) {
        takeLineage(state, { ...row, lineage });
      }
      const earlier = this.left.get(lineage)?.source;
      if (earlier !== undefined) state.seal.remove("recent_ids", "source = ?", earlier);
    }
    this.writeHistories(partitions);
  }

  /** Tells that the transaction of {@link write} is committed. */
  committed({ partitions, forgotten }: CheckpointInput): void {
    for (const gone of forgotten) this.saved.delete(keyOf(gone));
    for (const partition of partitions) {
      const { lineage, hasGone, history } = partition;
      if (lineage !== undefined && !hasGone) this.left.delete(lineage);
      this.saved.set(keyOf(partition), lineage);
      history.saved();
    }
    this.newlyLeft.clear();
    this.mayHoldStrays = false;
  }

  private writeHistories(partitions: readonly ReadPartition[]): void {
    for (const partition of partitions) {
      const { lineage, history } = partition;
      if (lineage !== undefined && history.isKept) writeHistory(this.state, lineage, history, this.writer);
      this.mayHoldStrays ||= this.saved.get(keyOf(partition)) !== lineage;
    }
    if (this.mayHoldStrays) dropHistories(this.state);
  }
}

/** Source and partition in one text. */
function keyOf({ source, partition }: Pick<PartitionPosition, "source" | "partition">): string {
  return `${source}\0${partition}`;
}

function restored(
  { source, partition, lineage, position, greatest_ms }: PartitionRow,
  ordinal: number,
): RestoredPartition {
  return {
    source,
    partition,
    ordinal,
    lineage: lineage ?? undefined,
    position: position ?? undefined,
    greatestMs: greatest_ms ?? -Infinity,
  };
}

function unread(source: string, ordinal: number): RestoredPartition {
  return { source, partition: "", ordinal, lineage: undefined, position: undefined, greatestMs: -Infinity };
}

function rowOf({ source, partition, lineage, position, greatestMs }: ReadPartition): PartitionRow {
  return {
    source,
    partition,
    lineage: lineage ?? null,
    position: position ?? null,
    greatest_ms: timeOrNull(greatestMs),
  };
}

function timeOrNull(timeMs: number): number | null {
  return timeMs === -Infinity ? null : timeMs;
}
