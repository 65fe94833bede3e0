import { type KeptSetting, readSetting } from "./checkpoint/settings_in_force.ts";
import type { StateDatabase } from "./file/state_database.ts";

/** A cause for not being ready, by name and with a text about it. */
export interface NotedCause {
  readonly name: string;
  readonly detail: string;
}

/** What is so on purpose or elsewhere, and may be why aggregates are missing, by name and with a text. */
export interface NotedCircumstance extends NotedCause {
  /**
   * A part of the names of the series that it is about, to look for them; "": of no certain ones; null: of
   * none.
   */
  readonly series: string | null;
}

/** What a running handler notes of itself for those who look at its state. */
export interface StandingNote {
  /** Why it is not ready; none: it is. */
  readonly causes: readonly NotedCause[];
  /** Not there: an earlier version has noted it. */
  readonly notes?: readonly NotedCircumstance[];
  /** Aggregates that each sink takes in a second; null: not known yet. Not there: as with notes. */
  readonly paces?: Readonly<Record<string, number | null>>;
  /** The present partitions of each configured source; null: too many to note. */
  readonly partitions: Readonly<Record<string, readonly string[] | null>>;
}

/** Where it is kept. It is not a setting, but among those in force a backup and an older program carry it. */
const SETTING: KeptSetting = "STANDING";

/** What was noted last; undefined: nothing, as before a handler has started. @throws {StateError} */
export function readStandingNote(state: StateDatabase): StandingNote | undefined {
  const text = readSetting(state, SETTING);
  return text === undefined ? undefined : JSON.parse(text);
}

/** @throws {StateError} */
export function storeStandingNote(state: StateDatabase, note: StandingNote): void {
  state.transaction(() =>
    state.run("INSERT OR REPLACE INTO setting_in_force VALUES (?, ?)", SETTING, JSON.stringify(note))
  );
}

/** Forgets what an earlier handler has noted. @throws {StateError} */
export function forgetStandingNote(state: StateDatabase): void {
  if (readSetting(state, SETTING) === undefined) return;
  state.transaction(() => state.run("DELETE FROM setting_in_force WHERE name = ?", SETTING));
}
