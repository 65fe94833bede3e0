import type { Clock } from "../platform/clock/clock.ts";
import type { LogFields, Logger } from "../platform/log/logger.ts";
import { printable } from "../platform/log/printable.ts";
import type { Snapshot } from "./metric_collector.ts";
import type { RefusedEvent } from "../state/letters/dead_letters.ts";

const MINUTE_MS = 60_000;
/** Characters of what comes from outside. */
const SHOWN_NAME = 100;
const SHOWN_EVENT = 300;

const REASONS = ["invalid", "future", "late", "overflow", "notFinite"] as const;

/** What the handler has done since its start. */
interface Totals {
  readonly counters: Snapshot["counters"];
  readonly delivered: ReadonlyMap<string, number>;
  readonly rejected: ReadonlyMap<string, number>;
}

/** One line a minute of what was done, and one of what was refused: whatever goes wrong a million times is told once. */
export class MinuteLog {
  private before: Totals;
  /** The first event that was refused in this minute. */
  private example: RefusedEvent | undefined;

  constructor(
    private readonly snapshot: () => Snapshot,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.before = totalsOf(snapshot());
  }

  /** An event was refused. */
  refused(event: RefusedEvent): void {
    this.example ??= event;
  }

  /** Tells each minute, and does what else is due then, until the signal fires. */
  async run(signal: AbortSignal, alsoDue: () => void = () => {}): Promise<void> {
    for (;;) {
      await this.clock.sleep(MINUTE_MS, signal);
      if (signal.aborted) return;
      this.tell();
      alsoDue();
    }
  }

  /** Tells what there was since it was told last; at the end of all, where that is less than a minute. */
  tell(): void {
    const snapshot = this.snapshot();
    const { before, example } = this;
    const now = totalsOf(snapshot);
    this.before = now;
    this.example = undefined;
    const since = (name: keyof Totals["counters"]) => now.counters[name] - before.counters[name];
    const { readings, nowMs } = snapshot;
    const fields: Record<string, number> = {
      received: since("received"),
      aggregated: since("aggregated"),
      duplicate: since("duplicate"),
      ...(since("dropped") > 0 && { dropped: since("dropped") }),
      refused: REASONS.reduce((sum, reason) => sum + since(reason), 0),
    };
    for (const { name, waitingRows } of readings.sinks) {
      fields[`delivered_${name}`] = increase(before.delivered, now.delivered, name);
      fields[`waiting_${name}`] = waitingRows;
    }
    this.logger.info("in the last minute", {
      ...fields,
      open_windows: readings.openWindows,
      watermark_lag_seconds: readings.watermarkMs === undefined
        ? undefined
        : Math.round((nowMs - readings.watermarkMs) / 100) / 10,
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

function totalsOf({ counters, sinks }: Snapshot): Totals {
  const each = [...sinks];
  return {
    counters,
    delivered: new Map(each.map(([name, { delivered }]) => [name, delivered])),
    rejected: new Map(each.map(([name, { rejected }]) => [name, rejected])),
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

/** The name that an event states; undefined where it cannot be told. */
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
