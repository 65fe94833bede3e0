import type { ReadableSink } from "../contract/sink.ts";
import type { StateDatabase } from "../state/file/state_database.ts";
import { readRedeliveries } from "../state/outbox/redelivery.ts";
import { proofOf, type SinkProof } from "./proof.ts";
import { isSameStanding, standingOf } from "./sink_standing.ts";
import type { Span } from "./span.ts";
import { type TierProof, verifyTiers } from "./tier_verification.ts";
import { compareWindows, type OnWindow } from "./window_comparison.ts";

const SHOWN_DIFFERENCES = 20;

/** Verifies a sink. A sink that is removed or added again while it is read is read once more. */
export async function verifySettledSink(
  ...[state, sink, span, signal, onWindow]: Parameters<typeof verifySink>
): Promise<SinkProof> {
  const sinceId = () => standingOf(state, sink.id)?.sink.sinceId;
  for (;;) {
    const begun = sinceId();
    const proof = await verifySink(state, sink, span, signal, onWindow);
    if (proof.difference_count === 0 || sinceId() === begun) return proof;
  }
}

async function verifySink(
  state: StateDatabase,
  sink: ReadableSink,
  span: Span,
  signal: AbortSignal,
  onWindow?: OnWindow,
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
  const compared = await compareWindows(state, sink, begun.sink, span, signal, onWindow);
  compared.differences.forEach(differ);
  for (const flaw of await sink.readBack.flaws?.(state.instanceId, span.sinceMs, mayRepeat, signal) ?? []) {
    differ(flaw);
  }
  const { waitingEvents } = compared;

  const totals = {
    expectedEvents: null as number | null,
    foundEvents: null as number | null,
    refusedEvents: 0,
    tiers: [] as readonly TierProof[],
  };
  if (span.sinceMs === -Infinity && span.untilMs === Infinity) {
    const found = await sumOfAll(state.instanceId, sink, signal);
    let ended = standingOf(state, sink.id) ?? begun;
    let least = begun.sink.routedCount - waitingEvents - begun.refusedEvents;
    let most = least;
    if (found > most && isSameStanding(begun, ended)) {
      // Since the windows were compared, more may have been written that is in no checkpoint yet.
      const since = await compareWindows(state, sink, begun.sink, span, signal);
      ended = standingOf(state, sink.id) ?? begun;
      most = begun.sink.routedCount - since.waitingEvents - begun.refusedEvents;
    }
    if (!isSameStanding(begun, ended)) {
      least = begun.sink.routedCount - compared.undeliveredEvents -
        Math.max(begun.refusedEvents, ended.refusedEvents);
      most = ended.sink.routedCount - ended.refusedEvents;
    }
    // Rows that were given up may have been written, where only the answer was lost.
    const expected = Math.min(Math.max(found, least), most + ended.sink.givenUpCount);
    if (expected !== found) differ(sumDifference(ended.sink.routedCount, expected, found));
    const { tiers, differences } = await verifyTiers(sink, state.instanceId, begun, {
      undelivered: compared.undeliveredByLength,
      deleted,
      after: () => standingOf(state, sink.id) ?? begun,
    }, signal);
    differences.forEach(differ);
    Object.assign(totals, {
      tiers,
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

/**
 * Events in the existing rows and in those that were deleted for their age. The sum is repeated where rows
 * are deleted meanwhile.
 */
export async function sumOfAll(instance: string, sink: ReadableSink, signal: AbortSignal): Promise<number> {
  for (;;) {
    const before = (await sink.readBack.deleted?.(instance, signal))?.events ?? 0;
    const sum = await sink.readBack.sumOfCounts(instance, -Infinity, signal);
    if (((await sink.readBack.deleted?.(instance, signal))?.events ?? 0) === before) return sum + before;
  }
}

/** Says how the sum over all rows differs. @param routed Events that were routed to the sink. */
export function sumDifference(routed: number, expected: number, found: number): string {
  const direction = found < expected ? "are missing" : "are too many";
  return `its rows should stand for ${expected} events in all and stand for ${found}: ` +
    `${Math.abs(found - expected)} ${direction}. Rows deleted by retention, or written ` +
    "by an earlier state of this instance, show up here: prove the rest, since a later time. " +
    `(${routed} events were routed to it.)`;
}
