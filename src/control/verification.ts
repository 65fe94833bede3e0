import { type Aggregate, describeSeries } from "../aggregation/aggregate.ts";
import { type DeletedRows, type ReadableSink, SinkError, type SinkErrorKind } from "../contract/sink.ts";
import { Books } from "../state/checkpoint/books.ts";
import { type ExpectedWindow, rowKey, type WindowKey } from "../state/outbox/expected_rows.ts";
import { readBookEntries } from "../state/checkpoint/book_entries.ts";
import { DOUBTFUL_ENTRY, keptDeadLetters, type Loss, readLosses } from "../state/outbox/losses.ts";
import { readRedeliveries } from "../state/outbox/redelivery.ts";
import type { RegisteredSink } from "../state/outbox/sink_registry.ts";
import type { StateDatabase } from "../state/file/state_database.ts";

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
  /** Events in rows that the sink has deleted for their age; they are among `found_events`. */
  readonly deleted_events: number;
  /** Of windows that start before, Unix seconds, only the sum is proven; null: of none. */
  readonly rows_since: number | null;
  /** The first of them, each a sentence. */
  readonly differences: readonly string[];
  readonly difference_count: number;
  /** Why it could not be read to its end, so that nothing is said of it; null: it was. */
  readonly failure: { readonly kind: SinkErrorKind; readonly message: string } | null;
}

/** The windows to compare, by their start; Unix ms, `untilMs` not included. All of them: the sum over all rows as well. */
export interface Span {
  readonly sinceMs: number;
  readonly untilMs: number;
}

export const ALL_WINDOWS: Span = { sinceMs: -Infinity, untilMs: Infinity };

export interface Proof {
  /** False also where a sink could not be read. */
  readonly proven: boolean;
  /** What does not add up within the state. */
  readonly state_faults: readonly string[];
  readonly sinks: readonly SinkProof[];
  /** All that was ever dropped, for whatever reason; empty: nothing was. */
  readonly losses: readonly Loss[];
  /** Events that a restored bus has given again, of which nobody can tell whether they are the same. */
  readonly perhaps_counted_twice: number;
  /** Their sum. */
  readonly lost: number;
  /** Refused events and aggregates that are kept as dead letters. */
  readonly kept_letters: number;
}

const SHOWN_DIFFERENCES = 20;

/**
 * Proves the books: within the state, and against the rows of each sink that can be read. The state is read as of its last
 * checkpoint; with a handler at work a sink may be ahead of it by what is counted as waiting. A sink that cannot be read does
 * not keep the others from being proven.
 *
 * @throws {StateError} The state cannot be read. @throws The signal's reason, when it fires.
 */
export async function verify(
  state: StateDatabase,
  sinks: readonly ReadableSink[],
  span: Span,
  signal: AbortSignal,
): Promise<Proof> {
  const proofs: SinkProof[] = [];
  const { faults, losses, doubtful, keptCount } = state.snapshot(() => ({
    faults: new Books(state).faults(),
    losses: readLosses(state),
    doubtful: readBookEntries(state).get(DOUBTFUL_ENTRY) ?? 0,
    keptCount: [...keptDeadLetters(state).values()].reduce((sum, deadLetters) => sum + deadLetters, 0),
  }));
  for (const sink of sinks) {
    try {
      proofs.push(await verifySettledSink(state, sink, span, signal));
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SinkError)) throw error;
      const { kind, message } = error;
      proofs.push(proofOf(sink.id, { differences: [], differenceCount: 0, failure: { kind, message } }));
    }
  }
  return {
    proven: faults.length === 0 &&
      proofs.every((proof) => proof.difference_count === 0 && proof.failure === null),
    state_faults: faults,
    sinks: proofs,
    losses,
    perhaps_counted_twice: doubtful,
    lost: losses.reduce((sum, { count }) => sum + count, 0),
    kept_letters: keptCount,
  };
}

/** A sink that goes or comes back while it is read is read anew. */
async function verifySettledSink(
  ...[state, sink, span, signal]: Parameters<typeof verifySink>
): Promise<SinkProof> {
  const sinceId = () => standingOf(state, sink.id)?.sink.sinceId;
  for (;;) {
    const begun = sinceId();
    const proof = await verifySink(state, sink, span, signal);
    if (proof.difference_count === 0 || sinceId() === begun) return proof;
  }
}

