/** One of several instances that share the partitions of their buses: the instance `index` of `count`. */
export interface ShareNumber {
  /** From 0. An instance that the count no longer has gives everything away. */
  readonly index: number;
  readonly count: number;
}

/** The share of this instance. */
export interface InstanceShare extends ShareNumber {
  /** The name that all instances have in common: `INSTANCE_GROUP`. */
  readonly group: string;
}

/** The instance, of `count`, that the partition, URL or key with this number belongs to. */
export function ownerOf(number: number, count: number): ShareNumber {
  return { index: number % count, count };
}

/** Whether the partition, URL or key with this number belongs to an instance; undefined: all do. */
export function isOwn(number: number, share: ShareNumber | undefined): boolean {
  return share === undefined || number % share.count === share.index;
}

/** `instance 1 of 4` */
export function shareInWords({ index, count }: ShareNumber): string {
  return `instance ${index} of ${count}`;
}

/** What is said of a share without a `what`, such as a partition. */
export function emptyShareInWords({ index, count }: ShareNumber, what: string): string {
  const why = index < count
    ? `no ${what} is left for ${shareInWords({ index, count })}`
    : `INSTANCE_INDEX is ${index}, and the last of ${count} instances is ${count - 1}`;
  return `${why}: this one reads nothing here`;
}
