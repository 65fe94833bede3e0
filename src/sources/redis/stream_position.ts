import { entryIdIn } from "./entry_id.ts";

/** How far a stream was read. */
export interface StreamPosition {
  /** The id of the last entry that was read; `0-0`: none was. */
  readonly id: string;
  /** How many entries were ever added up to there. */
  readonly added: number;
  /** The oldest entry that the stream had at the time; undefined: it had none. */
  readonly oldest: EntryMark | undefined;
}

/** What an entry is known again by. */
export interface EntryMark {
  readonly id: string;
  /** A hash of its fields, in hexadecimal digits. */
  readonly hash: string;
}

const POSITION = /^(\d+-\d+) (\d{1,16})(?: (\d+-\d+) ([0-9a-f]{1,8}))?$/;

export function positionText({ id, added, oldest }: StreamPosition): string {
  return `${id} ${added}${oldest === undefined ? "" : ` ${oldest.id} ${oldest.hash}`}`;
}

/** What {@link positionText} has made; undefined: it has not made this. */
export function positionIn(text: string): StreamPosition | undefined {
  const [, id, added, oldestId, hash] = POSITION.exec(text) ?? [];
  if (id === undefined || entryIdIn(id) === undefined || !Number.isSafeInteger(Number(added))) {
    return undefined;
  }
  if (oldestId === undefined) return { id, added: Number(added), oldest: undefined };
  return entryIdIn(oldestId) && { id, added: Number(added), oldest: { id: oldestId, hash: hash! } };
}
