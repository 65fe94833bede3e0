import type { ReadableSink } from "../contract/sink.ts";
import type { DeletedRows } from "../contract/read_back.ts";
import type { SinkStanding } from "./sink_standing.ts";

/** What the books have for a sink, by the length of windows in ms. */
export type TierStanding = Pick<SinkStanding, "routedByLength" | "refusedByLength"> & {
  readonly sink: Pick<SinkStanding["sink"], "routedCount" | "givenUpCount">;
};

/** The events in the rows of one tier. */
export interface TierProof {
  /** Length of its windows, seconds. */
  readonly window_seconds: number;
  readonly found_events: number;
  /** Whether these are the events that the books have for it. */
  readonly is_equal: boolean;
}

/** What is known of a sink beside its standing when its tiers are proven. */
export interface TierSurroundings {
  /** Events that the sink may not have yet, by the length of their windows in ms. */
  readonly undelivered: ReadonlyMap<number, number>;
  readonly deleted: DeletedRows | undefined;
  /** The standing after the rows were read. */
  readonly after: () => TierStanding | Promise<TierStanding>;
}

/**
 * Compares the sum over the rows of each tier with the books. Where nothing waits, and the sink has deleted
 * nothing for its age, the two must be equal. What was routed before schema 7 may be of any tier. With one
 * tier there is nothing to compare beside the sum over all rows.
 *
 * @returns What was found, and a sentence for each difference.
 */
export async function verifyTiers(
  sink: ReadableSink,
  instance: string,
  before: TierStanding,
  { undelivered, deleted, after }: TierSurroundings,
  signal: AbortSignal,
): Promise<{ readonly tiers: readonly TierProof[]; readonly differences: readonly string[] }> {
  const lengths = [...before.routedByLength.keys()];
  if (lengths.length < 2) return { tiers: [], differences: [] };
  const tiers: TierProof[] = [];
  const differences: string[] = [];
  for (const lengthMs of lengths) {
    const found = await sink.readBack.sumOfCounts(instance, -Infinity, signal, lengthMs);
    const { routed, refused } = amountsOf(before, lengthMs);
    const ended = await after();
    const now = amountsOf(ended, lengthMs);
    const least = routed - (undelivered.get(lengthMs) ?? 0) - Math.max(refused, now.refused) -
      (deleted?.events ?? 0);
    // Rows that were given up may have been written, where only the answer was lost.
    const most = now.routed - now.refused + ofNoLength(ended) + ended.sink.givenUpCount;
    const isEqual = found >= least && found <= most;
    tiers.push({ window_seconds: lengthMs / 1000, found_events: found, is_equal: isEqual });
    if (isEqual) continue;
    const expected = least === most ? `${most}` : `${least} to ${most}`;
    differences.push(
      `its rows of windows of ${
        lengthMs / 1000
      } s should stand for ${expected} events and stand for ${found}`,
    );
  }
  return { tiers, differences };
}

function amountsOf({ routedByLength, refusedByLength }: TierStanding, lengthMs: number) {
  return { routed: routedByLength.get(lengthMs) ?? 0, refused: refusedByLength.get(lengthMs) ?? 0 };
}

/** Events that were routed before the state knew the lengths of windows. */
function ofNoLength({ sink, routedByLength }: TierStanding): number {
  return sink.routedCount - routedByLength.values().reduce((sum, events) => sum + events, 0);
}
