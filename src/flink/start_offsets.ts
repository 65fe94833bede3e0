import type { PartitionReading } from "../contract/partition_reading.ts";
import { shareInWords } from "../settings/share.ts";
import { Cannot } from "./cannot.ts";

/** A partition of a state: its id begins with the topic. */
export interface KnownPartition {
  readonly partition: string;
  readonly position: string | undefined;
}

/** What a position says; undefined: it is none of this kind of bus. */
type ReadPosition = (position: string) => PartitionReading | undefined;

/** The offsets that a handler's state ends at, or the states of all instances together. */
export class StartOffsets {
  /** @param buses By the names that the states have for them. A partition may be in several states. */
  constructor(private readonly buses: ReadonlyMap<string, readonly KnownPartition[]>) {}

  /** The names of the buses. */
  get names(): readonly string[] {
    return [...this.buses.keys()];
  }

  /**
   * The offsets of a bus, by topic and partition; undefined: the states do not know it.
   *
   * @throws {Cannot} for a partition that went to an instance whose state is not among these.
   */
  of(bus: string, read: ReadPosition): ((topic: string) => ReadonlyMap<number, number>) | undefined {
    const known = this.buses.get(bus);
    if (known === undefined) return undefined;
    const newest = newestReadings(known, read);
    return (topic) =>
      new Map([...newest].flatMap(([partition, reading]) => entriesOf(partition, reading, topic)));
  }
}

/** Of each partition, what the one says that has had it last. */
function newestReadings(known: readonly KnownPartition[], read: ReadPosition): Map<string, PartitionReading> {
  const newest = new Map<string, PartitionReading>();
  for (const { partition, position } of known) {
    const reading = position === undefined ? undefined : read(position);
    if (reading === undefined || reading.epoch < (newest.get(partition)?.epoch ?? 0)) continue;
    newest.set(partition, reading);
  }
  return newest;
}

function entriesOf(
  partition: string,
  { givenTo, offset }: PartitionReading,
  topic: string,
): [number, number][] {
  const slash = partition.lastIndexOf("/");
  if (partition.slice(0, slash) !== topic) return [];
  if (givenTo === undefined) return [[Number(partition.slice(slash + 1)), offset]];
  throw new Cannot(
    `The partition ${partition} was given to ${shareInWords(givenTo)}, whose state is not named: give ` +
      "--from-state for that one, too.",
  );
}
