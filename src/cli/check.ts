import { configuredSinks } from "../runtime/core.ts";
import { AdminError, tryAdminAddress } from "../api/admin_server.ts";
import { systemClock } from "../platform/clock/clock.ts";
import { OwnClock } from "../platform/clock/own_clock.ts";
import type { Config } from "../settings/config.ts";
import type { SourceConfig } from "../settings/configured.ts";
import type { HostPort } from "../settings/value_type.ts";
import { maskedConfig } from "../settings/effective.ts";
import { createOutlet, createSinks, createSources } from "../runtime/parts.ts";
import type { Registry } from "../runtime/registry.ts";
import type { Logger } from "../platform/log/logger.ts";
import { printable } from "../platform/log/printable.ts";
import { SinkError } from "../contract/sink.ts";
import { readAlarms, type StandingAlarm, told } from "../state/alarms.ts";
import { latestMs, readBookEntries } from "../state/checkpoint/book_entries.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { StateLock } from "../state/file/state_lock.ts";
import { tryState } from "../state/file/state_trial.ts";
import { StateError } from "../state/file/state_error.ts";
import { SourceError } from "../contract/source.ts";
import { BUILT_AT_MS } from "../version.ts";
import type { CommandContext } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { answersAsHandler } from "./health.ts";

const PROBE_TIMEOUT_MS = 15_000;

/** Something that `run` needs, as far as `check` is concerned. */
export interface Subject {
  /** `bus http://localhost:8000`, `sink kafka`. */
  readonly title: string;
  /** Tries whatever `run` will do there, without a trace, and says in a few words what is there. */
  probe(signal: AbortSignal): Promise<string>;
  close(): Promise<void> | void;
}

/** Prints the effective configuration and whether all that `run` needs is there, with every right it takes. */
export async function check({ config, registry, logger, signal, write }: CommandContext): Promise<ExitCode> {
  write(`${maskedConfig(config)}\n`);
  for (const warning of config.warnings) write(`WARNING ${printable(warning)}\n`);
  const findings = await Promise.all([
    ...subjectsOf(config, registry, logger).map((subject) => examine(subject, signal, PROBE_TIMEOUT_MS)),
    examineClock(config, registry, signal, PROBE_TIMEOUT_MS),
  ]);
  for (const { text } of findings) write(`${printable(text)}\n`);
  for (const alarm of standingAlarms(config.stateDir)) write(`ALARM   ${printable(told(alarm))}\n`);
  return findings.every(({ isFine }) => isFine) ? EXIT.done : EXIT.failed;
}

function subjectsOf(config: Config, registry: Registry, logger: Logger): Subject[] {
  const { stateDir, instanceId, httpListen, metricsIntervalMs } = config;
  const sinks = configuredSinks(config);
  return [
    local("state", () => tryState(stateDir, instanceId, sinks)),
    ...(httpListen === undefined
      ? []
      : [{ title: "admin listener", probe: () => tryAdmin(httpListen, stateDir), close: () => {} }]),
    ...createSources(config, registry).map((source, index) => ({
      title: `bus ${source.id}${wayTo(config.sources[index]!, registry)}`,
      probe: (signal: AbortSignal) => source.probe(signal),
      close: () => source.close(),
    })),
    ...(metricsIntervalMs === 0 ? [] : metricsSubjects(config, registry)),
    ...createSinks(config, logger, registry).map((sink) => ({
      title: `sink ${sink.id}`,
      probe: (signal: AbortSignal) => sink.probe(signal),
      close: () => sink.close(),
    })),
  ];
}

/** What is on this host and answers at once. */
function local(title: string, probe: () => string): Subject {
  return { title, probe: () => Promise.resolve().then(probe), close: () => {} };
}

/** A send of no readings, to where they go. */
function metricsSubjects(config: Config, registry: Registry): Subject[] {
  const outlet = createOutlet(config, registry)?.part;
  if (outlet === undefined) return [];
  return [{
    title: `metrics to ${outlet.name}`,
    probe: async (signal) => {
      try {
        await outlet.post([], signal);
        return "taken";
      } catch (error) {
        if (!(error instanceof SourceError) || error.kind === "refused") throw error;
        return `Warning: ${error.message}; all else works without`;
      }
    },
    close: () => outlet.close(),
  }];
}

