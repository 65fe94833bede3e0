import { Delivery } from "../delivery/delivery.ts";
import { UNOBSERVED } from "../ingest/ingest_options.ts";
import { systemClock } from "../platform/clock/clock.ts";
import type { Logger } from "../platform/log/logger.ts";
import { Repetitions } from "../platform/log/repetitions.ts";
import type { Config } from "../settings/config.ts";
import { StateError } from "../state/file/state_error.ts";
import { hasRequests } from "../state/letters/dead_letters.ts";
import { BUILT_AT_MS } from "../version.ts";
import { type Core, openCore } from "./core.ts";
import { MetricCollector } from "./metric_collector.ts";
import { systemSurroundings } from "./parts.ts";
import type { Registry } from "./registry.ts";

/**
 * Fulfils operators' requests for dead letters while no handler runs. @throws {StateError} `held`: a handler
 * runs.
 */
export function fulfilRequests(config: Config, logger: Logger): { retried: number; purged: number } {
  const core = openBetweenRuns(config, logger);
  try {
    while (hasRequests(core.state)) {
      if (!core.ingest.fulfilRequests()) throw new StateError("unwritable", core.ingest.obstacle!.detail);
    }
    return core.ingest.fulfilled;
  } finally {
    core.state.close();
  }
}

/**
 * Sends a sink the aggregates that an operator has asked for, and those that wait for it, while no handler
 * runs. Returns why something is left; undefined: nothing is.
 *
 * @throws {StateError} `held`: a handler runs.
 */
export async function deliverAlone(
  config: Config,
  logger: Logger,
  sinkName: string,
  signal: AbortSignal,
  registry: Registry,
): Promise<string | undefined> {
  const metrics = new MetricCollector();
  const core = openBetweenRuns(config, logger);
  const repetitions = new Repetitions();
  const folded = repetitions.foldComponents(logger);
  try {
    const { sinks, clock, random, delivery } = await systemSurroundings(config, folded, registry);
    const sink = sinks.find(({ id }) => id === sinkName)!;
    const only = new Delivery(sink, core.outbox, delivery, clock, random, folded.child("router"), metrics);
    const leftover = await only.run(AbortSignal.abort(), signal);
    if (!core.ingest.fulfilRequests()) return core.ingest.obstacle!.detail;
    return leftover;
  } finally {
    repetitions.tell();
    core.state.close();
  }
}

function openBetweenRuns(config: Config, logger: Logger): Core {
  return openCore(config, logger, {
    busNames: undefined,
    forgetSinks: [],
    clock: systemClock,
    builtAtMs: BUILT_AT_MS,
    observer: UNOBSERVED,
  });
}
