import { isOwn, ownerOf, shareInWords, type ShareNumber } from "../../settings/share.ts";
import type { Beginning, Found, HandOverRecord } from "./hand_over_record.ts";
import type { Holding } from "./holding.ts";

/** What an instance knows when it looks at a partition. */
export interface View {
  /** The number of the partition. */
  readonly partition: number;
  /** `INSTANCE_ID` */
  readonly instance: string;
  readonly share: ShareNumber;
  /** What its state has of the partition; undefined: nothing. */
  readonly own: Holding | undefined;
  /** What the group has. */
  readonly found: Found;
  /** Whether an operator has said that it takes what others have not given. */
  readonly takesOver: boolean;
  /** Where it begins a partition that nobody has read. */
  readonly beginning: Beginning;
}

/**
 * - `read`: the instance has the partition, and reads it.
 * - `give`: it has it, and must give it to another one: it reads no further.
 * - `take`: it has it from now on, in a new epoch.
 * - `wait`: it does not have it, or not yet.
 * - `lost`: another one has taken it, without being given it.
 */
export type Step =
  | { readonly kind: "read" }
  | { readonly kind: "give"; readonly to: ShareNumber }
  | {
    readonly kind: "take";
    readonly epoch: number;
    readonly from: number | Beginning;
    /** Where the first of all instances began; undefined: this one is it, or it is not known. */
    readonly begun: number | undefined;
    /** The id of the topic that `from` belongs to; left out: it is not known. */
    readonly topicId?: string;
    /** The epoch of the leader that has written the record before `from`; left out: it is not known. */
    readonly leaderEpoch?: number;
  }
  /** `say`: what the group must be told, again or for the first time. */
  | { readonly kind: "wait"; readonly why: string | undefined; readonly say?: HandOverRecord }
  | { readonly kind: "lost"; readonly why: string };

/**
 * What an instance does about a partition. At each time, one instance at most may write to the group about a
 * partition: the one that has it, or the one that it was given to. The state of an instance is ahead of the
 * group, never behind it: it is written first. So where both differ, the greater epoch is right.
 */
export function nextStep(view: View): Step {
  const { found, own, share } = view;
  if (own === undefined || rankOf(found) > rankOf(own)) return stepByGroup(view);
  const isRival = rankOf(found) === rankOf(own) && isRecord(found) && found.by !== view.instance;
  if (own.givenTo !== undefined) {
    // Topics of one name may both have been given in this epoch, the former one and the present one.
    return isRival && found.givenTo?.index === share.index ? stepByGroup(view) : stepOfGiver(view, own);
  }
  if (isRival) {
    const why = `${found.by} has it in the same epoch ${own.epoch}: do two instances have INSTANCE_INDEX ` +
      `${share.index}?`;
    return { kind: "lost", why };
  }
  const owner = ownerOf(view.partition, share.count);
  return owner.index === share.index ? { kind: "read" } : { kind: "give", to: owner };
}

/** How far the token has travelled: each epoch has the steps `held` and `given`. */
function rankOf(one: Holding | Found): number {
  if (one === undefined) return -1;
  if (!("epoch" in one)) return 0;
  // Whoever has read it before, outside of a group, goes on: handing it out is for what nobody has read.
  if ("from" in one && typeof one.from !== "number" && one.givenTo !== undefined) return -0.5;
  return 2 * one.epoch + (one.givenTo === undefined ? 0 : 1);
}

function isRecord(found: Found): found is HandOverRecord {
  return found !== undefined && "epoch" in found;
}

/** Which records the offset is among. */
function logOf(
  { leaderEpoch, topicId }: Holding | HandOverRecord,
): { topicId?: string; leaderEpoch?: number } {
  return {
    ...(topicId !== undefined && { topicId }),
    ...(leaderEpoch !== undefined && { leaderEpoch }),
  };
}

function isMine({ partition, share }: View): boolean {
  return isOwn(partition, share);
}

function stepOfGiver(view: View, own: Holding): Step {
  if (view.takesOver && isMine(view)) {
    return { kind: "take", epoch: own.epoch + 1, from: own.offset, begun: own.begun, ...logOf(own) };
  }
  const { begun, epoch, givenTo, offset: from } = own;
  const record = { epoch, by: view.instance, from, begun, givenTo, ...logOf(own) };
  const isKnown = rankOf(view.found) === rankOf(own);
  const why = isMine(view) ? `this instance has given it to ${shareInWords(own.givenTo!)}` : undefined;
  return { kind: "wait", why, ...(!isKnown && { say: record }) };
}

/** The group knows more than the state, or the state knows nothing. */
function stepByGroup(view: View): Step {
  const { found, instance, own, share, takesOver } = view;
  if (found === undefined) return stepOfUnread(view);
  const from = isRecord(found) ? found.from : found.strangerAt;
  const epoch = rankOf(found) === 0 ? 1 : (found as HandOverRecord).epoch + 1;
  // What a handler that was alone has read is in its books from offset 0 on.
  const begun = isRecord(found) ? found.begun : 0;
  const take = { kind: "take", epoch, from, begun, ...(isRecord(found) && logOf(found)) } as const;
  // The count that the giver has named may be an old one. Then it is taken to be given on.
  if (isRecord(found) && found.givenTo?.index === share.index) return take;
  if (takesOver && isMine(view)) return take;
  if (own !== undefined && own.givenTo === undefined) {
    return { kind: "lost", why: `${readerOf(found)} has it from offset ${from} on` };
  }
  if (!isMine(view)) return { kind: "wait", why: undefined };
  if (!isRecord(found)) {
    return {
      kind: "wait",
      why:
        `it was read by a handler without INSTANCE_COUNT, to offset ${from}: start that one as an instance`,
    };
  }
  if (found.givenTo !== undefined) {
    return { kind: "wait", why: `it was given to ${shareInWords(found.givenTo)}, which has not taken it` };
  }
  return {
    kind: "wait",
    why: found.by === instance
      ? "the group says that this instance has it, but the state does not: was it emptied? Restore it. " +
        "Or does another instance have this INSTANCE_ID?"
      : `${found.by} has not given it away`,
  };
}

function readerOf(found: Found): string {
  if (!isRecord(found)) return "a handler without INSTANCE_COUNT";
  return found.givenTo === undefined ? found.by : shareInWords(found.givenTo);
}

/** Nobody has read it. Instance 0 hands it out, so that no two begin it. */
function stepOfUnread(view: View): Step {
  const { beginning, instance, partition, share, takesOver } = view;
  const mayTake = share.index === 0 || takesOver;
  if (mayTake && isMine(view)) return { kind: "take", epoch: 1, from: beginning, begun: undefined };
  if (share.index === 0) {
    const givenTo = ownerOf(partition, share.count);
    return {
      kind: "wait",
      why: undefined,
      say: { epoch: 0, by: instance, from: beginning, begun: undefined, givenTo },
    };
  }
  const why = isMine(view) ? "instance 0 has not handed it out" : undefined;
  return { kind: "wait", why };
}
