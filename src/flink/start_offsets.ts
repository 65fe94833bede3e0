/** A partition of a state: its id begins with the topic, and its position is an offset. */
export interface KnownPartition {
  readonly partition: string;
  readonly position: string | undefined;
}

/** The offsets that a handler's state ends at. */
export class StartOffsets {
  /** @param buses By the names that the state has for them. */
  constructor(private readonly buses: ReadonlyMap<string, readonly KnownPartition[]>) {}

  /** The names of the buses. */
  get names(): readonly string[] {
    return [...this.buses.keys()];
  }

  /** The offsets of a bus, by topic and partition; undefined: the state does not know it. */
  of(bus: string): ((topic: string) => ReadonlyMap<number, number>) | undefined {
    const known = this.buses.get(bus);
    return known && ((topic) => new Map(known.flatMap((partition) => entriesOf(partition, topic))));
  }
}

function entriesOf({ partition, position }: KnownPartition, topic: string): [number, number][] {
  const slash = partition.lastIndexOf("/");
  if (position === undefined || partition.slice(0, slash) !== topic) return [];
  // Behind the offset, a position may say how several instances share the partition.
  return [[Number(partition.slice(slash + 1)), Number.parseInt(position, 10)]];
}
