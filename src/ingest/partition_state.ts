import type { Partition, PartitionId, Progress } from "../contract/source.ts";
import type { LogFields } from "../platform/log/logger.ts";
import type { PartitionPosition } from "../state/checkpoint/partition_position.ts";

/** A source as ingest sees it. */
export class SourceState {
  /** Why it could not be opened; undefined: it was, or nobody has tried yet. */
  openFailure: string | undefined;
  /** Those of its partitions that are there. */
  readonly partitions = new Map<PartitionId, PartitionState>();
  private readonly failing = new Set<PartitionState>();

  /** @param ordinal Its place in the configuration. */
  constructor(readonly name: string, readonly ordinal: number) {}

  /** Why some of it cannot be read; undefined: all of it can. */
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
  /** All before that is in a committed checkpoint. */
  committed: Progress;
  /** Told of commits; undefined before its source is open. */
  partition: Partition | undefined;
  /** Sum of successful empty reads since the last event or failure. */
  idleMs = 0;
  private reason: string | undefined;

  constructor(
    readonly source: SourceState,
    readonly id: PartitionId,
    /** In the aggregator's numbering; undefined: it has gone away. */
    public number: number | undefined,
    /** Where it stands: all before that was taken in. */
    public progress: Progress,
    /** Greatest event time when it went away, Unix ms; -Infinity: there was none. */
    public leftGreatestMs = -Infinity,
  ) {
    this.committed = progress;
  }

  /** For the log, which folds what the partitions of a source have in common. */
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
