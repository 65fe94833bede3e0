import type { Watermark } from "../aggregation/watermark.ts";
import {
  type Lineages,
  type Partition,
  type Position,
  type Progress,
  SourceError,
} from "../contract/source.ts";
import type { EventBatch } from "../event/event_batch.ts";
import { LogHistory } from "../event/log_history.ts";
import type { Logger } from "../platform/log/logger.ts";
import { counted, type Order } from "../state/audit.ts";
import type { Checkpoint } from "../state/checkpoint/checkpoint.ts";
import type { BusPosition } from "../state/checkpoint/checkpoint_input.ts";

/** A partition as ingest sees it. */
export interface PartitionState {
  readonly name: string;
  /** Where it stands: all before that was taken in. */
  progress: Progress;
  /** All before that is in a committed checkpoint. */
  committed: Progress;
  /** Told of commits; undefined before its source is open. */
  partition: Partition | undefined;
  /** Sum of successful empty reads since the last event or failure. */
  idleMs: number;
  /** Why the last read failed; undefined when it did not. */
  failure: string | undefined;
}

/** Where a partition goes on. */
export interface Landing {
  readonly lineage: string | undefined;
  readonly next: Position | undefined;
  /** The number of the event there; undefined: events are not numbered. */
  readonly offset: number | undefined;
}

/** What the next checkpoint has to say of events that were not read. */
export interface Unread {
  readonly lost: number;
  /** Those of them that an operator has given up. */
  readonly skipped: number;
  /** Events that will be read again and may be the same as before. */
  readonly doubtful: number;
  readonly orders: readonly (readonly [order: Order, result: string])[];
}

const NONE_UNREAD: Unread = { lost: 0, skipped: 0, doubtful: 0, orders: [] };

/** Where each partition of each source stands, in the aggregator's numbering. */
export class Partitions {
  readonly states: readonly PartitionState[];
  /** Since the last checkpoint. */
  unread = NONE_UNREAD;
  /** Whether any stands elsewhere than the last checkpoint says. */
  hasMoved = false;

  constructor(
    positions: readonly BusPosition[],
    private readonly checkpoint: Checkpoint,
    private readonly watermark: Watermark,
    private readonly logger: Logger,
  ) {
    this.states = positions.map(({ name, log, nextOffset }) => {
      const progress = { lineage: log, position: positionAt(nextOffset), history: checkpoint.historyOf(log) };
      return { name, progress, committed: progress, partition: undefined, idleMs: 0, failure: undefined };
    });
  }

  /** Events lost before they were read, those not yet in a checkpoint included. */
  get lostEvents(): number {
    return this.checkpoint.counters.lost + this.unread.lost;
  }

  /** The partition's source is open: it is told what is durable, now and after each checkpoint. */
  attach(number: number, partition: Partition): void {
    const state = this.states[number]!;
    state.partition = partition;
    void partition.committed(state.committed);
  }

  /** A checkpoint holds all that was taken in. */
  committed(): void {
    this.unread = NONE_UNREAD;
    this.hasMoved = false;
    for (const state of this.states) {
      state.committed = state.progress;
      void state.partition?.committed(state.progress);
    }
  }

  /** As a checkpoint keeps them. */
  forCheckpoint(): { readonly buses: BusPosition[]; readonly histories: LogHistory[] } {
    return {
      buses: this.states.map(({ name, progress }) => busPosition(name, progress)),
      histories: this.states.map(({ progress }) => progress.history),
    };
  }

