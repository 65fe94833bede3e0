import type { OffsetRange } from "../../contract/offset_range.ts";
import type { PartitionReading } from "../../contract/partition_reading.ts";
import type { ShareNumber } from "../../settings/share.ts";

/**
 * How an instance has a partition, as its position in the state says it: `OFFSET`, or, in a group of
 * instances, `OFFSET epoch E begun B read FROM-TO,…,SINCE`, with ` given I/N of TOPIC` at its end once it was
 * given away.
 */
export interface Holding {
  /** Of the next record. */
  readonly offset: number;
  /** How often the partition has changed hands, and once more; 0: it never had to do with other instances. */
  readonly epoch: number;
  /** Where the first of all instances began; undefined: not known. */
  readonly begun: number | undefined;
  /** Where reading began in this epoch. */
  readonly since: number;
  /** What was read of it in earlier epochs, the oldest first. */
  readonly earlier: readonly OffsetRange[];
  /** The instance that it was given to; undefined: this instance has it. */
  readonly givenTo: ShareNumber | undefined;
  /** The id of the topic that was given away; left out: the brokers did not tell it. */
  readonly topicId?: string;
}

const TEXT =
  /^(\d{1,16})(?: epoch (\d{1,15})(?: begun (\d{1,16}))? read ((?:\d{1,16}-\d{1,16},)*)(\d{1,16})(?: given (\d+)\/(\d+)(?: of (\S{1,64}))?)?)?$/;

/** Undefined: the position is not one of a partition of a topic. */
export function readHolding(position: string): Holding | undefined {
  const [, offset, epoch, begun, earlier = "", since, index, count, topicId] = TEXT.exec(position) ?? [];
  if (offset === undefined || !Number.isSafeInteger(Number(offset))) return undefined;
  return {
    offset: Number(offset),
    epoch: Number(epoch ?? 0),
    begun: epoch === undefined ? 0 : begun === undefined ? undefined : Number(begun),
    since: Number(since ?? 0),
    earlier: earlier.split(",").slice(0, -1).map((range) => {
      const [from, to] = range.split("-").map(Number);
      return { from: from!, to: to! };
    }),
    givenTo: index === undefined ? undefined : { index: Number(index), count: Number(count) },
    ...(topicId !== undefined && { topicId }),
  };
}

export function holdingText({ offset, epoch, begun, since, earlier, givenTo, topicId }: Holding): string {
  if (epoch === 0 && givenTo === undefined) return `${offset}`;
  const ranges = earlier.map(({ from, to }) => `${from}-${to},`).join("");
  const topic = topicId === undefined ? "" : ` of ${topicId}`;
  const given = givenTo === undefined ? "" : ` given ${givenTo.index}/${givenTo.count}${topic}`;
  const first = begun === undefined ? "" : ` begun ${begun}`;
  return `${offset} epoch ${epoch}${first} read ${ranges}${since}${given}`;
}

/** All offsets that the instance has read. */
export function rangesOf({ offset, since, earlier }: Holding): OffsetRange[] {
  return [...earlier, { from: since, to: offset }].filter(({ from, to }) => to > from);
}

/** What a position says for a proof; undefined: it is not one of a partition of a topic. */
export function readingOf(position: string): PartitionReading | undefined {
  const holding = readHolding(position);
  if (holding === undefined) return undefined;
  const { begun, epoch, givenTo, offset } = holding;
  return { offset, ranges: rangesOf(holding), epoch, begun, givenTo };
}

/**
 * How a partition is held when it is read on in an epoch.
 *
 * @param own What the instance has of it; undefined: nothing.
 * @param start Where a new epoch begins.
 * @param begun Where the first of all instances began; undefined: not known.
 */
export function entered(
  own: Holding | undefined,
  epoch: number,
  start: number,
  begun: number | undefined,
): Holding {
  if (own !== undefined && own.epoch >= epoch) return own;
  return {
    offset: start,
    epoch,
    begun: begun ?? own?.begun,
    since: start,
    earlier: own === undefined ? [] : rangesOf(own),
    givenTo: undefined,
  };
}

/** The same, given away: the end of its epoch. */
export function givenAway(holding: Holding, givenTo: ShareNumber, topicId: string | undefined): Holding {
  return { ...holding, givenTo, ...(topicId !== undefined && { topicId }) };
}
