import type { OffsetRange } from "../contract/offset_range.ts";
import type { Registry } from "../runtime/registry.ts";
import { readPartitions } from "../state/checkpoint/partitions.ts";
import { readAddresses } from "../state/checkpoint/source_names.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { amount } from "./verdict.ts";

/** What an instance has in its books of a partition. */
export interface CountedPartition {
  readonly instance: string;
  /** For operators. */
  readonly name: string;
  /** The same for the same partition in all states: its lineage, else its name. */
  readonly identity: string;
  /** Undefined: its positions do not say which offsets were read. */
  readonly ranges: readonly OffsetRange[] | undefined;
}

/** What the books of several instances have of the partitions, taken together. */
export interface FleetOffsets {
  readonly partitions: number;
  readonly offsets: number;
  /** What is in the books of two instances, or of none, each as a sentence. */
  readonly faults: readonly string[];
}

/** What the state in a directory has in its books. @throws {StateError} */
export function countedIn(stateDir: string, registry: Registry): CountedPartition[] {
  const state = StateDatabase.openForReading(stateDir);
  try {
    return state.snapshot(() => countedPartitions(state, registry));
  } finally {
    state.close();
  }
}

/** What a state has in its books, for which it must be one consistent view. @throws {StateError} */
export function countedPartitions(state: StateDatabase, registry: Registry): CountedPartition[] {
  const addresses = readAddresses(state);
  return readPartitions(state).filter(({ position }) => position !== null).map((row) => {
    const { lineage, partition, position, source } = row;
    const name = partition === "" ? source : `${source} partition ${partition}`;
    const scheme = (addresses.get(source) ?? source).split(":")[0]!;
    const ranges = registry.sources
      .find(({ schemes: { plain, tls } }) => [...plain, ...tls].includes(scheme))
      ?.rangesOf?.(position!);
    return { instance: state.instanceId, name, identity: lineage ?? name, ranges };
  });
}

/** Compares the books of all instances: each offset must be in exactly one of them. */
export function compareOffsets(counted: readonly CountedPartition[]): FleetOffsets {
  const all = Map.groupBy(counted, ({ identity }) => identity);
  const faults: string[] = [];
  let offsets = 0;
  for (const own of all.values()) {
    const without = own.filter(({ ranges }) => ranges === undefined);
    if (own.length > 1 && without.length > 0) {
      faults.push(`${own[0]!.name}: it is in the books of ${names(own)}, and only one may read it`);
      continue;
    }
    const ranges = own.flatMap(({ instance, ranges = [] }) => ranges.map((range) => ({ ...range, instance })))
      .sort((a, b) => a.from - b.from || a.to - b.to);
    offsets += ranges.reduce((sum, { from, to }) => sum + to - from, 0);
    faults.push(...faultsOf(own[0]!.name, ranges));
  }
  return { partitions: all.size, offsets, faults };
}

function faultsOf(name: string, ranges: readonly (OffsetRange & { readonly instance: string })[]): string[] {
  const faults: string[] = [];
  let last = ranges[0];
  for (const next of ranges.slice(1)) {
    if (next.from < last!.to) {
      const to = Math.min(last!.to, next.to);
      faults.push(
        `${name}: ${amount(to - next.from, "offset")} from ${next.from} on are in the books of ${
          names([last!, next])
        }`,
      );
    } else if (next.from > last!.to) {
      const count = amount(next.from - last!.to, "offset");
      faults.push(
        `${name}: ${count} from ${last!.to} on are in the books of no instance: is a state left out?`,
      );
    }
    if (next.to > last!.to) last = next;
  }
  return faults;
}

function names(of: readonly { readonly instance: string }[]): string {
  return [...new Set(of.map(({ instance }) => instance))].join(" and ");
}
