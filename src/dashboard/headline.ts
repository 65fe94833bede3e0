import type { Live } from "./live_stream.ts";
import type { Tone } from "./mark.ts";
import { countOf } from "./number_format.ts";

/** What matters most at the moment, in a few words. */
export interface Headline {
  readonly tone: Tone;
  readonly text: string;
}

/** The headline of the page. */
export function headlineOf({ connection, readiness }: Live): Headline {
  if (connection === "lost") return { tone: "bad", text: "No word from the handler" };
  if (connection === "waiting") return { tone: "warn", text: "Waiting for the handler" };
  if (connection === "connecting" || readiness === undefined) return { tone: "idle", text: "Connecting" };
  const { alarms = [], causes, status } = readiness;
  if (status === "not_ready") return { tone: "bad", text: `Not ready: ${countOf(causes.length, "cause")}` };
  if (alarms.length > 0) return { tone: "warn", text: `Ready, with ${countOf(alarms.length, "alarm")}` };
  return { tone: "good", text: "Ready" };
}
