import type { ShareNumber } from "../../settings/share.ts";
import { EPOCH_MAX } from "./holding.ts";

/** Where a partition that nobody has read yet begins. */
export type Beginning = "oldest" | "newest";

/** What the group says of a partition: who has it, or to whom it was given. */
export interface HandOverRecord {
  readonly epoch: number;
  /** `INSTANCE_ID` of the writer. */
  readonly by: string;
  /** Where to go on: an offset, or the beginning of a partition that nobody has read. */
  readonly from: number | Beginning;
  /** Where the first of all instances began; undefined: nobody has, or it is not known. */
  readonly begun: number | undefined;
  /** The instance that it was given to; undefined: the writer has it. */
  readonly givenTo: ShareNumber | undefined;
  /**
   * The id of the topic that was given away. One that was made again has other records at the same offsets.
   * Left out: the brokers did not tell it, or nothing was given away.
   */
  readonly topicId?: string;
  /** The epoch of the leader that has written the record before `from`. Left out as the topic is. */
  readonly leaderEpoch?: number;
}

/** What was found in the group: a record, the offset of somebody else, or nothing. */
export type Found = HandOverRecord | { readonly strangerAt: number } | undefined;

const TEXT =
  /^vabus-1 (?:held (\d{1,15})|given (\d{1,15}) (\d{1,5})\/(\d{1,5}))(?: (oldest|newest))?(?: begun (\d{1,16}))? by (.{1,200})$/su;

/** Leader and topic are behind the name of the giver: earlier versions read them as a part of the name. */
const GIVER = /^(.+?)(?: of leader (\d{1,10}))?(?: of topic (\S{1,64}))?$/su;

/** The metadata of the committed offset of a record. */
export function metadataOf(record: HandOverRecord): string {
  const { begun, epoch, by, from, givenTo, leaderEpoch, topicId } = record;
  const what = givenTo === undefined ? `held ${epoch}` : `given ${epoch} ${givenTo.index}/${givenTo.count}`;
  const first = begun === undefined ? "" : ` begun ${begun}`;
  const topic = givenTo === undefined || topicId === undefined ? "" : ` of topic ${topicId}`;
  const leader = givenTo === undefined || leaderEpoch === undefined ? "" : ` of leader ${leaderEpoch}`;
  return `vabus-1 ${what}${typeof from === "number" ? "" : ` ${from}`}${first} by ${by}${leader}${topic}`;
}

/** The committed offset of a record. */
export function offsetOf({ from }: HandOverRecord): number {
  return typeof from === "number" ? from : 0;
}

/** @param offset As it is committed; negative: none is. */
export function readRecord(offset: number, metadata: string | undefined): Found {
  if (offset < 0) return undefined;
  const [, held, given, index, count, beginning, begun, by] = TEXT.exec(metadata ?? "") ?? [];
  if (by === undefined) return { strangerAt: offset };
  const [, giver = by, leader, topicId] = given === undefined ? [] : GIVER.exec(by) ?? [];
  return {
    epoch: Number(held ?? given),
    by: giver,
    from: beginning === undefined ? offset : beginning as Beginning,
    begun: begun === undefined ? undefined : Number(begun),
    givenTo: given === undefined ? undefined : { index: Number(index), count: Number(count) },
    ...(topicId !== undefined && { topicId }),
    ...(leader !== undefined && Number(leader) <= EPOCH_MAX && { leaderEpoch: Number(leader) }),
  };
}
