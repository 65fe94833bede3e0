import assert from "node:assert/strict";
import type {
  Outcome,
  Partition,
  PartitionId,
  Progress,
  ReadRequest,
  Source,
  SourceContext,
} from "../../src/contract/source.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { LogHistory } from "../../src/event/log_history.ts";
import { type Clock, systemClock } from "../../src/platform/clock/clock.ts";
import { SILENT } from "../support/logs.ts";

const NEVER = new AbortController().signal;
const QUIET = SILENT;
/** Events that are asked for at once. */
export const LIMIT = 4;

/** Reads a partition as the product's reader does: each read begins where the last outcome has led to. */
export class Reading {
  progress: Progress = { lineage: undefined, position: undefined, history: new LogHistory() };
  readonly batch = new EventBatch();
  partition!: Partition;
  /** The present partitions of the source. */
  partitions: readonly Partition[] = [];

  private constructor(readonly source: Source) {}

  static async open(source: Source, from?: Progress, context: Partial<SourceContext> = {}): Promise<Reading> {
    const reading = new Reading(source);
    if (from !== undefined) reading.progress = from;
    const changed = (partitions: readonly Partition[]) => reading.partitions = partitions;
    reading.partitions = await source.open({ ...contextOf(reading.progress), changed, ...context }, NEVER);
    assert.equal(reading.partitions.length, 1);
    reading.partition = reading.partitions[0]!;
    return reading;
  }

  /** A reading of each partition, from its oldest event on. */
  static async openAll(source: Source): Promise<Reading[]> {
    const unread = { lineage: undefined, position: undefined, history: new LogHistory() };
    const partitions = await source.open(contextOf(unread), NEVER);
    return partitions.map((partition) => {
      const reading = new Reading(source);
      reading.partition = partition;
      return reading;
    });
  }

  /** A reading of another partition, from its oldest event on. */
  other(id: PartitionId): Reading {
    const reading = new Reading(this.source);
    reading.partition = this.partitions.find((partition) => partition.id === id)!;
    assert.ok(reading.partition, `there is no partition ${id}`);
    return reading;
  }

  /** Reads without moving on. */
  async look(request: Partial<ReadRequest> = {}, signal = NEVER): Promise<Outcome> {
    return await this.partition.read(
      this.progress,
      this.batch,
      { limit: LIMIT, waitMs: 0, isAfterRest: false, ...request },
      signal,
    );
  }

  /** Where the source needs a checkpoint before it can bring anything, there is one. */
  async read(request: Partial<ReadRequest> = {}, signal = NEVER): Promise<Outcome> {
    for (;;) {
      const outcome = await this.look(request, signal);
      this.goOn(outcome);
      if (outcome.kind !== "idle" || outcome.awaitsCommit !== true) return outcome;
      await this.partition.committed(this.progress);
    }
  }

  /** The names of all events up to the end, with the numbers of lost events between them. */
  async readAll(): Promise<(string | number)[]> {
    const all: (string | number)[] = [];
    for (;;) {
      const outcome = await this.read();
      if ("lost" in outcome && outcome.lost > 0) all.push(outcome.lost);
      if (outcome.kind === "idle") return all;
      if (outcome.kind === "events") {
        const names = namesOf(this.batch);
        assert.ok(this.batch.total > 0 && this.batch.total <= LIMIT, `${this.batch.total} of ${LIMIT}`);
        all.push(...names);
      }
    }
  }

  private goOn(outcome: Outcome): void {
    if (outcome.kind === "moved" || outcome.kind === "exchanged") assert.fail("nobody knows other lineages");
    const { lineage, next, offset } = outcome;
    const { progress } = this;
    const history = lineage === progress.lineage || progress.lineage === undefined
      ? progress.history
      : new LogHistory();
    if (outcome.kind === "events" && offset !== undefined) {
      history.note(this.batch, offset - this.batch.total);
    } else if (offset !== undefined) history.goOnAt(offset);
    this.progress = { lineage, position: next, history };
  }
}

function contextOf({ position }: Progress): SourceContext {
  return {
    resume: new Map(position === undefined ? [] : [["", position]]),
    changed: () => {},
    arrived: () => {},
    heardTime: () => {},
    withheld: () => {},
    mayReadAhead: () => true,
    lineages: { readerOf: () => undefined, isKnown: () => false },
    clock: systemClock as Clock,
    logger: QUIET,
  };
}

/** The names of the valid events of a batch, in their order. */
export function namesOf(batch: EventBatch): string[] {
  return Array.from({ length: batch.count }, (_, i) => {
    const [start, length] = [batch.nameStart[i]!, batch.nameLength[i]!];
    const bytes = start >= 0
      ? batch.bytes.subarray(start, start + length)
      : batch.extra.subarray(~start, ~start + length);
    return new TextDecoder().decode(bytes);
  });
}

/** The names from e`from` to e`to`, without the latter. */
export function events(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `e${from + i}`);
}
