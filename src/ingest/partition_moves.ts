import type { Position, Progress } from "../contract/source.ts";
import type { EventBatch } from "../event/event_batch.ts";
import { LogHistory } from "../event/log_history.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { Checkpoint } from "../state/checkpoint/checkpoint.ts";
import type { Partitions } from "./partitions.ts";
import type { PartitionState, SourceState } from "./partition_state.ts";
import type { UnreadEvents } from "./unread_events.ts";

/** The new progress of a partition. */
export interface Landing {
  readonly lineage: string | undefined;
  readonly next: Position | undefined;
  /** The number of the event at `next`; undefined: events are not numbered. */
  readonly offset: number | undefined;
}

/** The same after a batch. */
interface TakenIn extends Landing {
  /** Events before the batch that are gone. */
  readonly lost: number;
  readonly mayBeRepeated?: (position: number) => boolean;
}

/**
 * Moves partitions to where their reads have led, with the data of a lineage: fingerprints, event time, ids.
 */
export class PartitionMoves {
  constructor(
    private readonly partitions: Partitions,
    private readonly unread: UnreadEvents,
    private readonly checkpoint: Checkpoint,
    private readonly logger: Logger,
  ) {}

  /**
   * Moves the partition behind a batch that was taken in.
   *
   * @param knowsIds Whether an event with an id that was counted before is known.
   */
  advance(number: number, landing: TakenIn, batch: EventBatch, knowsIds: boolean): void {
    const { progress } = this.stateOf(number);
    this.countLost(number, landing.lost);
    const { mayBeRepeated } = landing;
    if (mayBeRepeated) this.unread.countDoubtful(doubtfulIn(batch, mayBeRepeated, knowsIds));
    const first = landing.offset === undefined ? undefined : landing.offset - batch.total;
    const history = historyAt(progress, landing.lineage, first);
    if (first !== undefined) history.note(batch, first);
    this.moveTo(number, landing, history);
  }

  /** Moves the partition in its history, or to another history; `lost` events are gone. */
  skipTo(number: number, landing: Landing, lost: number): void {
    const { progress } = this.stateOf(number);
    this.countLost(number, lost);
    // Events of the new history may be older than the windows that the wall clock would close.
    this.partitions.wake(number);
    this.moveTo(number, landing, historyAt(progress, landing.lineage, landing.offset));
  }

  /** Moves the partition to a history that has begun anew, which has `lost` events no more. */
  beginAnew(number: number, landing: Landing, lost: number): void {
    this.unread.countReset();
    this.skipTo(number, landing, lost);
  }

  /** Counts events that are gone for a partition that stays where it is. */
  lose(number: number, lost: number): void {
    this.countLost(number, lost);
    this.partitions.touch(this.stateOf(number));
  }

  /** Moves the partition back in its history; `doubtful` events may come twice. */
  goBackTo(number: number, landing: Landing, doubtful: number): void {
    this.unread.countReset();
    this.unread.countDoubtful(doubtful);
    this.skipTo(number, landing, 0);
  }

  /**
   * Moves the partition to `offset` by an operator's order: events before it cannot be read and count as
   * lost. Does nothing where the partition is already there or further, so the order may be repeated at every
   * start.
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
    state.lost += offset - from;
    this.skipTo(state.number, { lineage: state.progress.lineage, next: `${offset}`, offset }, 0);
    return true;
  }

  /** Continues a lineage where it was left, as if this partition had always read it. @throws {StateError} */
  resume(number: number, lineage: string): void {
    const { checkpoint, partitions } = this;
    const { position } = checkpoint.leftLineage(lineage)!;
    const history = checkpoint.historyOf(lineage);
    // Stores the old lineage with its event time, which the next step replaces.
    checkpoint.leave(number, this.stateOf(number).position);
    checkpoint.takeOver(number, lineage);
    partitions.takenOver(lineage);
    partitions.wake(number);
    partitions.moveTo(number, { lineage, position, history });
  }

  /** Exchanges the progress of two partitions, since the addresses of their buses have been exchanged. */
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

  private countLost(number: number, lost: number): void {
    const state = this.stateOf(number);
    this.unread.countLost(state.origin, lost);
    state.lost += lost;
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

/** How many events of a batch nobody can tell from those that were counted before. */
function doubtfulIn(
  { count, idLength, position }: EventBatch,
  mayBeRepeated: (position: number) => boolean,
  knowsIds: boolean,
): number {
  let doubtful = 0;
  for (let i = 0; i < count; i++) {
    if (mayBeRepeated(position[i]!) && !(knowsIds && idLength[i]! > 0)) doubtful++;
  }
  return doubtful;
}

/** The fingerprints of the lineage `next` up to `offset`. */
function historyAt(
  { lineage, history }: Progress,
  next: string | undefined,
  offset: number | undefined,
): LogHistory {
  // Before the first reply the lineage is not known. Fingerprints until then belong to the lineage that the
  // reply names.
  const own = next === lineage || lineage === undefined ? history : new LogHistory();
  own.goOnAt(offset ?? 0);
  return own;
}
