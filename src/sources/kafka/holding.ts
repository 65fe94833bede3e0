import type { OffsetRange } from "../../contract/offset_range.ts";
import type { ShareNumber } from "../../settings/share.ts";

/**
 * How an instance has a partition, as its position in the state says it: `OFFSET`, or, in a group of
 * instances, `OFFSET epoch E read FROM-TO,…,SINCE`, with ` given I/N` at its end once it was given away.
 */
export interface Holding {
  /** Of the next record. */
  readonly offset: number;
  /** How often the partition has changed hands, and once more; 0: it never had to do with other instances. */
  readonly epoch: number;
  /** Where reading began in this epoch. */
  readonly since: number;
  /** What was read of it in earlier epochs, the oldest first. */
  readonly earlier: readonly OffsetRange[];
  /** The instance that it was given to; undefined: this instance has it. */
  readonly givenTo: ShareNumber | undefined;
}

const TEXT =
  /^(\d{1,16})(?: epoch (\d{1,15}) read ((?:\d{1,16}-\d{1,16},)*)(\d{1,16})(?: given (\d+)\/(\d+))?)?$/;

/** Undefined: the position is not one of a partition of a topic. */
export function readHolding(position: string): Holding | undefined {
  const [, offset, epoch, earlier = "", since, index, count] = TEXT.exec(position) ?? [];
  if (offset === undefined || !Number.isSafeInteger(Number(offset))) return undefined;
  return {
    offset: Number(offset),
    epoch: Number(epoch ?? 0),
    since: Number(since ?? 0),
    earlier: earlier.split(",").slice(0, -1).map((range) => {
      const [from, to] = range.split("-").map(Number);
      return { from: from!, to: to! };
    }),
    givenTo: index === undefined ? undefined : { index: Number(index), count: Number(count) },
  };
}

export function holdingText({ offset, epoch, since, earlier, givenTo }: Holding): string {
  if (epoch === 0 && givenTo === undefined) return `${offset}`;
  const ranges = earlier.map(({ from, to }) => `${from}-${to},`).join("");
  const given = givenTo === undefined ? "" : ` given ${givenTo.index}/${givenTo.count}`;
  return `${offset} epoch ${epoch} read ${ranges}${since}${given}`;
}

/** All offsets that the instance has read. */
export function rangesOf({ offset, since, earlier }: Holding): OffsetRange[] {
  return [...earlier, { from: since, to: offset }].filter(({ from, to }) => to > from);
}

/**
 * How a partition is held when it is read on in an epoch.
 *
 * @param own What the instance has of it; undefined: nothing.
 * @param start Where a new epoch begins.
 */
export function entered(own: Holding | undefined, epoch: number, start: number): Holding {
  if (own !== undefined && own.epoch >= epoch) return own;
  return {
    offset: start,
    epoch,
    since: start,
    earlier: own === undefined ? [] : rangesOf(own),
    givenTo: undefined,
  };
}

/** The same, given away: the end of its epoch. */
export function givenAway(holding: Holding, givenTo: ShareNumber): Holding {
  return { ...holding, givenTo };
}