async function verifySink(
  state: StateDatabase,
  sink: ReadableSink,
  span: Span,
  signal: AbortSignal,
): Promise<SinkProof> {
  const differences: string[] = [];
  let differenceCount = 0;
  const differ = (text: string) => {
    if (differenceCount++ < SHOWN_DIFFERENCES) differences.push(text);
  };
  const begun = standingOf(state, sink.id);
  if (!begun) {
    differ("the state knows no such sink: the handler has not run with it yet");
    return proofOf(sink.id, { differences, differenceCount });
  }

  const again = state.snapshot(() => readRedeliveries(state)).filter((request) => request.sink === sink.id);
  const mayRepeat = (startMs: number) =>
    again.some((request) => startMs >= request.sinceMs && startMs < request.untilMs);
  const deleted = await sink.readBack.deleted?.(state.instanceId, signal);
  const compared = await compareWindows(state, sink, begun.sink, span, signal);
  compared.differences.forEach(differ);
  for (const flaw of await sink.readBack.flaws?.(state.instanceId, span.sinceMs, mayRepeat, signal) ?? []) {
    differ(flaw);
  }
  const { waitingEvents } = compared;

  const totals = {
    expectedEvents: null as number | null,
    foundEvents: null as number | null,
    refusedEvents: 0,
  };
  if (span.sinceMs === -Infinity && span.untilMs === Infinity) {
    const found = await sumOfAll(state.instanceId, sink, signal);
    let ended = standingOf(state, sink.id) ?? begun;
    let least = begun.sink.routedCount - waitingEvents - begun.refusedEvents;
    let most = least;
    if (found > most && isSameStanding(begun, ended)) {
      // More may have been written since the windows were compared, without a checkpoint that says so yet.
      const since = await compareWindows(state, sink, begun.sink, span, signal);
      ended = standingOf(state, sink.id) ?? begun;
      most = begun.sink.routedCount - since.waitingEvents - begun.refusedEvents;
    }
    if (!isSameStanding(begun, ended)) {
      least = begun.sink.routedCount - compared.undeliveredEvents -
        Math.max(begun.refusedEvents, ended.refusedEvents);
      most = ended.sink.routedCount - ended.refusedEvents;
    }
    // What was given up while only its answer was missing may be there.
    const expected = Math.min(Math.max(found, least), most + ended.sink.givenUpCount);
    if (expected !== found) differ(sumDifference(ended.sink, expected, found));
    Object.assign(totals, {
      expectedEvents: expected,
      foundEvents: found,
      refusedEvents: ended.refusedEvents,
    });
  }
  return proofOf(sink.id, {
    ...totals,
    waitingEvents,
    windowsCompared: compared.windowsCompared,
    rowsCompared: compared.rowsCompared,
    deleted,
    differences,
    differenceCount,
  });
}

/** Events in the rows there are, and in those that were deleted for their age. Where some are deleted meanwhile, it is taken anew. */
async function sumOfAll(instance: string, sink: ReadableSink, signal: AbortSignal): Promise<number> {
  for (;;) {
    const before = (await sink.readBack.deleted?.(instance, signal))?.events ?? 0;
    const sum = await sink.readBack.sumOfCounts(instance, -Infinity, signal);
    if (((await sink.readBack.deleted?.(instance, signal))?.events ?? 0) === before) return sum + before;
  }
}

/** All windows that the archive still has, against the rows of a sink. */
async function compareWindows(
  state: StateDatabase,
  sink: ReadableSink,
  registered: RegisteredSink,
  span: Span,
  signal: AbortSignal,
) {
  const differences: string[] = [];
  let waitingEvents = 0;
  let undeliveredEvents = 0;
  let windowsCompared = 0;
  let rowsCompared = 0;
  for (const window of state.snapshot(() => new Books(state).windows(span.sinceMs, span.untilMs))) {
    const expected = expectedOf(state, registered, window);
    if (!expected) continue;
    const found = new Map(
      (await sink.readBack.rowsOfWindow(state.instanceId, window.startMs, window.endMs, signal))
        .map((row) => [rowKey(row), row]),
    );
    // Asked for after the rows: what was deleted while they were read is known then.
    const deleted = await sink.readBack.deleted?.(state.instanceId, signal);
    const mayLack = window.startMs < (deleted?.beforeMs ?? -Infinity);
    let comparison = compareWindow(window, expected, found, mayLack);
    if (comparison.differences.length > 0) {
      // A handler at work may have closed, delivered and archived more between the two looks.
      const later = expectedOf(state, registered, window);
      if (!later) continue;
      comparison = compareWindow(window, joined(expected, later), found, mayLack);
    }
    for (const difference of comparison.differences) differences.push(difference);
    waitingEvents += comparison.waitingEvents;
    undeliveredEvents += undeliveredIn(expected);
    windowsCompared++;
    rowsCompared += found.size;
  }
  return { differences, waitingEvents, undeliveredEvents, windowsCompared, rowsCompared };
}

