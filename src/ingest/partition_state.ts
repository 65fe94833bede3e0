import type { Partition, PartitionId, Progress } from "../contract/source.ts";
import type { LogFields } from "../platform/log/logger.ts";
import type { PartitionPosition } from "../state/checkpoint/partition_position.ts";

/** A source as ingest sees it. */
export class SourceState {
  /** Why it could not be opened; undefined: it was opened, or not yet tried. */
  openFailure: string | undefined;
  /** Whether an operator has paused it: nothing is read of it. */
  isPaused = false;
  /** Its present partitions. */
  readonly partitions = new Map<PartitionId, PartitionState>();
  private readonly failing = new Set<PartitionState>();

  /** @param ordinal Its index in the configuration. */
  constructor(readonly name: string, readonly ordinal: number) {}

  /** Why a part of it cannot be read; undefined: all of it can. */
  get failure(): string | undefined {
    if (this.openFailure !== undefined) return this.openFailure;
    for (const { failure } of this.failing) return failure;
    return undefined;
  }

  noteFailure(partition: PartitionState): void {
    if (partition.failure === undefined) this.failing.delete(partition);
    else this.failing.add(partition);
  }
}

/** A partition as ingest sees it. */
export class PartitionState {
  /** All events before it are in a committed checkpoint. */
  committed: Progress;
  /** The source's partition, which is told of commits; undefined before the source is open. */
  partition: Partition | undefined;
  /** Duration of the successful empty reads since the last event or failure. */
  idleMs = 0;
  /** Events that were lost before they were read, since the start of the process. */
  lost = 0;
  private reason: string | undefined;

  constructor(
    readonly source: SourceState,
    readonly id: PartitionId,
    /** In the aggregator's numbering; undefined: it has gone away. */
    public number: number | undefined,
    /** All events before it were taken in. */
    public progress: Progress,
    /** Greatest event time when it went away, Unix ms; -Infinity: there was none. */
    public leftGreatestMs = -Infinity,
  ) {
    this.committed = progress;
  }

  /** Whether events of a read that was under way when its source was paused are left for later. */
  get isHeld(): boolean {
    return this.source.isPaused && this.partition?.replay !== "none";
  }

  /** The name for the log, which folds lines that the partitions of a source have in common. */
  get origin(): LogFields {
    const { id, source: { name } } = this;
    return id === "" ? { bus: name } : { bus: name, partition: id };
  }

  /** For operators. */
  get name(): string {
    const { id, source: { name } } = this;
    return id === "" ? name : `${name} partition ${id}`;
  }

  /** Why the last read failed; undefined when it did not. */
  get failure(): string | undefined {
    return this.reason;
  }

  set failure(reason: string | undefined) {
    this.reason = reason;
    this.source.noteFailure(this);
  }

  /** As the state keeps it. */
  get position(): PartitionPosition {
    const { id, progress: { lineage, position }, source: { name } } = this;
    return { source: name, partition: id, lineage, position };
  }
}
