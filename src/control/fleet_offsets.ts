import type { OffsetRange } from "../contract/offset_range.ts";
import type { PartitionReading } from "../contract/partition_reading.ts";
import { keptShare } from "../runtime/kept_share.ts";
import type { Registry } from "../runtime/registry.ts";
import { shareInWords, type ShareNumber } from "../settings/share.ts";
import { readPartitions } from "../state/checkpoint/partitions.ts";
import { readAddresses } from "../state/checkpoint/source_names.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { amount } from "./verdict.ts";

/** What an instance has in its books of a partition. */
export interface CountedPartition {
  /** For operators. */
  readonly name: string;
  /** The same for the same partition in all states: its lineage, else its name. */
  readonly identity: string;
  /** Undefined: its positions do not say which offsets were read. */
  readonly reading: PartitionReading | undefined;
}

/** What an instance has in its books of all partitions. */
export interface CountedShare {
  readonly instance: string;
  /** Undefined: it is alone. */
  readonly share: ShareNumber | undefined;
  readonly partitions: readonly CountedPartition[];
}

/** What the books of several instances have of the partitions, taken together. */
export interface FleetOffsets {
  readonly partitions: number;
  readonly offsets: number;
  /** What is in the books of two instances, or of none, and who is missing, each as a sentence. */
  readonly faults: readonly string[];
}

type Owned = CountedPartition & { readonly instance: string };

/** What the state in a directory has in its books. @throws {StateError} */
export function countedIn(stateDir: string, registry: Registry): CountedShare {
  const state = StateDatabase.openForReading(stateDir);
  try {
    return state.snapshot(() => countedShare(state, registry));
  } finally {
    state.close();
  }
}

/** What a state has in its books, for which it must be one consistent view. @throws {StateError} */
export function countedShare(state: StateDatabase, registry: Registry): CountedShare {
  const addresses = readAddresses(state);
  const partitions = readPartitions(state).filter(({ position }) => position !== null).map((row) => {
    const { lineage, partition, position, source } = row;
    const name = partition === "" ? source : `${source} partition ${partition}`;
    const reading = registry.readingOf(addresses.get(source) ?? source, position!);
    return { name, identity: lineage ?? name, reading };
  });
  return { instance: state.instanceId, share: keptShare(state), partitions };
}

/** Compares the books of all instances: none is missing, and each offset is in the books of exactly one. */
export function compareOffsets(counted: readonly CountedShare[]): FleetOffsets {
  const all = Map.groupBy(
    counted.flatMap(({ instance, partitions }) => partitions.map((one) => ({ ...one, instance }))),
    ({ identity }) => identity,
  );
  const present = new Set(counted.flatMap(({ share }) => share?.index ?? []));
  const faults = missingInstances(counted, present);
  let offsets = 0;
  for (const own of all.values()) {
    const { name } = own[0]!;
    if (own.length > 1 && own.some(({ reading }) => reading === undefined)) {
      faults.push(`${name}: it is in the books of ${names(own)}, and only one may read it`);
      continue;
    }
    const ranges = own.flatMap(({ instance, reading }) =>
      (reading?.ranges ?? []).map((range) => ({ ...range, instance }))
    ).sort((a, b) => a.from - b.from || a.to - b.to);
    offsets += ranges.reduce((sum, { from, to }) => sum + to - from, 0);
    faults.push(...faultsAtEnds(name, own, ranges[0]?.from, present), ...faultsBetween(name, ranges));
  }
  return { partitions: all.size, offsets, faults };
}

/** Instances that there must be by what the others know of their number. */
function missingInstances(counted: readonly CountedShare[], present: ReadonlySet<number>): string[] {
  const count = Math.max(0, ...counted.map(({ share }) => share?.count ?? 0));
  return Array.from({ length: count }, (_, index) => index).filter((index) => !present.has(index))
    .map((index) => `the books of ${shareInWords({ index, count })} are not here: name its state, too`);
}

/** What was read before the first of these instances, or after the last of them. */
function faultsAtEnds(
  name: string,
  own: readonly Owned[],
  first: number | undefined,
  present: ReadonlySet<number>,
): string[] {
  const readings = own.flatMap(({ reading }) => reading ?? []);
  const begun = Math.min(...readings.map((reading) => reading.begun ?? Infinity));
  const start = first ?? Math.min(...readings.map(({ offset }) => offset));
  const faults = begun < start ? [gap(name, begun, start)] : [];
  const last = readings.toSorted((a, b) => a.epoch - b.epoch).at(-1);
  if (last?.givenTo !== undefined && !present.has(last.givenTo.index)) {
    const whose = shareInWords(last.givenTo);
    faults.push(`${name}: from ${last.offset} on it was given to ${whose}, whose books are not here`);
  }
  return faults;
}

function faultsBetween(name: string, ranges: readonly (OffsetRange & { readonly instance: string })[]) {
  const faults: string[] = [];
  let last = ranges[0];
  for (const next of ranges.slice(1)) {
    if (next.from < last!.to) {
      const to = Math.min(last!.to, next.to);
      const many = amount(to - next.from, "offset");
      faults.push(`${name}: ${many} from ${next.from} on are in the books of ${names([last!, next])}`);
    } else if (next.from > last!.to) faults.push(gap(name, last!.to, next.from));
    if (next.to > last!.to) last = next;
  }
  return faults;
}

function gap(name: string, from: number, to: number): string {
  const many = amount(to - from, "offset");
  return `${name}: ${many} from ${from} on are in the books of no instance: is a state left out?`;
}

function names(of: readonly { readonly instance: string }[]): string {
  return [...new Set(of.map(({ instance }) => instance))].join(" and ");
}
