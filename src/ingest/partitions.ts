import type { EventAggregator } from "../aggregation/event_aggregator.ts";
import type { Lineages, Outcome, Partition, PartitionId, Position, Progress } from "../contract/source.ts";
import { SourceError } from "../contract/source.ts";
import { LogHistory } from "../event/log_history.ts";
import type { Checkpoint } from "../state/checkpoint/checkpoint.ts";
import type { CheckpointInput } from "../state/checkpoint/checkpoint_input.ts";
import type { RestoredPartition } from "../state/checkpoint/partition_position.ts";
import { PartitionState, SourceState } from "./partition_state.ts";

/**
 * Partitions of all sources that have gone away and whose positions are remembered, in case they come back.
 */
const GONE_MAX = 10_000;

/**
 * The partitions of all sources, by their numbers in the aggregator. Before a source is open, it has the
 * partitions that the state knows; a source that the state does not know has one without a name.
 */
export class Partitions {
  /** By number; undefined: no partition has the number. */
  readonly states: (PartitionState | undefined)[] = [];
  /** In the order of the configuration. */
  readonly sources: readonly SourceState[];
  /** Whether a partition has moved since the last checkpoint. */
  hasMoved = false;
  /** The partitions that the next checkpoint must write. */
  private readonly unsaved = new Set<PartitionState>();
  /** The partitions that have gone away, by {@link keyOf}, in the order in which they went. */
  private readonly gone = new Map<string, PartitionState>();
  /** The partitions that the state must forget. */
  private readonly forgotten = new Map<string, PartitionState>();
  private capCount: number;

  constructor(
    sourceNames: readonly string[],
    restored: readonly RestoredPartition[],
    private readonly checkpoint: Checkpoint,
    private readonly aggregator: EventAggregator,
  ) {
    this.capCount = aggregator.watermark.capCount;
    this.sources = sourceNames.map((name, ordinal) => new SourceState(name, ordinal));
    restored.forEach(({ ordinal, partition, lineage, position }, number) => {
      const progress = { lineage, position, history: checkpoint.historyOf(lineage) };
      this.enter(new PartitionState(this.sources[ordinal]!, partition, number, progress), number);
    });
  }

  /** How far the partitions of a source were read, as far as it is known. */
  resumeOf(source: SourceState): Map<PartitionId, Position> {
    const all = [...source.partitions.values()];
    return new Map(
      all.flatMap(({ id, progress: { position } }) => position === undefined ? [] : [[id, position]]),
    );
  }

  /** Adds a partition. It is told what is durable, now and after each checkpoint. Returns its number. */
  attach(source: SourceState, partition: Partition): number {
    const state = source.partitions.get(partition.id) ?? this.comeBack(source, partition.id) ??
      this.begin(source, partition.id);
    state.partition = partition;
    void partition.committed(state.committed);
    return state.number!;
  }

  /**
   * Removes a partition that has gone away. It no longer holds the others back, and its position is
   * remembered.
   */
  detach(number: number): void {
    const { aggregator, checkpoint, gone } = this;
    const state = this.states[number]!;
    const key = keyOf(state);
    state.left();
    state.source.partitions.delete(state.id);
    state.leftGreatestMs = aggregator.watermark.greatestOf(number);
    checkpoint.leave(number, state.position);
    aggregator.watermark.remove(number);
    this.states[number] = undefined;
    state.number = undefined;
    if (!this.unsaved.has(state)) this.shrink(state);
    if (state.progress.position === undefined && state.progress.lineage === undefined) {
      this.forget(key, state);
    } else gone.set(key, state);
    for (const [oldest, forgotten] of gone) {
      if (gone.size <= GONE_MAX) break;
      this.forget(oldest, forgotten);
    }
  }

  /** Tells that everything that was taken in is in a checkpoint. */
  committed(): void {
    this.hasMoved = false;
    this.forgotten.clear();
    for (const state of this.unsaved) {
      state.committed = state.progress;
      void state.partition?.committed(state.progress);
      if (state.number === undefined) this.shrink(state);
    }
    this.unsaved.clear();
  }

  /** The positions in the form of a checkpoint. */
  forCheckpoint(): Pick<CheckpointInput, "partitions" | "forgotten" | "sources"> {
    const { watermark } = this.aggregator;
    if (watermark.capCount !== this.capCount) {
      this.capCount = watermark.capCount;
      for (const state of this.states) if (state) this.unsaved.add(state);
    }
    return {
      partitions: [...this.unsaved].map((state) => ({
        ...state.position,
        ordinal: state.source.ordinal,
        greatestMs: state.number === undefined ? state.leftGreatestMs : watermark.greatestOf(state.number),
        hasGone: state.number === undefined,
        history: state.progress.history,
      })),
      forgotten: [...this.forgotten.values()].map(({ position }) => position),
      sources: this.sources.map(({ name }) => name),
    };
  }

