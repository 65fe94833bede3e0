/** The id of an entry: the milliseconds of its time, and its number in that millisecond. */
export interface EntryId {
  readonly ms: bigint;
  readonly number: bigint;
}

const ID = /^(\d{1,20})-(\d{1,20})$/;
const LARGEST = (1n << 64n) - 1n;

/** Undefined: the text is no id. */
export function entryIdIn(text: string): EntryId | undefined {
  const [, ms, number] = ID.exec(text) ?? [];
  if (ms === undefined) return undefined;
  const id = { ms: BigInt(ms), number: BigInt(number!) };
  return id.ms <= LARGEST && id.number <= LARGEST ? id : undefined;
}

/** Less than 0: `a` comes before `b`. Both must be ids. */
export function compareIds(a: string, b: string): number {
  const [one, other] = [entryIdIn(a)!, entryIdIn(b)!];
  if (one.ms !== other.ms) return one.ms < other.ms ? -1 : 1;
  return one.number === other.number ? 0 : one.number < other.number ? -1 : 1;
}

/** The smallest id behind this one; undefined: it is the largest. */
export function idAfter(text: string): string | undefined {
  const { ms, number } = entryIdIn(text)!;
  if (number < LARGEST) return `${ms}-${number + 1n}`;
  return ms < LARGEST ? `${ms + 1n}-0` : undefined;
}
