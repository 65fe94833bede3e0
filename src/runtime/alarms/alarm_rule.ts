import type { LiveOverview } from "../overview.ts";
import type { Lookback } from "./recent_figures.ts";

/** What an alarm is about, by the labels of the metric: `{ sink: "postgres" }`. Empty: the whole handler. */
export type AlarmLabels = Readonly<Record<string, string>>;

/** One case of a rule that holds at the moment. */
export interface Finding {
  readonly labels: AlarmLabels;
  /** What is so, in a sentence, for the operator. */
  readonly detail: string;
  /** Since when, Unix ms, where the state knows it; undefined: since it was first seen. */
  readonly sinceMs?: number | undefined;
}

/**
 * When the handler raises an alarm by itself. It is the alert of the same name in
 * `deploy/prometheus/alerts.yaml`, over the overview instead of the metrics: a site without Prometheus has
 * the same alarms.
 */
export interface AlarmRule {
  readonly name: string;
  readonly severity: "critical" | "warning";
  readonly summary: string;
  /** How long it must hold without a break before the alarm is raised. */
  readonly forMs: number;
  /** The cases that hold now. */
  readonly find: (overview: LiveOverview, past: Lookback) => readonly Finding[];
}

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;

/** A finding about the whole handler, where the condition holds. */
export function aboutHandler(holds: boolean, detail: () => string): Finding[] {
  return holds ? [{ labels: {}, detail: detail() }] : [];
}

export function inPercent(share: number): string {
  return `${Math.floor(share * 1000) / 10} %`;
}