  /** The view of the lineages for a source. */
  lineagesFor(source: SourceState): Lineages {
    return {
      readerOf: (lineage, asking) => {
        const state = source.partitions.get(asking);
        const other = this.states[this.readerOf(lineage, state?.number)];
        if (other === undefined) return undefined;
        const { name } = other;
        const lineageNow = async (signal: AbortSignal) => {
          if (other.partition === undefined) {
            throw new SourceError("unavailable", `${name}: it is not open yet`);
          }
          return await other.partition.lineageNow?.(signal) ?? lineage;
        };
        return { name, lineageNow };
      },
      isKnown: (lineage) => this.checkpoint.leftLineage(lineage) !== undefined,
    };
  }

  /** The other partition that reads a lineage; -1: there is none. */
  readerOf(lineage: string, number: number | undefined): number {
    return this.states.findIndex((state, i) => i !== number && state?.progress.lineage === lineage);
  }

  /**
   * Whether an outcome begins a lineage that another partition reads. Where two begin at the same moment, the
   * source of each has found that nobody reads it; the next read finds that the other one does.
   */
  isTaken(number: number, { kind, lineage }: Outcome): boolean {
    if (lineage === undefined || kind === "exchanged") return false;
    return lineage !== this.states[number]!.progress.lineage && this.readerOf(lineage, number) >= 0;
  }

  /**
   * The number under which an event of a partition is taken in. Where the partition has gone away, it is that
   * of another partition of the source. Undefined: the source has none, or is no longer configured.
   */
  numberFor(source: string | undefined, partition: PartitionId | undefined): number | undefined {
    const state = this.sources.find(({ name }) => name === source);
    return (state?.partitions.get(partition ?? "") ?? state?.partitions.values().next().value)?.number;
  }

  /** Moves a partition. Durable with the next checkpoint. */
  moveTo(number: number, progress: Progress): void {
    const state = this.states[number]!;
    state.progress = progress;
    this.touch(state);
  }

  /** Marks a partition whose position the next checkpoint must store. */
  touch(state: PartitionState): void {
    this.unsaved.add(state);
    this.hasMoved = true;
  }

  /**
   * Forgets the position of a partition that has gone away, since another partition now reads its lineage.
   */
  takenOver(lineage: string): void {
    for (const [key, state] of this.gone) {
      if (state.progress.lineage !== lineage) continue;
      this.gone.delete(key);
      this.unsaved.delete(state);
    }
  }

  /** Notes that a partition has something to read, or may have. It is not idle then. */
  wake(number: number): void {
    this.states[number]!.idleMs = 0;
    this.aggregator.watermark.setIdle(number, false);
  }

  /** Notes why a source could not be opened. @param nowMs Unix ms. */
  openFailed(source: SourceState, reason: string, nowMs: number): void {
    source.openFailed(reason, nowMs);
    for (const { number } of source.partitions.values()) this.wake(number!);
  }

  /**
   * Notes that an operator has paused a source, or resumed it. Windows wait for a paused source as for one
   * that cannot be read, and the time does not count as idle.
   */
  pause(source: SourceState, isPaused: boolean): void {
    source.isPaused = isPaused;
    for (const { number } of source.partitions.values()) this.wake(number!);
  }

  /**
   * Counts an empty read that took `elapsedMs`. After `timeoutMs` of such reads, the partition no longer
   * holds the others back.
   */
  wasIdleFor(number: number, elapsedMs: number, timeoutMs: number): void {
    const state = this.states[number]!;
    state.idleMs += elapsedMs;
    if (state.idleMs >= timeoutMs) this.aggregator.watermark.setIdle(number, true);
  }

  private enter(state: PartitionState, number: number): PartitionState {
    this.states[number] = state;
    state.number = number;
    state.source.partitions.set(state.id, state);
    this.unsaved.add(state);
    return state;
  }

  private begin(source: SourceState, id: PartitionId): PartitionState {
    const progress = { lineage: undefined, position: undefined, history: new LogHistory() };
    const state = new PartitionState(source, id, undefined, progress);
    this.forgotten.delete(keyOf(state));
    return this.enter(state, this.aggregator.addPartition(source.ordinal, -Infinity));
  }

  private comeBack(source: SourceState, id: PartitionId): PartitionState | undefined {
    const key = keyOf({ source, id });
    const state = this.gone.get(key);
    if (state === undefined) return undefined;
    const { progress } = state;
    if (progress.history === NOT_IN_MEMORY) {
      state.committed = state.progress = {
        ...progress,
        history: this.checkpoint.historyOf(progress.lineage),
      };
    }
    this.gone.delete(key);
    state.idleMs = 0;
    return this.enter(state, this.aggregator.addPartition(source.ordinal, state.leftGreatestMs));
  }

  /** Drops from memory what is on disk of a partition that has gone away. */
  private shrink(state: PartitionState): void {
    state.partition = undefined;
    state.committed = state.progress = { ...state.progress, history: NOT_IN_MEMORY };
  }

  private forget(key: string, state: PartitionState): void {
    this.gone.delete(key);
    this.unsaved.delete(state);
    this.forgotten.set(key, state);
  }
}

/** Stands for the fingerprints of a partition that has gone away, which the state keeps. */
const NOT_IN_MEMORY = new LogHistory();

/** Source and partition in one text. */
function keyOf({ source, id }: Pick<PartitionState, "source" | "id">): string {
  return `${source.ordinal} ${id}`;
}
