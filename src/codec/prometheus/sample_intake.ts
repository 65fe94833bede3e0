import { PushRefusals } from "../push_refusals.ts";
import { PushedEvents, type PushedSeries } from "../pushed_events.ts";

const NO_NAME = "(no name)";

/** Samples that were sent, by what the answer of version 2 counts apart. */
export interface SampleCounts {
  samples: number;
  histograms: number;
}

/** Makes events of samples, and counts what becomes of them. */
export class SampleIntake {
  readonly events = new PushedEvents();
  readonly refusals = new PushRefusals();
  /** All that came. */
  readonly received: SampleCounts = { samples: 0, histograms: 0 };
  /** What was taken, or says that there is no value. */
  readonly accepted: SampleCounts = { samples: 0, histograms: 0 };

  /** A histogram that says that its series has ended. */
  staleHistogram(): void {
    this.received.histograms++;
    this.accepted.histograms++;
  }

  /** @param series A text: what is wrong with it. */
  sample(
    series: PushedSeries | string,
    name: string | undefined,
    { value, timeMs }: { readonly value: number; readonly timeMs: number },
  ): void {
    this.received.samples++;
    if (Number.isNaN(value)) {
      // There is no value, and the sender is not to blame: a series that has ended is sent so, and a summary
      // without observations.
      this.accepted.samples++;
      return;
    }
    const problem = problemOf(series, timeMs, value);
    if (problem !== undefined) return this.refuse(problem, name);
    this.events.add(series as PushedSeries, value, timeMs);
    this.accepted.samples++;
  }

  /** Its count and its sum are two events, or none. */
  histogram(
    counts: PushedSeries | string,
    sums: PushedSeries | string,
    name: string | undefined,
    { count, sum, timeMs }: { readonly count: number; readonly sum: number; readonly timeMs: number },
  ): void {
    this.received.histograms++;
    const problem = problemOf(counts, timeMs, count) ?? problemOf(sums, timeMs, 0);
    if (problem !== undefined) return this.refuse(problem, name);
    this.accepted.histograms++;
    this.events.add(counts as PushedSeries, count, timeMs);
    // One observation of an infinite value makes the sum infinite, or NaN, for ever; the count stays right.
    if (Number.isFinite(sum)) this.events.add(sums as PushedSeries, sum, timeMs);
  }

  private refuse(problem: string, name: string | undefined): void {
    this.refusals.add(problem, name ?? NO_NAME);
    this.events.refused();
  }
}

function problemOf(series: PushedSeries | string, timeMs: number, value: number): string | undefined {
  if (typeof series === "string") return series;
  if (timeMs < 0) return "a negative timestamp";
  return Number.isFinite(value) ? undefined : `the value ${value}, which is no finite number`;
}
