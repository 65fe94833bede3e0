import type { Metric } from "../contract/connector.ts";
import { refusedIn } from "../aggregation/event_books.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { Activity } from "./metric_collector.ts";
import { type LiveOverview, watermarkLagMs } from "./overview.ts";

/**
 * Sends the handler's own metrics to the bus. Readings that could not be sent are included in the next send.
 */
export class VabusOutlet {
  /** Totals as of the last send that succeeded. */
  private sent: Record<string, number> = {};
  private isFailing = false;

  constructor(
    private readonly look: () => LiveOverview,
    private readonly post: (metrics: Metric[], signal: AbortSignal) => Promise<void>,
    private readonly logger: Logger,
    private readonly onSent: (isDone: boolean) => void,
  ) {}

  /** Sends every `intervalMs` until the signal fires. */
  async run(
    intervalMs: number,
    sleep: (ms: number, signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    for (;;) {
      await sleep(intervalMs, signal);
      if (signal.aborted) return;
      await this.send(signal);
    }
  }

  /** Sends once; never throws. */
  async send(signal: AbortSignal): Promise<void> {
    const overview = this.look();
    const totals = totalsOf(overview.activity);
    const values = { ...gaugesOf(overview) };
    for (const [name, total] of Object.entries(totals)) values[name] = total - (this.sent[name] ?? 0);
    const timestamp = overview.nowMs / 1000;
    try {
      await this.post(Object.entries(values).map(([name, value]) => ({ name, value, timestamp })), signal);
    } catch (error) {
      this.onSent(false);
      if (!this.isFailing && !signal.aborted) {
        this.logger.warn(`metrics cannot be sent, and are kept for later: ${(error as Error).message}`);
        this.isFailing = true;
      }
      return;
    }
    this.onSent(true);
    this.sent = totals;
    if (this.isFailing) this.logger.info("metrics are sent again");
    this.isFailing = false;
  }
}

function totalsOf({ counts, sinks, processing }: Activity): Record<string, number> {
  const overSinks = (field: "delivered" | "rejected") =>
    [...sinks.values()].reduce((sum, counters) => sum + counters[field], 0);
  return {
    aggregated_events_count: overSinks("delivered"),
    failed_events_count: refusedIn(counts) + counts.notFinite + overSinks("rejected"),
    processing_time: processing.sum,
    received_events_count: counts.received,
    late_events_count: counts.lateArrivals,
    duplicate_events_count: counts.duplicate,
  };
}

function gaugesOf(overview: LiveOverview): Record<string, number> {
  const { openWindows, outboxRows } = overview;
  const lagMs = watermarkLagMs(overview);
  return {
    open_windows: openWindows,
    outbox_rows: outboxRows,
    ...(lagMs !== undefined && { watermark_lag_seconds: lagMs / 1000 }),
  };
}