  /** What a source may ask about lineages, for one of its partitions. */
  lineagesFor(number: number): Lineages {
    return {
      readerOf: (lineage) => {
        const other = this.states[this.readerOf(lineage, number)];
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
      isKnown: (lineage) => this.checkpoint.positionOfLog(lineage) !== undefined,
    };
  }

  /** The other partition that reads a lineage; -1: there is none. */
  readerOf(lineage: string, number: number): number {
    return this.states.findIndex(({ progress }, i) => i !== number && progress.lineage === lineage);
  }

  /** The events of a batch have been taken in, those before it are lost. */
  advance(number: number, landing: Landing, batch: EventBatch, lost: number): void {
    const { progress } = this.states[number]!;
    this.countLost(number, lost);
    const first = landing.offset === undefined ? undefined : landing.offset - batch.total;
    const history = historyAt(progress, landing.lineage, first);
    if (first !== undefined) history.note(batch, first);
    this.moveTo(number, landing, history);
  }

  /** Goes on elsewhere in the history, or in another one; `lost` events cannot be had any more. */
  skipTo(number: number, landing: Landing, lost: number): void {
    this.countLost(number, lost);
    // What there is may be older than the wall clock would let wait.
    this.wake(number);
    this.moveTo(number, landing, historyAt(this.states[number]!.progress, landing.lineage, landing.offset));
  }

  /** Reads a history again from an earlier place on; `doubtful` events may come twice. */
  goBackTo(number: number, landing: Landing, doubtful: number): void {
    this.unread = { ...this.unread, doubtful: this.unread.doubtful + doubtful };
    this.skipTo(number, landing, 0);
  }

  /**
   * Goes on at `offset` because an operator said so: what lies before it cannot be read and counts as lost. Does nothing
   * where the bus has been read so far already, so the word may be repeated at every start.
   */
  giveUpBefore(number: number, offset: number, nowMs: number, operator: string | undefined): void {
    const { name, progress } = this.states[number]!;
    const from = Number(progress.position ?? 0);
    if (offset <= from) return;
    this.logger.error("events are given up by an operator's word (--skip-to): they count as lost", {
      bus: name,
      from,
      to: offset,
    });
    const { skipped, orders } = this.unread;
    this.unread = { ...this.unread, skipped: skipped + offset - from };
    if (operator !== undefined) {
      const order = { who: operator, atMs: nowMs, action: "--skip-to", detail: `${name}=${offset}` };
      const result = `${counted(offset - from, "event")} given up`;
      this.unread = { ...this.unread, orders: [...orders, [order, result]] };
    }
    this.addLost(offset - from);
    this.skipTo(number, { lineage: progress.lineage, next: positionAt(offset), offset }, 0);
  }

  /** Goes on where a lineage was left, as if it had been read by this partition all the time. @throws {StateError} */
  resume(number: number, lineage: string): void {
    const { nextOffset } = this.checkpoint.positionOfLog(lineage)!;
    const history = this.checkpoint.historyOf(lineage);
    const state = this.states[number]!;
    // With the event time that it had come to, which the next step replaces.
    this.checkpoint.leave(number, busPosition(state.name, state.progress));
    this.checkpoint.takeOver(number, lineage);
    this.wake(number);
    state.progress = { lineage, position: positionAt(nextOffset), history };
    this.hasMoved = true;
  }

  /** The addresses of two partitions have been exchanged: each goes on where the other one was, as if it had been read under this name. */
  exchange(number: number, other: number): void {
    const [one, two] = [this.states[number]!, this.states[other]!];
    this.logger.warn("two buses have exchanged their addresses: each goes on where its log was left", {
      bus: one.name,
      other: two.name,
    });
    this.checkpoint.exchange(number, other);
    [one.progress, two.progress] = [two.progress, one.progress];
    [one.committed, two.committed] = [two.committed, one.committed];
    for (const state of [one, two]) void state.partition?.committed(state.committed);
    this.wake(number);
    this.wake(other);
    this.hasMoved = true;
  }

  /** It has something to read, or may have. */
  wake(number: number): void {
    this.states[number]!.idleMs = 0;
    this.watermark.setIdle(number, false);
  }

  /** An empty read has taken `elapsedMs`; after `timeoutMs` of such reads it holds the others back no longer. */
  wasIdleFor(number: number, elapsedMs: number, timeoutMs: number): void {
    const state = this.states[number]!;
    state.idleMs += elapsedMs;
    if (state.idleMs >= timeoutMs) this.watermark.setIdle(number, true);
  }

  private countLost(number: number, lost: number): void {
    if (lost === 0) return;
    this.logger.error("events were trimmed from the bus before they were fetched: they are lost", {
      bus: this.states[number]!.name,
      events: lost,
      in_all: this.lostEvents + lost,
    });
    this.addLost(lost);
  }

  /** A bus may say that its log begins at the greatest offset there is, again and again. */
  private addLost(lost: number): void {
    const { unread } = this;
    const most = Number.MAX_SAFE_INTEGER - this.checkpoint.counters.lost;
    this.unread = { ...unread, lost: Math.min(unread.lost + lost, most) };
  }

  private moveTo(number: number, { lineage, next }: Landing, history: LogHistory): void {
    const state = this.states[number]!;
    const { name, progress } = state;
    if (lineage !== progress.lineage) this.checkpoint.leave(number, busPosition(name, progress));
    state.progress = { lineage, position: next, history };
    this.hasMoved = true;
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

/** A position as the state keeps it. */
function positionAt(offset: number | undefined): Position | undefined {
  return offset === undefined ? undefined : `${offset}`;
}

function busPosition(name: string, { lineage, position }: Progress): BusPosition {
  return { name, log: lineage, nextOffset: position === undefined ? undefined : Number(position) };
}
