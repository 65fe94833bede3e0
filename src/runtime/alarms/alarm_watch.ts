import type { Clock } from "../../platform/clock/clock.ts";
import type { LiveOverview } from "../overview.ts";
import { type AlarmRule, type Finding, HOUR_MS } from "./alarm_rule.ts";
import { BUS_RULES } from "./bus_rules.ts";
import { RecentFigures } from "./recent_figures.ts";
import { figuresOf } from "./alarm_figures.ts";
import { HANDLER_RULES } from "./handler_rules.ts";
import { SINK_RULES } from "./sink_rules.ts";

/** All rules: the alerts for Prometheus but the one that says that the handler is down. */
export const ALARM_RULES: readonly AlarmRule[] = [...HANDLER_RULES, ...BUS_RULES, ...SINK_RULES];

/** An alarm, or one that will be where nothing changes. */
export interface Alarm extends Finding {
  readonly rule: AlarmRule;
  /** Since when it has held, Unix ms. */
  readonly sinceMs: number;
  /** When it is raised, Unix ms; in the past: it is. */
  readonly raisedMs: number;
  readonly isRaised: boolean;
}

/** How often the rules are tried, as a scraper would. */
const TRY_MS = 15_000;

/**
 * Knows which alarms stand. It tries the rules again and again, since most of them must hold for some
 * minutes, and since some compare figures with earlier ones.
 */
export class AlarmWatch {
  private readonly history = new RecentFigures(HOUR_MS);
  /** When each case was first seen, by its rule and labels. */
  private seen = new Map<string, number>();

  constructor(private readonly look: () => LiveOverview, private readonly clock: Clock) {}

  /** Tries the rules until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    // While the parts are being opened nothing is ready yet, and that is no alarm.
    this.history.keep(figuresOf(this.look()));
    for (;;) {
      await this.clock.sleep(TRY_MS, signal);
      if (signal.aborted) return;
      this.watch();
    }
  }

  /** Tries the rules, and keeps the figures for later. */
  watch(): void {
    const overview = this.look();
    this.tried(overview);
    this.history.keep(figuresOf(overview));
  }

  /** The alarms of this moment: critical ones first, the longest first. */
  alarms(): readonly Alarm[] {
    return this.tried(this.look()).toSorted((a, b) =>
      Number(b.isRaised) - Number(a.isRaised) ||
      Number(b.rule.severity === "critical") - Number(a.rule.severity === "critical") ||
      a.sinceMs - b.sinceMs
    );
  }

  private tried(overview: LiveOverview): Alarm[] {
    const { nowMs } = overview;
    const past = this.history.before(figuresOf(overview));
    const before = this.seen;
    this.seen = new Map();
    return ALARM_RULES.flatMap((rule) =>
      rule.find(overview, past).map((finding) => {
        const key = JSON.stringify([rule.name, finding.labels]);
        // The clock may have been set back since.
        const sinceMs = Math.min(finding.sinceMs ?? nowMs, before.get(key) ?? nowMs, nowMs);
        this.seen.set(key, sinceMs);
        const raisedMs = sinceMs + rule.forMs;
        return { ...finding, rule, sinceMs, raisedMs, isRaised: nowMs >= raisedMs };
      })
    );
  }
}
