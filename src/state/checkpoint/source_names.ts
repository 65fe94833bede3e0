import type { SealedRow } from "../file/sealed_table.ts";
import type { StateDatabase } from "../file/state_database.ts";
import { readPartitions } from "./partitions.ts";
import { readSetting } from "./settings_in_force.ts";

/** By the name of a source, its key in the state: its URL without credentials and trailing slash. */
export type SourceAddresses = ReadonlyMap<string, string>;

/** What a state of an earlier version lacks: there, the name of a source was its address. */
export function readAddresses(state: StateDatabase): SourceAddresses {
  const kept = JSON.parse(readSetting(state, "SOURCES") ?? "{}") as Record<string, string>;
  return new Map(readPartitions(state).map(({ source }) => [source, kept[source] ?? source]));
}

/**
 * Gives what the state has of a source to its new name: where a configured name is new, and its address is
 * that of a source which is no longer configured by its old name. So an operator may name a bus, and name it
 * otherwise, and nothing is read twice. Returns the new name of each old one.
 */
export function renameSources(state: StateDatabase, configured: SourceAddresses): Map<string, string> {
  const earlier = readAddresses(state);
  const left = [...earlier].filter(([name]) => !configured.has(name));
  const renamed = new Map<string, string>();
  for (const [name, address] of configured) {
    const old = earlier.has(name) ? undefined : left.find(([, one]) => one === address)?.[0];
    if (old !== undefined) renamed.set(old, name);
  }
  if (renamed.size > 0) {
    state.transaction(() => {
      for (const [old, name] of renamed) rename(state, old, name);
      state.run(
        "INSERT OR REPLACE INTO setting_in_force VALUES ('SOURCES', ?)",
        addressText(state, configured),
      );
    });
  }
  return renamed;
}

/** The addresses of all sources that the state knows or will, as {@link readAddresses} reads them. */
export function addressText(state: StateDatabase, configured: SourceAddresses): string {
  return JSON.stringify(Object.fromEntries([...readAddresses(state), ...configured]));
}

type StoredRow = SealedRow & { readonly checksum: number };

function rename(state: StateDatabase, old: string, name: string): void {
  state.run("UPDATE source_partition SET source = ? WHERE source = ?", name, old);
  for (const stored of state.all<StoredRow>("SELECT * FROM recent_ids WHERE source = ?", old)) {
    const { checksum: _, ...row } = stored;
    state.seal.put("recent_ids", { ...row, source: name });
  }
  state.seal.remove("recent_ids", "source = ?", old);
  // Dead letters may be many and large.
  for (const { id } of state.all<{ id: number }>("SELECT id FROM dead_letter WHERE source = ?", old)) {
    const { checksum, ...row } = state.get<StoredRow>(
      "SELECT * FROM dead_letter WHERE id = ?",
      id,
    )!;
    state.seal.put("dead_letter", { ...row, source: name }, checksum);
  }
}
