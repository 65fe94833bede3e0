import assert from "node:assert/strict";
import type { Tier } from "../../src/aggregation/tier.ts";
import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import { FunctionRules } from "../../src/aggregation/function_rules.ts";
import { EventAggregator } from "../../src/aggregation/event_aggregator.ts";
import { LogHistory } from "../../src/event/log_history.ts";
import { readBookEntries } from "../../src/state/checkpoint/book_entries.ts";
import { Checkpoint } from "../../src/state/checkpoint/checkpoint.ts";
import type { CheckpointInput } from "../../src/state/checkpoint/checkpoint_input.ts";
import type { DeadLetter, DeadLetterRequest } from "../../src/state/letters/dead_letters.ts";
import { DEAD_LETTER_BOUND, type DeadLetterBound } from "../../src/state/letters/dead_letter_bound.ts";
import { OutboxLog } from "../../src/state/outbox/outbox_log.ts";
import { SinkRegistry } from "../../src/state/outbox/sink_registry.ts";
import { StateDatabase } from "../../src/state/file/state_database.ts";
import type { NameRoutes } from "../../src/state/checkpoint/route_table.ts";
import { WindowCloser } from "../../src/state/checkpoint/window_closer.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { scanReply } from "../../src/codec/reply_scanner.ts";

const NOW_MS = 10_000_000;

export interface InsideOptions {
  rejectedMax?: number;
  windowSizeMs?: number;
  /** Instead of `windowSizeMs`. */
  tiers?: readonly Tier[];
  horizonMs?: number;
  /** The names of the sources, `bus` alone if nothing is said. */
  sources?: readonly string[];
  sinks?: string[];
  forget?: string[];
  router?: NameRoutes;
  dedupMaxIds?: number;
  maxSeries?: number;
  deadLetterBound?: DeadLetterBound;
  /** Rows of closing windows that are made in one step. */
  rowsAStep?: number;
}

/** The core of a handler without its surroundings: state, aggregator and checkpoint on a directory. */
export class Inside {
  readonly state: StateDatabase;
  readonly aggregator: EventAggregator;
  readonly outbox: OutboxLog;
  readonly registry: SinkRegistry;
  readonly checkpoint: Checkpoint;
  readonly sources: readonly string[];
  offset: number;

  constructor(directory: string, options: InsideOptions = {}) {
    this.sources = options.sources ?? ["bus"];
    const horizonMs = options.horizonMs ?? 1e9;
    const dedupMaxIds = options.dedupMaxIds ?? 0;
    const lengthMs = options.windowSizeMs ?? 1000;
    const tiers = options.tiers ?? [{ lengthMs, hopMs: lengthMs }];
    this.state = StateDatabase.open({ directory, instanceId: "test" });
    this.aggregator = new EventAggregator({
      sourceCount: this.sources.length,
      tiers,
      allowedLatenessMs: 500,
      correctionHorizonMs: horizonMs,
      maxFutureSkewMs: 0,
      maxSeries: options.maxSeries ?? 1000,
      functions: FunctionRules.default,
      hashKey: [1, 2],
      dedupMaxIds,
    });
    const endId = readBookEntries(this.state).get("outbox_end_id") ?? 0;
    const sinks = options.sinks ?? ["all"];
    try {
      this.registry = SinkRegistry.open(
        this.state,
        endId,
        sinks.map((id) => ({ id, kind: "toy" })),
        options.forget ?? [],
        NOW_MS,
      );
    } catch (error) {
      this.state.close();
      throw error;
    }
    this.outbox = new OutboxLog(this.state, this.registry, endId, () => NOW_MS, options.rejectedMax);
    const router = options.router ?? { always: sinks, sinksFor: () => sinks };
    this.checkpoint = new Checkpoint(
      this.state,
      this.aggregator,
      this.registry,
      this.outbox,
      new WindowCloser(this.state, this.registry, { ofLength: () => router }, options.rowsAStep),
      {
        correctionHorizonMs: horizonMs,
        dedupMaxIds,
        longestWindowMs: Math.max(...tiers.map(({ lengthMs }) => lengthMs)),
        settings: new Map(),
        deadLetterBound: options.deadLetterBound ?? DEAD_LETTER_BOUND,
      },
    );
    this.offset = Number(this.checkpoint.restore(this.sources, NOW_MS)[0]!.position ?? 0);
  }

  take(events: readonly unknown[], source = 0): void {
    const next = this.offset + events.length;
    const batch = new EventBatch();
    scanReply(
      new TextEncoder().encode(JSON.stringify({ log: "L", offset: this.offset, next, events })),
      batch,
    );
    this.aggregator.aggregate(source, batch, NOW_MS, () => {});
    this.offset = next;
  }

  /** Writes a checkpoint, and returns what that returns. */
  save(closeAll = false, changes: Partial<CheckpointInput> = {}): number {
    return this.checkpoint.write({
      nowMs: NOW_MS,
      // The clock has been right for long.
      elapsedMs: 1e9,
      sources: this.sources,
      partitions: [{
        source: this.sources[0]!,
        partition: "",
        ordinal: 0,
        lineage: "L",
        position: `${this.offset}`,
        greatestMs: this.aggregator.watermark.greatestOf(0),
        hasGone: false,
        history: new LogHistory(),
      }],
      forgotten: [],
      closing: closeAll ? this.aggregator.windowsWhere(() => true) : this.aggregator.windowsToClose(),
      refused: [],
      lost: 0,
      skipped: 0,
      doubtful: 0,
      resets: 0,
      orders: [],
      settled: { requests: [], retried: [], refusedAgain: [], purged: [], reissued: [] },
      alarms: [],
      ...changes,
    });
  }

  /** Fulfils a request for dead letters as ingest would, those of events aside. */
  request(action: DeadLetterRequest["action"], deadLetters: readonly DeadLetter[]): number {
    const [reissued, purged] = action === "retry" ? [deadLetters, []] : [[], deadLetters.map(({ id }) => id)];
    return this.save(false, { settled: { requests: [], retried: [], refusedAgain: [], purged, reissued } });
  }

  /** Delivers what is in the outbox into a table keyed as a sink keys it. */
  deliver(table: Map<string, Aggregate>, sink = "all", most = 7): void {
    for (let from = this.outbox.cursor(sink);;) {
      const batch = this.outbox.read(sink, from, most);
      if (!batch) return;
      assert.equal(batch.firstId, from);
      assert.ok(batch.aggregates.length <= most);
      for (const aggregate of batch.aggregates) {
        const key = [aggregate.name, aggregate.aggFunc, aggregate.windowStartMs, aggregate.windowEndMs].join(
          "|",
        );
        const there = table.get(key);
        if (!there || there.revision < aggregate.revision) table.set(key, aggregate);
      }
      from = batch.nextId;
      this.outbox.advance(sink, from);
    }
  }
}

export function inTemporaryDirectory(work: (directory: string) => void): void {
  const directory = Deno.makeTempDirSync();
  try {
    work(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

export function withInside(work: (inside: Inside) => void, options: InsideOptions = {}): void {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, options);
    try {
      work(inside);
    } finally {
      inside.state.close();
    }
  });
}

/** The state alone. */
export function withState(work: (state: StateDatabase) => void): void {
  inTemporaryDirectory((directory) => {
    const state = StateDatabase.open({ directory, instanceId: "test" });
    try {
      work(state);
    } finally {
      state.close();
    }
  });
}