/** A port that is taken is in order where the handler of this state has it. */
async function tryAdmin(address: HostPort, stateDir: string): Promise<string> {
  const { hostname, port } = address;
  try {
    tryAdminAddress(address);
    return `${hostname}:${port} is free`;
  } catch (error) {
    const holder = StateLock.holder(stateDir);
    if (holder === undefined || !await answersAsHandler(address)) throw error;
    return `${hostname}:${port} is the running handler's, of ${holder}`;
  }
}

function wayTo(source: SourceConfig, registry: Registry): string {
  return registry.source(source).wayOf?.(source.options) ?? "";
}

/** Of a state that is there and can be read. */
function standingAlarms(stateDir: string): StandingAlarm[] {
  let state: StateDatabase;
  try {
    state = StateDatabase.openForReading(stateDir);
  } catch (error) {
    if (error instanceof StateError) return [];
    throw error;
  }
  try {
    return readAlarms(state);
  } finally {
    state.close();
  }
}

interface Finding {
  readonly isFine: boolean;
  readonly text: string;
}

/** Probes one subject and lets go of it. Errors that are not the subject's own pass through. */
export async function examine(subject: Subject, signal: AbortSignal, timeoutMs: number): Promise<Finding> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const found = await subject.probe(AbortSignal.any([signal, timeout]));
    return { isFine: true, text: `ok      ${subject.title}: ${found}` };
  } catch (error) {
    signal.throwIfAborted();
    if (timeout.aborted) {
      return { isFine: false, text: `FAILED  ${subject.title}: no answer within ${timeoutMs / 1000} s` };
    }
    if (error instanceof StateError || error instanceof AdminError) {
      return { isFine: false, text: `FAILED  ${subject.title}: ${error.message}` };
    }
    if (!(error instanceof SinkError || error instanceof SourceError)) throw error;
    const advice = ADVICE[error.kind];
    return { isFine: false, text: `FAILED  ${subject.title}: ${error.message}${advice && ` ${advice}`}` };
  } finally {
    await subject.close();
  }
}

/** Whether this host's clock is behind, by what the buses, the state and the program say. */
async function examineClock(
  config: Config,
  registry: Registry,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<Finding> {
  const ownClock = new OwnClock(systemClock, {
    builtAtMs: BUILT_AT_MS,
    stateMs: () => latestOfState(config.stateDir),
  });
  await Promise.all(
    createSources(config, registry).map(async (source) => {
      try {
        const dateMs = await source.time?.(AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
        if (dateMs !== undefined) ownClock.heard(source.id, dateMs);
      } catch (error) {
        signal.throwIfAborted();
        // That it cannot be reached is said elsewhere.
        if (!(error instanceof SourceError)) throw error;
      } finally {
        await source.close();
      }
    }),
  );
  const accusation = ownClock.accuser(config.maxFutureSkewMs);
  if (accusation !== undefined) {
    return {
      isFine: false,
      text:
        `FAILED  clock_behind: ${accusation} (Set the clock right: until then events are not read. Is it synchronised?)`,
    };
  }
  const doubt = ownClock.accuser(0) ?? ownClock.doubter(config.maxFutureSkewMs);
  return { isFine: true, text: doubt === undefined ? "ok      clock" : `WARNING clock: ${doubt}` };
}

/** Undefined: there is no state yet, or none that can be read. */
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

const ADVICE: Record<SinkError["kind"] | SourceError["kind"], string> = {
  unavailable: "(Is it running, and can this host reach it?)",
  incomplete: "(Is it overloaded, or something between that cuts answers off?)",
  timed_out: "(Is it overloaded, or is the network to it slow?)",
  rejected: "(It refuses what the handler writes.)",
  postponed: "(It refuses what the handler writes.)",
  unexplained: "(It refuses what the handler writes.)",
  // These say it themselves.
  misconfigured: "",
  refused: "",
  garbage: "",
  smaller: "",
};
