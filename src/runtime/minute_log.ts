import { REFUSALS } from "../aggregation/refusal.ts";
import type { Clock } from "../platform/clock/clock.ts";
import type { LogFields, Logger } from "../platform/log/logger.ts";
import { printable } from "../platform/log/printable.ts";
import type { Counts } from "../state/checkpoint/counts.ts";
import { type LiveOverview, rowsBefore, watermarkLagMs } from "./overview.ts";
import type { RefusedEvent } from "../state/letters/dead_letters.ts";

const MINUTE_MS = 60_000;
/** Characters of text from outside, at most. */
const SHOWN_NAME = 100;
const SHOWN_EVENT = 300;

const REASONS = [...REFUSALS, "notFinite"] as const;

/** The totals since the start of the handler. */
interface Totals {
  readonly counts: Counts;
  readonly delivered: ReadonlyMap<string, number>;
  readonly rejected: ReadonlyMap<string, number>;
}

/**
 * Logs one line a minute about the work done and one about refused events. So a fault that happens a million
 * times is one line.
 */
export class MinuteLog {
  private before: Totals;
  /** The first event that was refused in this minute. */
  private example: RefusedEvent | undefined;

  constructor(
    private readonly look: () => LiveOverview,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.before = totalsOf(look());
  }

  /** An event was refused. */
  refused(event: RefusedEvent): void {
    this.example ??= event;
  }

  /** Logs each minute, and runs the other tasks of each minute, until the signal fires. */
  async run(signal: AbortSignal, alsoDue: () => void = () => {}): Promise<void> {
    for (;;) {
      await this.clock.sleep(MINUTE_MS, signal);
      if (signal.aborted) return;
      this.tell();
      alsoDue();
    }
  }

  /** Logs what happened since the last call. Called at the end for the last part of a minute. */
  tell(): void {
    const overview = this.look();
    const { before, example } = this;
    const now = totalsOf(overview);
    this.before = now;
    this.example = undefined;
    const since = (name: keyof Counts) => now.counts[name] - before.counts[name];
    const lagMs = watermarkLagMs(overview);
    const fields: Record<string, number> = {
      received: since("received"),
      aggregated: since("aggregated"),
      duplicate: since("duplicate"),
      ...(since("dropped") > 0 && { dropped: since("dropped") }),
      refused: REASONS.reduce((sum, reason) => sum + since(reason), 0),
    };
    for (const sink of overview.sinks) {
      const { name } = sink;
      fields[`delivered_${name}`] = increase(before.delivered, now.delivered, name);
      fields[`waiting_${name}`] = rowsBefore(overview, sink);
    }
    this.logger.info("in the last minute", {
      ...fields,
      open_windows: overview.openWindows,
      watermark_lag_seconds: lagMs === undefined ? undefined : Math.round(lagMs / 100) / 10,
    });
    const refusals: Record<string, number> = {};
    for (const reason of REASONS) if (since(reason) > 0) refusals[reason] = since(reason);
    for (const sink of now.rejected.keys()) {
      const rejected = increase(before.rejected, now.rejected, sink);
      if (rejected > 0) refusals[`rejected_by_${sink}`] = rejected;
    }
    if (Object.keys(refusals).length === 0) return;
    this.logger.warn("refused in the last minute, and kept as dead letters (dead-letters list)", {
      ...refusals,
      ...(example && fieldsOf(example)),
    });
  }
}

function totalsOf({ activity: { counts, sinks } }: LiveOverview): Totals {
  const counters = [...sinks];
  return {
    counts,
    delivered: new Map(counters.map(([name, { delivered }]) => [name, delivered])),
    rejected: new Map(counters.map(([name, { rejected }]) => [name, rejected])),
  };
}

function increase(
  before: ReadonlyMap<string, number>,
  now: ReadonlyMap<string, number>,
  name: string,
): number {
  return (now.get(name) ?? 0) - (before.get(name) ?? 0);
}

function fieldsOf({ reason, detail, bus, offset, raw }: RefusedEvent): LogFields {
  const text = new TextDecoder().decode(raw);
  return {
    example_reason: reason,
    example_detail: cut(detail, SHOWN_EVENT),
    example_bus: bus,
    example_offset: offset,
    example_name: nameIn(text),
    example_event: cut(text, SHOWN_EVENT),
  };
}

/** The name of an event; undefined where it is unknown. */
function nameIn(text: string): string | undefined {
  try {
    const { name } = JSON.parse(text);
    return typeof name === "string" ? cut(name, SHOWN_NAME) : undefined;
  } catch {
    return undefined;
  }
}

function cut(text: string, length: number): string {
  return printable(text.length > length ? `${text.slice(0, length)}…` : text);
}
