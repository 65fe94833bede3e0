import type { StateDatabase } from "../file/state_database.ts";

/**
 * Settings that a command between two runs takes from the state, since an operator's shell seldom has those
 * of the service. `EVENTS` says how records are mapped to events, and `SOURCES` the addresses, both by the
 * names of their buses, as JSON.
 */
export type KeptSetting = "AGGREGATION_INTERVAL" | "AGG_FUNCTIONS" | "EVENTS" | "SOURCES";

/** The text that was in force at the last checkpoint; undefined: there was none. */
export function readSetting(state: StateDatabase, name: KeptSetting): string | undefined {
  return state.get<{ value: string }>("SELECT value FROM setting_in_force WHERE name = ?", name)?.value;
}

/** Writes the settings that have changed since the last checkpoint. */
export class SettingWriter {
  private kept: ReadonlyMap<KeptSetting, string> = new Map();

  constructor(private readonly state: StateDatabase) {}

  /** Within the transaction of the caller. */
  write(settings: ReadonlyMap<KeptSetting, string>): void {
    for (const [name, text] of settings) {
      if (text === this.kept.get(name)) continue;
      this.state.run("INSERT OR REPLACE INTO setting_in_force VALUES (?, ?)", name, text);
    }
  }

  committed(settings: ReadonlyMap<KeptSetting, string>): void {
    this.kept = settings;
  }
}
