import type { ConfiguredSource } from "./configured.ts";
import type { EventTexts } from "./declaration.ts";
import { EVENT_SETTINGS, parameterOf } from "./event_texts.ts";
import type { Interval } from "./intervals.ts";
import type { Ledger } from "./ledger.ts";

/** A fault in the texts that map records to events. */
export interface EventsFault {
  readonly setting: keyof EventTexts;
  /** As the rest of a sentence whose subject is the setting. */
  readonly problem: string;
  /** The place of the fault in the text, UTF-16 units from its beginning. */
  readonly at?: number;
}

/** The faults of texts that are rules, each fault as a sentence. */
export interface RuleChecks {
  /** The faults of `ROUTES`, given the ids of the sinks and the intervals; undefined: those are at fault. */
  readonly routes: (
    text: string,
    sinks: readonly string[],
    intervals: readonly Interval[] | undefined,
  ) => readonly string[];
  /** The faults of `AGG_FUNCTIONS`. */
  readonly functions: (text: string) => readonly string[];
  /** The faults of the texts that map records to events, each with the text that it is in. */
  readonly events: (texts: EventTexts) => readonly EventsFault[];
}

const NO_SPARKPLUG: EventsFault = {
  setting: "format",
  problem: "is sparkplug, which only an MQTT bus carries: give that bus format=sparkplug in its URL",
};

/**
 * Checks how the records of each bus are read. Parameters of a bus override the settings for all. A setting
 * that no bus uses is not checked.
 */
export function checkEvents(ledger: Ledger, checks: RuleChecks, buses: readonly ConfiguredSource[]): void {
  const told = new Set<string>();
  for (const { config: { events, ownEvents, address }, connector } of buses) {
    const faults = events.format === "sparkplug" && connector.readsSparkplug !== true
      ? [NO_SPARKPLUG]
      : checks.events(events);
    for (const { setting, problem, at } of faults) {
      const text = events[setting];
      const where = text === undefined || at === undefined ? undefined : { text, at };
      const name = ownEvents[setting] === undefined ? EVENT_SETTINGS[setting] : "VABUS_URL";
      const whole = name === "VABUS_URL"
        ? `has a parameter ${parameterOf(setting)} for ${address} that ${problem}`
        : problem;
      if (told.has(`${name} ${whole}`) || ledger.isMistaken(name)) continue;
      told.add(`${name} ${whole}`);
      ledger.fault(name, whole, false, where);
    }
  }
}
