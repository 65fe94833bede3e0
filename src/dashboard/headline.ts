import type { Live } from "./live_stream.ts";
import type { Tone } from "./mark.ts";
import { countOf } from "./number_format.ts";

/** What matters most at the moment, in a few words. */
export interface Headline {
  readonly tone: Tone;
  readonly text: string;
  /** Whether the alarms say more about it. */
  readonly hasAlarms?: boolean;
}

/** The headline of the page. */
export function headlineOf({ connection, readiness }: Live): Headline {
  if (connection === "lost") return { tone: "bad", text: "No word from the handler" };
  if (connection === "waiting") return { tone: "warn", text: "Waiting for the handler" };
  if (connection === "connecting" || readiness === undefined) return { tone: "idle", text: "Connecting" };
  const { alarms = [], causes, status } = readiness;
  if (status === "not_ready") {
    return { tone: "bad", text: `Not ready: ${countOf(causes.length, "cause")}`, hasAlarms: true };
  }
  return alarms.length > 0
    ? { tone: "warn", text: `Ready, with ${countOf(alarms.length, "alarm")}`, hasAlarms: true }
    : { tone: "good", text: "Ready" };
}
