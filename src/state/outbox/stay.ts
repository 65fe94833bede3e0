/** A time during which a sink was configured, in outbox ids. */
export interface Stay {
  /** The first id that could go to it. */
  readonly sinceId: number;
  /** One past the last one. */
  readonly untilId: number;
  /** Its bit in the masks of segments. */
  readonly bit: number;
  /** Aggregates from this id on were given up when the stay ended. */
  readonly cursor: number;
}

/**
 * The fate of an aggregate that was routed to a sink:
 * - `handed`: the sink has received it, and has written or rejected it.
 * - `waiting`: it is still to be delivered.
 * - `given-up`: the sink was removed before by an operator's order. It may have written the aggregate all the
 *   same, if only its answer was lost.
 */
export type Fate = "handed" | "waiting" | "given-up";

/** The stays of a sink: the past ones and the present one. */
export interface Presence {
  readonly bit: number;
  readonly sinceId: number;
  readonly cursor: number;
  readonly earlier: readonly Stay[];
}

/**
 * The fate of the aggregate with this outbox id and these bits; undefined: it was never routed to the sink.
 */
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
