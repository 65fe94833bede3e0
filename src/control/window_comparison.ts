import { type Aggregate, describeSeries } from "../aggregation/aggregate.ts";
import { lengthOf } from "../aggregation/tier.ts";
import { addTo } from "../state/outbox/sink_tiers.ts";
import type { ReadableSink } from "../contract/sink.ts";
import { Books } from "../state/checkpoint/books.ts";
import type { StateDatabase } from "../state/file/state_database.ts";
import { type ExpectedWindow, rowKey, type WindowKey } from "../state/outbox/expected_rows.ts";
import type { RegisteredSink } from "../state/outbox/registered_sink.ts";
import type { Span } from "./span.ts";

/** Called after each window, with the number of windows compared so far; what it returns is waited for. */
export type OnWindow = (compared: number) => void | Promise<void>;

/** Compares all windows that the archive still has with the rows of a sink. */
export async function compareWindows(
  state: StateDatabase,
  sink: ReadableSink,
  registered: RegisteredSink,
  span: Span,
  signal: AbortSignal,
  onWindow: OnWindow = () => {},
) {
  const differences: string[] = [];
  let waitingEvents = 0;
  let undeliveredEvents = 0;
  const undeliveredByLength = new Map<number, number>();
  let windowsCompared = 0;
  let rowsCompared = 0;
  for (const window of state.snapshot(() => new Books(state).windows(span.sinceMs, span.untilMs))) {
    const expected = expectedOf(state, registered, window);
    if (!expected) continue;
    const found = new Map(
      (await sink.readBack.rowsOfWindow(state.instanceId, window.startMs, window.endMs, signal))
        .map((row) => [rowKey(row), row]),
    );
    // The deletions are read after the rows, so that those during the reading are included.
    const deleted = await sink.readBack.deleted?.(state.instanceId, signal);
    const mayLack = window.startMs < (deleted?.beforeMs ?? -Infinity);
    let comparison = compareWindow(window, expected, found, mayLack);
    if (comparison.differences.length > 0) {
      // A running handler may have closed, delivered and archived more between the two reads.
      const later = expectedOf(state, registered, window);
      if (!later) continue;
      comparison = compareWindow(window, joined(expected, later), found, mayLack);
    }
    for (const difference of comparison.differences) differences.push(difference);
    waitingEvents += comparison.waitingEvents;
    undeliveredEvents += undeliveredIn(expected);
    addTo(undeliveredByLength, lengthOf(window), undeliveredIn(expected));
    // Where routes go by the lengths of windows, a sink gets nothing of others.
    if (expected.delivered.size + expected.waiting.size + found.size > 0) windowsCompared++;
    rowsCompared += found.size;
    await onWindow(windowsCompared);
  }
  return {
    differences,
    waitingEvents,
    undeliveredEvents,
    undeliveredByLength,
    windowsCompared,
    rowsCompared,
  };
}

/** The rows that a window must have; undefined: the archive has deleted it since it was listed. */
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

/** The rows that a window may have when it is read between the moments of `before` and `after`. */
function joined(before: ExpectedWindow, after: ExpectedWindow): ExpectedWindow {
  const waiting = new Map(before.waiting);
  for (const [key, row] of after.delivered) waiting.set(key, [...waiting.get(key) ?? [], row]);
  for (const [key, rows] of after.waiting) waiting.set(key, [...waiting.get(key) ?? [], ...rows]);
  return { delivered: before.delivered, waiting, givenUp: after.givenUp };
}

/** Events that are not delivered, by the state alone. */
export function undeliveredIn({ delivered, waiting }: ExpectedWindow): number {
  let events = 0;
  for (const [key, revisions] of waiting) {
    events += Math.max(0, revisions.at(-1)!.count - (delivered.get(key)?.count ?? 0));
  }
  return events;
}

interface Comparison {
  readonly differences: readonly string[];
  /** Events that the sink does not have yet because they wait in the outbox. */
  readonly waitingEvents: number;
}

/** Compares a window row by row. @param mayLack Whether the sink may have deleted rows of the window. */
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
    // The row is written, but the cursor is not saved yet.
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
