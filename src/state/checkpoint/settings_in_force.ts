import type { StateDatabase } from "../file/state_database.ts";

/**
 * Settings that a command between two runs takes from the state, since an operator's shell seldom has those
 * of the service. `EVENTS`: how records are read, by the names of their buses, as JSON.
 */
export type KeptSetting = "AGG_FUNCTIONS" | "EVENTS";

/** The text that was in force at the last checkpoint; undefined: there was none. */
export function readSetting(state: StateDatabase, name: KeptSetting): string | undefined {
  return state.get<{ value: string }>("SELECT value FROM setting_in_force WHERE name = ?", name)?.value;
}

/** Writes within the transaction of the caller. */
export function writeSetting(state: StateDatabase, name: KeptSetting, text: string): void {
  state.run("INSERT OR REPLACE INTO setting_in_force VALUES (?, ?)", name, text);
}
