/** A time that a sink was among the configured ones. Ids are of the outbox. */
export interface Stay {
  /** The first id that could go to it. */
  readonly sinceId: number;
  /** One past the last one. */
  readonly untilId: number;
  /** Its bit in the masks of segments. */
  readonly bit: number;
  /** What of it lies here or later was given up when the stay ended. */
  readonly cursor: number;
}

/**
 * What became of an aggregate that was routed to a sink:
 * - `handed`: the sink has had it, and has written it or rejected it.
 * - `waiting`: it is still to come.
 * - `given-up`: the sink was removed, by the operator's word, before it had it. It may have written it all the same, if only
 *   its answer was missing.
 */
export type Fate = "handed" | "waiting" | "given-up";

/** The stays of a sink: those that are over, and the present one. */
export interface Presence {
  readonly bit: number;
  readonly sinceId: number;
  readonly cursor: number;
  readonly earlier: readonly Stay[];
}

/** What became of the aggregate with this outbox id and these bits; undefined: it was never routed to the sink. */
export function fateOf(sink: Presence, id: number, bits: number): Fate | undefined {
  if (id >= sink.sinceId) {
    if ((bits & sink.bit) === 0) return undefined;
    return id < sink.cursor ? "handed" : "waiting";
  }
  const stay = sink.earlier.find(({ sinceId, untilId }) => id >= sinceId && id < untilId);
  if (stay === undefined || (bits & stay.bit) === 0) return undefined;
  return id < stay.cursor ? "handed" : "given-up";
}

/** All bits that a sink has had. Another sink may have had one of them at another time. */
export function bitsOfStays({ bit, earlier }: Presence): number {
  return earlier.reduce((bits, stay) => bits | stay.bit, bit);
}
