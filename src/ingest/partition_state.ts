import type { Partition, PartitionId, Progress, Withheld } from "../contract/source.ts";
import type { LogFields } from "../platform/log/logger.ts";
import type { PartitionPosition } from "../state/checkpoint/partition_position.ts";

/**
 * A source as ingest sees it. It fails from the first failed attempt on to open it or to read any of its
 * partitions, until all of them work.
 */
export class SourceState {
  /** Whether it was opened since the start of the process. */
  isOpen = false;
  /** Whether it was read, or could not be, since the start of the process. */
  isTried = false;
  /** Whether an operator has paused it: nothing is read of it. */
  isPaused = false;
  /** Its present partitions. */
  readonly partitions = new Map<PartitionId, PartitionState>();
  /** Partitions of the own share that it does not read, since other instances have them. */
  withheld: ReadonlyMap<PartitionId, Withheld> = new Map();
  private openFailure: string | undefined;
  private readonly failing = new Set<PartitionState>();
  private firstFailedMs: number | undefined;

  /** @param ordinal Its index in the configuration. */
  constructor(readonly name: string, readonly ordinal: number) {}

  /** Why a part of it cannot be read; undefined: all of it can. */
  get failure(): string | undefined {
    if (this.openFailure !== undefined) return this.openFailure;
    for (const { failure } of this.failing) return failure;
    return undefined;
  }

  /** Since when a part of it has not been readable, Unix ms; undefined: all of it is. */
  get failingSinceMs(): number | undefined {
    return this.firstFailedMs;
  }

  /** It was opened. Whether it can be read, its partitions show. */
  opened(): void {
    this.isOpen = true;
    this.openFailure = undefined;
    this.noteEnd();
  }

  /** It could not be opened. @param nowMs Unix ms. */
  openFailed(reason: string, nowMs: number): void {
    this.openFailure = reason;
    this.noteFailure(nowMs);
  }

  /** @param nowMs Unix ms. */
  partitionFailed(partition: PartitionState, nowMs: number): void {
    this.failing.add(partition);
    this.noteFailure(nowMs);
  }

  /** A partition was read. */
  partitionWorks(partition: PartitionState): void {
    this.isTried = true;
    this.partitionLeft(partition);
  }

  /** A partition is not read any more. */
  partitionLeft(partition: PartitionState): void {
    if (this.failing.delete(partition)) this.noteEnd();
  }

  private noteFailure(nowMs: number): void {
    this.isTried = true;
    this.firstFailedMs ??= nowMs;
  }

  private noteEnd(): void {
    if (this.failure === undefined) this.firstFailedMs = undefined;
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

  /** A read has failed. @param nowMs Unix ms. */
  failed(reason: string, nowMs: number): void {
    this.reason = reason;
    this.source.partitionFailed(this, nowMs);
  }

  /** A read has succeeded. */
  works(): void {
    this.reason = undefined;
    this.source.partitionWorks(this);
  }

  /** It has gone away. */
  left(): void {
    this.reason = undefined;
    this.source.partitionLeft(this);
  }

  /** As the state keeps it. */
  get position(): PartitionPosition {
    const { id, progress: { lineage, position }, source: { name } } = this;
    return { source: name, partition: id, lineage, position };
  }
}