/** How far a sink has come, at one moment. */
interface Standing {
  readonly sink: RegisteredSink;
  readonly refusedEvents: number;
  readonly outboxEndId: number;
}

function standingOf(state: StateDatabase, name: string): Standing | undefined {
  return state.snapshot(() => {
    const books = new Books(state);
    const sink = [...books.sinks, ...books.absentSinks].find((candidate) => candidate.name === name);
    if (!sink) return undefined;
    const { kept, purged } = books.refusedEvents(sink);
    return { sink, refusedEvents: kept + purged, outboxEndId: books.outboxEndId };
  });
}

function isSameStanding(a: Standing, b: Standing): boolean {
  return a.sink.cursor === b.sink.cursor && a.sink.routedCount === b.sink.routedCount &&
    a.refusedEvents === b.refusedEvents && a.outboxEndId === b.outboxEndId;
}

/** What a window must hold; undefined when the archive has let go of it since it was listed. */
function expectedOf(
  state: StateDatabase,
  sink: RegisteredSink,
  window: WindowKey,
): ExpectedWindow | undefined {
  return state.snapshot(() => {
    const books = new Books(state);
    return books.holds(window) ? books.expected(sink, window) : undefined;
  });
}

/** What a window may hold that is read between two moments. */
function joined(before: ExpectedWindow, after: ExpectedWindow): ExpectedWindow {
  const waiting = new Map(before.waiting);
  for (const [key, row] of after.delivered) waiting.set(key, [...waiting.get(key) ?? [], row]);
  for (const [key, rows] of after.waiting) waiting.set(key, [...waiting.get(key) ?? [], ...rows]);
  return { delivered: before.delivered, waiting, givenUp: after.givenUp };
}

/** Events that by the state alone have not been delivered. */
function undeliveredIn({ delivered, waiting }: ExpectedWindow): number {
  let events = 0;
  for (const [key, revisions] of waiting) {
    events += Math.max(0, revisions.at(-1)!.count - (delivered.get(key)?.count ?? 0));
  }
  return events;
}

function sumDifference(sink: RegisteredSink, expected: number, found: number): string {
  const direction = found < expected ? "are missing" : "are too many";
  return `its rows should stand for ${expected} events in all and stand for ${found}: ${
    Math.abs(found - expected)
  } ${direction}. Rows deleted by retention, or written by an earlier state of this instance, show up here: ` +
    `prove the rest with --since. (${sink.routedCount} events were routed to it.)`;
}

interface Comparison {
  readonly differences: readonly string[];
  /** Events that the sink does not hold yet because they wait in the outbox. */
  readonly waitingEvents: number;
}

/** Compares row by row. @param mayLack Whether the sink has deleted rows of the window. */
function compareWindow(
  window: WindowKey,
  expected: ExpectedWindow,
  found: ReadonlyMap<string, Aggregate>,
  mayLack: boolean,
): Comparison {
  const differences: string[] = [];
  let waitingEvents = 0;
  const at = `window ${new Date(window.startMs).toISOString()} + ${(window.endMs - window.startMs) / 1000} s`;
  for (const key of new Set([...expected.delivered.keys(), ...expected.waiting.keys(), ...found.keys()])) {
    const row = found.get(key);
    const waiting = expected.waiting.get(key) ?? [];
    // Written, though the cursor that says so is not saved yet.
    const ahead = [...waiting, ...expected.givenUp.get(key) ?? []]
      .find((revision) => revision.revision === row?.revision);
    const should = ahead ?? expected.delivered.get(key);
    waitingEvents += Math.max(0, (waiting.at(-1)?.count ?? 0) - (should?.count ?? 0));
    if (!should && row) differences.push(`${at}: ${describe(row)}, is there and should not be`);
    else if (should && !row && !mayLack) differences.push(`${at}: ${describe(should)}, is missing`);
    else if (should && row && !isSame(should, row)) {
      differences.push(`${at}: ${describe(row)}, should be ${describe(should)}`);
    }
  }
  return { differences, waitingEvents };
}

function isSame(a: Aggregate, b: Aggregate): boolean {
  return a.value === b.value && a.count === b.count && a.revision === b.revision;
}

function describe(row: Aggregate): string {
  return `${describeSeries(row)} = ${row.value} of ${row.count} events, revision ${row.revision}`;
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
    deleted?: DeletedRows | undefined;
    differences: readonly string[];
    differenceCount: number;
    failure?: SinkProof["failure"];
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
    deleted_events: found.deleted?.events ?? 0,
    rows_since: found.deleted === undefined ? null : found.deleted.beforeMs / 1000,
    differences: found.differences,
    difference_count: found.differenceCount,
    failure: found.failure ?? null,
  };
}
