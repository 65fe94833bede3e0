import { valueOf } from "../../aggregation/accumulator.ts";
import type { ArchivedRow } from "../outbox/archive.ts";
import type { RegisteredSink } from "../outbox/registered_sink.ts";
import { type Fate, fateOf } from "../outbox/stay.ts";

export const NOTHING = { handed: 0, givenUp: 0 };

/**
 * Events of a series in a window: `handed` is how many a sink has received by earlier revisions, in any of
 * its stays; `givenUp` is how many more were given up with later ones.
 *
 * @param revisions Newest first.
 */
export function countsFor(sink: RegisteredSink, revisions: Iterable<ArchivedRow>) {
  let routed: number | undefined;
  for (const revision of revisions) {
    const fate = fateIn(sink, revision);
    if (fate === undefined) continue;
    const count = revision.segment.count[revision.row]!;
    routed ??= count;
    if (fate !== "given-up") return { handed: count, givenUp: routed - count };
  }
  return { handed: 0, givenUp: routed ?? 0 };
}

/** Events of a series in a window that went to no sink since one of its revisions was last routed to one. */
export function unroutedIn(revisions: Iterable<ArchivedRow>): number {
  let events = 0;
  for (const { segment, row } of revisions) {
    if (segment.sinks[row] !== 0) break;
    if (Number.isFinite(valueOf(segment.accumulator(row)))) {
      events += segment.count[row]! - segment.previousCount[row]!;
    }
  }
  return events;
}

/** The fate of a row for a sink; undefined: it was not routed to the sink. */
export function fateIn(sink: RegisteredSink, { id, segment, row }: ArchivedRow): Fate | undefined {
  return fateOf(sink, id, segment.sinks[row]!);
}

export function add(counts: Map<string, number>, sink: string, events: number): void {
  counts.set(sink, (counts.get(sink) ?? 0) + events);
}
