import { OwnFormats, type SingleRecords } from "../codec/mapping/own_formats.ts";
import { readerFor } from "../codec/mapping/record_reader.ts";
import type { Config } from "../settings/config.ts";
import type { EventTexts } from "../settings/declaration.ts";
import { OWN_FORMATS } from "../settings/event_texts.ts";
import { type KeptSetting, readSetting } from "../state/checkpoint/settings_in_force.ts";
import { shareText } from "./kept_share.ts";
import type { StateDatabase } from "../state/file/state_database.ts";

/** The settings that the state keeps for commands between two runs. */
export function keptSettings(
  config: Config,
  busNames: readonly string[],
  state: StateDatabase,
): Map<KeptSetting, string> {
  const { functions, intervals, sources } = config;
  const share = shareText(config, state);
  const events = busNames.map((name, bus) => [name, sources[bus]?.events ?? {}] as const);
  return new Map<KeptSetting, string>([
    ["AGGREGATION_INTERVAL", JSON.stringify(intervals)],
    ["AGG_FUNCTIONS", functions],
    ["EVENTS", JSON.stringify(Object.fromEntries(events))],
    ...(share === undefined ? [] : [["SHARE", share] as const]),
  ]);
}

/** What the state keeps of them. */
export function settingsInForce(state: StateDatabase): Map<KeptSetting, string> {
  const names = ["AGGREGATION_INTERVAL", "AGG_FUNCTIONS", "EVENTS"] as const;
  return new Map(names.flatMap((name) => {
    const text = readSetting(state, name);
    return text === undefined ? [] : [[name, text] as const];
  }));
}

/**
 * What maps records to events, by the names of the buses.
 *
 * @param events How records are read, as the state keeps it.
 */
export function readersOf(events = "{}"): Map<string, SingleRecords> {
  return new Map(
    Object.entries(JSON.parse(events) as Record<string, EventTexts>).flatMap(([name, texts]) => {
      const reader = texts.format === OWN_FORMATS ? new OwnFormats(texts) : readerFor(texts);
      return reader === undefined ? [] : [[name, reader] as const];
    }),
  );
}
