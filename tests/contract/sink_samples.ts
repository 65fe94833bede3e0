/** Samples, steps and checks for the tests of sinks. */
import assert from "node:assert/strict";
import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import { type OutboxBatch, type Sink, type SinkContext, SinkError } from "../../src/contract/sink.ts";
import type { TcpProxy } from "../support/tcp_proxy.ts";
import { SILENT } from "../support/logs.ts";

/** A backend of one kind that sinks write to, empty at first and used by one step alone. */
export interface SinkBackend {
  /** A new sink for this backend, not yet open. */
  createSink(instance: string): Sink;
  /** What a reader of the backend is left with for `instance`: each aggregate once, in any order. */
  read(instance: string): Promise<Aggregate[]>;
  /** A sink whose answers can be lost on the wire; undefined: there is no wire, or none that can be cut. */
  createWiredSink?(instance: string): { readonly sink: Sink; readonly wire: TcpProxy };
  remove(): Promise<void>;
}

export const NEVER = new AbortController().signal;
export const QUIET = SILENT;
export const CONTEXT: SinkContext = {
  stateId: "state-of-the-tests",
  cursor: 0,
  endId: 1_000_000,
  confirmed: { any: false, newest: [] },
  claimant: {
    boot: 1,
    life: "life-of-the-tests",
    startId: 1_000_000,
    objection: () => undefined,
    claimed: () => {},
    objectionToPosition: () => undefined,
  },
  alarm: ({ detail }) => assert.fail(detail),
  contradicted: () => {},
};

/** An ordinary aggregate, with the properties that a test cares about. */
export function aggregateOf(part: Partial<Aggregate> = {}): Aggregate {
  return {
    name: "boiler.temperature",
    aggFunc: "avg",
    value: 20.5,
    windowStartMs: 1_700_000_000_000,
    windowEndMs: 1_700_000_060_000,
    count: 3,
    revision: 0,
    ...part,
  };
}

/** The outbox's batch of these aggregates, with ids from `firstId` on. */
export function batchOf(aggregates: readonly Aggregate[], firstId = 0): OutboxBatch {
  return {
    firstId,
    nextId: firstId + aggregates.length,
    aggregates,
    ids: aggregates.map((_, index) => firstId + index),
  };
}

/** What is left of a log of records for a reader that keeps the highest revision of each aggregate. */
export function highestRevisions(log: readonly Aggregate[]): Aggregate[] {
  const highest = new Map<string, Aggregate>();
  for (const aggregate of log) {
    const key = keyOf(aggregate);
    if (aggregate.revision > (highest.get(key)?.revision ?? -1)) highest.set(key, aggregate);
  }
  return [...highest.values()];
}

/** Identifies an aggregate among those of an instance, whatever its revision. */
export function keyOf({ name, labels, aggFunc, windowStartMs, windowEndMs }: Aggregate): string {
  return JSON.stringify([name, labels, aggFunc, windowStartMs, windowEndMs]);
}

/** Passes when both hold the same aggregates, in whatever order. No backend tells -0 from 0. */
export function assertSameAggregates(actual: readonly Aggregate[], expected: readonly Aggregate[]): void {
  assert.deepEqual(normalised(actual), normalised(expected));
}

function normalised(aggregates: readonly Aggregate[]): Aggregate[] {
  return aggregates
    .map((aggregate) => ({ ...aggregate, value: aggregate.value + 0 }))
    .sort((a, b) => keyOf(a) < keyOf(b) ? -1 : 1);
}

/** A check for `assert.rejects`: a SinkError of this kind whose message fits. */
export function sinkError(kind: SinkError["kind"], message = /./): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof SinkError, `not a SinkError: ${error}`);
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, message);
    return true;
  };
}

/** A step of `t` with a sink, which is closed in the end; after that comes `cleanUp`. */
export function stepWith<S extends Sink>(
  t: Deno.TestContext,
  name: string,
  sink: S,
  test: (sink: S) => Promise<void>,
  cleanUp?: () => Promise<void>,
): Promise<boolean> {
  return t.step(name, async () => {
    try {
      await test(sink);
    } finally {
      await sink.close();
      await cleanUp?.();
    }
  });
}

/** Makes steps of `t`, each with a backend of its own and a sink for it. */
export function stepsOn<P extends SinkBackend>(
  t: Deno.TestContext,
  instance: string,
  createBackend: () => Promise<P>,
): (name: string, test: (sink: Sink, backend: P) => Promise<void>) => Promise<boolean> {
  return async (name, test) => {
    const backend = await createBackend();
    const sink = backend.createSink(instance);
    return await stepWith(t, name, sink, () => test(sink, backend), () => backend.remove());
  };
}
