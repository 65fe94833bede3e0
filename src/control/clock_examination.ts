import { SourceError } from "../contract/source.ts";
import { systemClock } from "../platform/clock/clock.ts";
import { OwnClock } from "../platform/clock/own_clock.ts";
import { createSources } from "../runtime/parts.ts";
import type { Registry } from "../runtime/registry.ts";
import type { Config } from "../settings/config.ts";
import { latestMs, readBookEntries } from "../state/checkpoint/book_entries.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { StateError } from "../state/file/state_error.ts";
import { BUILT_AT_MS } from "../version.ts";
import type { Finding } from "./examination.ts";

/** Whether this host's clock is behind, judged by the buses, the state and the program. */
export async function examineClock(
  config: Config,
  registry: Registry,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<Finding> {
  const ownClock = new OwnClock(systemClock, {
    builtAtMs: BUILT_AT_MS,
    stateMs: () => latestOfState(config.stateDir),
  });
  const sources = await createSources(config, registry);
  await Promise.all(
    sources.map(async (source) => {
      try {
        const dateMs = await source.time?.(AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
        if (dateMs !== undefined) ownClock.heard(source.id, dateMs);
      } catch (error) {
        signal.throwIfAborted();
        // Another finding reports that the bus cannot be reached.
        if (!(error instanceof SourceError)) throw error;
      } finally {
        await source.close();
      }
    }),
  );
  const accusation = ownClock.accuser(config.maxFutureSkewMs);
  if (accusation !== undefined) {
    return {
      outcome: "failed",
      title: "clock_behind",
      detail: `${accusation} (Set the clock right: until then events are not read. Is it synchronised?)`,
    };
  }
  const doubt = ownClock.accuser(0) ?? ownClock.doubter(config.maxFutureSkewMs);
  return doubt === undefined
    ? { outcome: "ok", title: "clock" }
    : { outcome: "warning", title: "clock", detail: doubt };
}

/** Undefined: there is no state yet, or it cannot be read. */
function latestOfState(stateDir: string): number | undefined {
  try {
    const state = StateDatabase.openForReading(stateDir);
    try {
      return latestMs(readBookEntries(state));
    } finally {
      state.close();
    }
  } catch (error) {
    if (error instanceof StateError) return undefined;
    throw error;
  }
}
