import type { Position, Progress } from "../contract/source.ts";
import type { EventBatch } from "../event/event_batch.ts";
import { LogHistory } from "../event/log_history.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { Checkpoint } from "../state/checkpoint/checkpoint.ts";
import type { Partitions } from "./partitions.ts";
import type { PartitionState, SourceState } from "./partition_state.ts";
import type { UnreadEvents } from "./unread_events.ts";

/** Where a partition goes on. */
export interface Landing {
  readonly lineage: string | undefined;
  readonly next: Position | undefined;
  /** The number of the event there; undefined: events are not numbered. */
  readonly offset: number | undefined;
}

/** Moves partitions to where their reads have led, with what belongs to a lineage: fingerprints, event time, ids. */
export class PartitionMoves {
  constructor(
    private readonly partitions: Partitions,
    private readonly unread: UnreadEvents,
    private readonly checkpoint: Checkpoint,
    private readonly logger: Logger,
  ) {}

  /** The events of a batch have been taken in, those before it are lost. */
  advance(number: number, landing: Landing, batch: EventBatch, lost: number): void {
    const { origin, progress } = this.stateOf(number);
    this.unread.countLost(origin, lost);
    const first = landing.offset === undefined ? undefined : landing.offset - batch.total;
    const history = historyAt(progress, landing.lineage, first);
    if (first !== undefined) history.note(batch, first);
    this.moveTo(number, landing, history);
  }

  /** Goes on elsewhere in the history, or in another one; `lost` events cannot be had any more. */
  skipTo(number: number, landing: Landing, lost: number): void {
    const { origin, progress } = this.stateOf(number);
    this.unread.countLost(origin, lost);
    // What there is may be older than the wall clock would let wait.
    this.partitions.wake(number);
    this.moveTo(number, landing, historyAt(progress, landing.lineage, landing.offset));
  }

  /** Reads a history again from an earlier place on; `doubtful` events may come twice. */
  goBackTo(number: number, landing: Landing, doubtful: number): void {
    this.unread.countDoubtful(doubtful);
    this.skipTo(number, landing, 0);
  }

  /**
   * Goes on at `offset` because an operator said so: what lies before it cannot be read and counts as lost. Does nothing
   * where the bus has been read so far already, so the word may be repeated at every start. Returns whether the source's positions are
   * numbers of events; where they are not, nothing can be given up.
   */
  giveUpBefore(
    { partitions }: SourceState,
    offset: number,
    nowMs: number,
    operator: string | undefined,
  ): boolean {
    const state = partitions.get("");
    const from = Number(state?.progress.position ?? 0);
    if (state?.number === undefined || !Number.isSafeInteger(from)) return false;
    if (offset <= from) return true;
    this.unread.giveUp(state.name, from, offset, nowMs, operator);
    this.skipTo(state.number, { lineage: state.progress.lineage, next: `${offset}`, offset }, 0);
    return true;
  }

  /** Goes on where a lineage was left, as if it had been read by this partition all the time. @throws {StateError} */
  resume(number: number, lineage: string): void {
    const { checkpoint, partitions } = this;
    const { position } = checkpoint.leftLineage(lineage)!;
    const history = checkpoint.historyOf(lineage);
    // With the event time that it had come to, which the next step replaces.
    checkpoint.leave(number, this.stateOf(number).position);
    checkpoint.takeOver(number, lineage);
    partitions.takenOver(lineage);
    partitions.wake(number);
    partitions.moveTo(number, { lineage, position, history });
  }

  /** The addresses of two partitions have been exchanged: each goes on where the other one was, as if it had been read under this name. */
  exchange(number: number, other: number): void {
    const { partitions } = this;
    const [one, two] = [this.stateOf(number), this.stateOf(other)];
    this.logger.warn("two buses have exchanged their addresses: each goes on where its log was left", {
      bus: one.name,
      other: two.name,
    });
    this.checkpoint.exchange(number, other);
    [one.progress, two.progress] = [two.progress, one.progress];
    [one.committed, two.committed] = [two.committed, one.committed];
    for (const state of [one, two]) {
      void state.partition?.committed(state.committed);
      partitions.touch(state);
    }
    partitions.wake(number);
    partitions.wake(other);
  }

  private stateOf(number: number): PartitionState {
    return this.partitions.states[number]!;
  }

  private moveTo(number: number, { lineage, next }: Landing, history: LogHistory): void {
    const state = this.stateOf(number);
    if (lineage !== state.progress.lineage) this.checkpoint.leave(number, state.position);
    this.partitions.moveTo(number, { lineage, position: next, history });
  }
}

/** The fingerprints of a lineage, to go on with at `offset`. */
function historyAt(
  { lineage, history }: Progress,
  next: string | undefined,
  offset: number | undefined,
): LogHistory {
  // Before the first reply no lineage is known, and what is noted is of the one that it names.
  const own = next === lineage || lineage === undefined ? history : new LogHistory();
  own.goOnAt(offset ?? 0);
  return own;
}
