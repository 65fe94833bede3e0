import type { OffsetRange } from "../../contract/offset_range.ts";
import type { PartitionReading } from "../../contract/partition_reading.ts";
import type { ShareNumber } from "../../settings/share.ts";

/**
 * How an instance has a partition, as its position in the state says it: `OFFSET`, with ` leader L` after it
 * where the broker tells that epoch. In a group of instances ` epoch E begun B read FROM-TO,…,SINCE` follows,
 * with ` given I/N of TOPIC` at its end once it was given away.
 */
export interface Holding {
  /** Of the next record. */
  readonly offset: number;
  /** The epoch of the leader that has written the record before; left out: it is not known. */
  readonly leaderEpoch?: number | undefined;
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
  /^(\d{1,16})(?: leader (\d{1,10}))?(?: epoch (\d{1,15})(?: begun (\d{1,16}))? read ((?:\d{1,16}-\d{1,16},)*)(\d{1,16})(?: given (\d+)\/(\d+)(?: of (\S{1,64}))?)?)?$/;

/** Kafka's epochs of leaders have 32 bits. */
export const EPOCH_MAX = 2 ** 31 - 1;

/** Undefined: the position is not one of a partition of a topic. */
export function readHolding(position: string): Holding | undefined {
  const [, offset, leaderEpoch, epoch, begun, earlier = "", since, index, count, topicId] =
    TEXT.exec(position) ?? [];
  if (offset === undefined || !Number.isSafeInteger(Number(offset))) return undefined;
  if (Number(leaderEpoch ?? 0) > EPOCH_MAX) return undefined;
  return {
    offset: Number(offset),
    ...(leaderEpoch !== undefined && { leaderEpoch: Number(leaderEpoch) }),
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

export function holdingText(holding: Holding): string {
  const { offset, leaderEpoch, epoch, begun, since, earlier, givenTo, topicId } = holding;
  const read = leaderEpoch === undefined ? `${offset}` : `${offset} leader ${leaderEpoch}`;
  if (epoch === 0 && givenTo === undefined) return read;
  const ranges = earlier.map(({ from, to }) => `${from}-${to},`).join("");
  const topic = topicId === undefined ? "" : ` of ${topicId}`;
  const given = givenTo === undefined ? "" : ` given ${givenTo.index}/${givenTo.count}${topic}`;
  const first = begun === undefined ? "" : ` begun ${begun}`;
  return `${read} epoch ${epoch}${first} read ${ranges}${since}${given}`;
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
 * @param leaderEpoch Of the leader that has written the record before `start`; undefined: not known.
 */
export function entered(
  own: Holding | undefined,
  epoch: number,
  start: number,
  begun: number | undefined,
  leaderEpoch?: number,
): Holding {
  if (own !== undefined && own.epoch >= epoch) return own;
  return {
    offset: start,
    ...(leaderEpoch !== undefined && { leaderEpoch }),
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
