import type { Glance } from "./glance.ts";

/** Rates of events are over this time. Those of aggregates, which come in bursts, the handler tells. */
const SPAN_MS = 10_000;

/** Rates by the names of sources and sinks; not there: not known yet. */
export interface Rates {
  /** Events a second. */
  readonly received: number | undefined;
  readonly receivedOf: ReadonlyMap<string, number>;
  readonly refusedOf: ReadonlyMap<string, number>;
  /** Aggregates a minute. */
  readonly deliveredTo: ReadonlyMap<string, number>;
}

/** Makes rates of the counters in glances that follow each other. */
export class GlanceRates {
  private glances: Glance[] = [];

  /**
   * @param glance A newer one than those before. A restart of the handler, or a clock set back, begins anew.
   */
  add(glance: Glance): Rates {
    const last = this.glances.at(-1);
    if (last !== undefined && (glance.received < last.received || glance.atMs < last.atMs)) this.glances = [];
    this.glances.push(glance);
    this.glances = this.glances.filter(({ atMs }) => glance.atMs - atMs <= SPAN_MS);
    const early = this.glances[0]!;
    const sources = new Map(early.sources.map((source) => [source.name, source]));
    const perSecond = (before: number | undefined, now: number | undefined) =>
      rate(before, now, glance.atMs - early.atMs);
    return {
      received: perSecond(early.received, glance.received),
      receivedOf: known(
        glance.sources.map(({ name, received }) => [name, perSecond(sources.get(name)?.received, received)]),
      ),
      refusedOf: known(
        glance.sources.map(({ name, refused }) => [name, perSecond(sources.get(name)?.refused, refused)]),
      ),
      deliveredTo: known(
        glance.sinks.map((
          { name, deliveredPerSecond: each },
        ) => [name, each === undefined ? each : each * 60]),
      ),
    };
  }
}

function rate(before: number | undefined, now: number | undefined, spanMs: number): number | undefined {
  if (before === undefined || now === undefined || spanMs <= 0) return undefined;
  return Math.max(0, now - before) / spanMs * 1000;
}

function known(rates: readonly (readonly [string, number | undefined])[]): Map<string, number> {
  return new Map(rates.flatMap(([name, each]) => each === undefined ? [] : [[name, each] as const]));
}
