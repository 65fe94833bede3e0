import type { Aggregate } from "../aggregation/aggregate.ts";
import type { ProvableSink } from "../sinks/sink.ts";
import { Books } from "../store/books.ts";
import { type ExpectedWindow, rowKey, type WindowKey } from "../store/expected_rows.ts";
import type { RegisteredSink } from "../store/sink_registry.ts";
import type { StateDatabase } from "../store/state_database.ts";

/** The proof of one sink. Counts are of events, rows of aggregates. */
export interface SinkProof {
  readonly sink: string;
  /** Events that the sink's rows must stand for, and do stand for; null when not summed up (`--since`). */
  readonly expected_events: number | null;
  readonly found_events: number | null;
  /** Events that are still on their way to it, or that it refused. */
  readonly waiting_events: number;
  readonly refused_events: number;
  readonly windows_compared: number;
  readonly rows_compared: number;
  /** The first of them, each a sentence. */
  readonly differences: readonly string[];
  readonly difference_count: number;
}

export interface Proof {
  readonly proven: boolean;
  /** What does not add up within the state. */
  readonly state_faults: readonly string[];
  readonly sinks: readonly SinkProof[];
}

const SHOWN_DIFFERENCES = 20;

/**
 * Proves the books: within the state, and against the rows of each sink that can be read. The state is read as of its last
 * checkpoint; with a handler at work a sink may be ahead of it by what is counted as waiting.
 *
 * @param sinceMs Only windows that start then or later; -Infinity: all, and the sum over all rows as well.
 * @throws {StateError} The state cannot be read. @throws {SinkError} A sink cannot be read.
 */
export async function verify(
  state: StateDatabase,
  sinks: readonly ProvableSink[],
  sinceMs: number,
  signal: AbortSignal,
): Promise<Proof> {
  const proofs: SinkProof[] = [];
  const faults = state.snapshot(() => new Books(state).faults());
  for (const sink of sinks) proofs.push(await verifySink(state, sink, sinceMs, signal));
  return {
    proven: faults.length === 0 && proofs.every((proof) => proof.difference_count === 0),
    state_faults: faults,
    sinks: proofs,
  };
}

async function verifySink(
  state: StateDatabase,
  sink: ProvableSink,
  sinceMs: number,
  signal: AbortSignal,
): Promise<SinkProof> {
  const differences: string[] = [];
  let differenceCount = 0;
  const differ = (text: string) => {
    if (differenceCount++ < SHOWN_DIFFERENCES) differences.push(text);
  };
  const books = state.snapshot(() => new Books(state));
  const registered = books.sinks.find((candidate) => candidate.name === sink.name);
  if (!registered) {
    differ("the state knows no such sink: the handler has not run with it yet");
    return proofOf(sink.name, { differences, differenceCount });
  }

  let waitingEvents = 0;
  let rowsCompared = 0;
  const windows = state.snapshot(() => books.windows(sinceMs));
  for (const window of windows) {
    const expected = state.snapshot(() => books.expected(registered, window));
    const found = new Map(
      (await sink.rowsOfWindow(state.instanceId, window.startMs, window.endMs, signal))
        .map((row) => [rowKey(row.name, row.aggFunc), row]),
    );
    rowsCompared += found.size;
    waitingEvents += compareWindow(window, expected, found, differ);
  }

  const totals = {
    expectedEvents: null as number | null,
    foundEvents: null as number | null,
    refusedEvents: 0,
  };
  if (sinceMs === -Infinity) {
    totals.refusedEvents = state.snapshot(() => books.refusedEvents(registered));
    totals.expectedEvents = registered.routedCount - waitingEvents - totals.refusedEvents;
    totals.foundEvents = await sink.sumOfCounts(state.instanceId, -Infinity, signal);
    if (totals.expectedEvents !== totals.foundEvents) {
      differ(sumDifference(registered, totals.expectedEvents, totals.foundEvents));
    }
  }
  return proofOf(sink.name, {
    ...totals,
    waitingEvents,
    windowsCompared: windows.length,
    rowsCompared,
    differences,
    differenceCount,
  });
}

function sumDifference(sink: RegisteredSink, expected: number, found: number): string {
  const direction = found < expected ? "are missing" : "are too many";
  return `its rows should stand for ${expected} events in all and stand for ${found}: ${
    Math.abs(found - expected)
  } ${direction}. Rows deleted by retention, or written by an earlier state of this instance, show up here: ` +
    `prove the rest with --since. (${sink.routedCount} events were routed to it.)`;
}

/** Compares row by row; returns the events that the sink does not hold yet because they wait in the outbox. */
function compareWindow(
  window: WindowKey,
  expected: ExpectedWindow,
  found: ReadonlyMap<string, Aggregate>,
  differ: (text: string) => void,
): number {
  let waitingEvents = 0;
  const at = `window ${new Date(window.startMs).toISOString()} + ${(window.endMs - window.startMs) / 1000} s`;
  for (const key of new Set([...expected.delivered.keys(), ...expected.waiting.keys(), ...found.keys()])) {
    const row = found.get(key);
    const waiting = expected.waiting.get(key) ?? [];
    // Written, though the cursor that says so is not saved yet.
    const ahead = waiting.find((revision) => revision.revision === row?.revision);
    const should = ahead ?? expected.delivered.get(key);
    waitingEvents += Math.max(0, (waiting.at(-1)?.count ?? 0) - (should?.count ?? 0));
    if (!should && row) differ(`${at}: ${describe(row)} is there and should not be`);
    else if (should && !row) differ(`${at}: ${describe(should)} is missing`);
    else if (should && row && !isSame(should, row)) {
      differ(`${at}: ${describe(row)} should be ${describe(should)}`);
    }
  }
  return waitingEvents;
}

function isSame(a: Aggregate, b: Aggregate): boolean {
  return a.value === b.value && a.count === b.count && a.revision === b.revision;
}

function describe({ name, aggFunc, value, count, revision }: Aggregate): string {
  return `${aggFunc}(${JSON.stringify(name)}) = ${value} of ${count} events, revision ${revision},`;
}

function proofOf(
  sink: string,
  found: {
    expectedEvents?: number | null;
    foundEvents?: number | null;
    waitingEvents?: number;
    refusedEvents?: number;
    windowsCompared?: number;
    rowsCompared?: number;
    differences: readonly string[];
    differenceCount: number;
  },
): SinkProof {
  return {
    sink,
    expected_events: found.expectedEvents ?? null,
    found_events: found.foundEvents ?? null,
    waiting_events: found.waitingEvents ?? 0,
    refused_events: found.refusedEvents ?? 0,
    windows_compared: found.windowsCompared ?? 0,
    rows_compared: found.rowsCompared ?? 0,
    differences: found.differences,
    difference_count: found.differenceCount,
  };
}
