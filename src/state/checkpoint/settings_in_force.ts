import type { StateDatabase } from "../file/state_database.ts";

/**
 * Settings that a command between two runs takes from the state, since an operator's shell seldom has those
 * of the service. `EVENTS` says how records are mapped to events, and `SOURCES` the addresses, both by the
 * names of their buses, as JSON. `PAUSED` is what operators have paused, `SHARE` the share of partitions,
 * `STANDING` what the handler notes of itself.
 */
export type KeptSetting =
  | "AGGREGATION_INTERVAL"
  | "AGG_FUNCTIONS"
  | "EVENTS"
  | "SOURCES"
  | "PAUSED"
  | "SHARE"
  | "STANDING";

/** The text that was in force at the last checkpoint; undefined: there was none. */
export function readSetting(state: StateDatabase, name: KeptSetting): string | undefined {
  return state.get<{ value: string }>("SELECT value FROM setting_in_force WHERE name = ?", name)?.value;
}

/** Writes the settings that have changed since the last checkpoint. */
export class SettingWriter {
  private kept: ReadonlyMap<KeptSetting, string>;

  constructor(private readonly state: StateDatabase) {
    const rows = state.all<{ name: KeptSetting; value: string }>("SELECT name, value FROM setting_in_force");
    this.kept = new Map(rows.map(({ name, value }) => [name, value]));
  }

  /** Whether settings have changed since the last checkpoint. Where there was none, nothing has. */
  hasChanged(settings: ReadonlyMap<KeptSetting, string>): boolean {
    return this.kept.size > 0 && this.changed(settings).length > 0;
  }

  /** Within the transaction of the caller. */
  write(settings: ReadonlyMap<KeptSetting, string>): void {
    for (const [name, text] of this.changed(settings)) {
      this.state.run("INSERT OR REPLACE INTO setting_in_force VALUES (?, ?)", name, text);
    }
  }

  committed(settings: ReadonlyMap<KeptSetting, string>): void {
    this.kept = settings;
  }

  private changed(settings: ReadonlyMap<KeptSetting, string>): [KeptSetting, string][] {
    return [...settings].filter(([name, text]) => text !== this.kept.get(name));
  }
}
