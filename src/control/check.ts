import { probeAnswer } from "../contract/probe_answer.ts";
import { type Source, SourceError } from "../contract/source.ts";
import { ifTold, SharedContents } from "../ingest/shared_contents.ts";
import { configuredSinks } from "../runtime/core.ts";
import { createOutlet, createSinks, createSources } from "../runtime/parts.ts";
import type { Registry } from "../runtime/registry.ts";
import type { Config } from "../settings/config.ts";
import type { SourceConfig } from "../settings/configured.ts";
import { readAlarms, type StandingAlarm } from "../state/alarms.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { StateError } from "../state/file/state_error.ts";
import { tryState } from "../state/file/state_trial.ts";
import { examineClock } from "./clock_examination.ts";
import { examine, type Finding, type Subject } from "./examination.ts";
import type { Installation } from "./installation.ts";
import { misfitOf } from "./misfit.ts";

const PROBE_TIMEOUT_MS = 15_000;

export interface CheckOutcome {
  readonly findings: readonly Finding[];
  /** The alarms in the state, if there is one. */
  readonly alarms: readonly StandingAlarm[];
}

/**
 * Whether everything that a run needs is there, with all rights. Nothing is written anywhere.
 *
 * @param also Further subjects of the run.
 * @throws The signal's reason, when it fires.
 */
export async function check(
  installation: Installation,
  also: readonly Subject[],
  signal: AbortSignal,
): Promise<CheckOutcome> {
  const { config, registry } = installation;
  const subjects = await subjectsOf(installation, also);
  const findings = await Promise.all([
    ...subjects.map((subject) => examine(subject, signal, PROBE_TIMEOUT_MS)),
    examineClock(config, registry, signal, PROBE_TIMEOUT_MS),
  ]);
  return { findings: findings.flat(), alarms: standingAlarms(config.stateDir) };
}

async function subjectsOf(
  { config, registry, logger }: Installation,
  also: readonly Subject[],
): Promise<Subject[]> {
  const { stateDir, instanceId, metricsIntervalMs } = config;
  const sinks = configuredSinks(config);
  const readers = new Map<string, string>();
  const contents = new SharedContents(config.sources.length);
  return [
    local("state", () => tryState(stateDir, instanceId, sinks)),
    ...also,
    ...(await createSources(config, registry)).map((source, index) => ({
      title: `bus ${source.id}${wayTo(config.sources[index]!, registry)}`,
      probe: async (signal: AbortSignal) => {
        const answer = await probeBus(source, config.sources[index]!, registry, signal);
        await assertReadOnce(source, readers, contents, signal);
        return answer;
      },
      close: () => source.close(),
    })),
    ...(metricsIntervalMs === 0 ? [] : await metricsSubjects(config, registry)),
    ...(await createSinks(config, logger, registry)).map((sink) => ({
      title: `sink ${sink.id}`,
      probe: (signal: AbortSignal) => sink.probe(signal),
      close: () => sink.close(),
    })),
  ];
}

/** As {@link Source.probe}. Where something else than the bus answers, the error says so. */
async function probeBus(
  source: Source,
  config: SourceConfig,
  registry: Registry,
  signal: AbortSignal,
): Promise<string> {
  try {
    return await source.probe(signal);
  } catch (error) {
    if (!(error instanceof SourceError) || error.kind === "refused") throw error;
    const misfit = await misfitOf(config, registry, signal);
    throw misfit === undefined ? error : new SourceError("refused", misfit, undefined, { cause: error });
  }
}

/**
 * Checks that no other bus of the settings reads the same.
 *
 * @param readers The names of the buses by their lineages, which it adds to.
 */
async function assertReadOnce(
  source: Source,
  readers: Map<string, string>,
  contents: SharedContents,
  signal: AbortSignal,
): Promise<void> {
  const lineage = await ifTold(source.lineage?.(signal));
  const reader = lineage === undefined ? source.id : readers.getOrInsert(lineage, source.id);
  if (reader !== source.id) {
    throw new SourceError(
      "refused",
      `it has the same log as ${reader}: name this bus only once in VABUS_URL`,
    );
  }
  const shared = await contents.note(source, signal);
  if (shared === undefined) return;
  throw new SourceError("refused", `${shared}, and would count twice: name it in one URL only`);
}

/** A subject on this host that answers at once. */
function local(title: string, probe: () => string): Subject {
  return { title, probe: () => Promise.resolve().then(probe), close: () => {} };
}

/** Tries to send metrics, by an empty array. */
async function metricsSubjects(config: Config, registry: Registry): Promise<Subject[]> {
  const outlet = (await createOutlet(config, registry))?.part;
  if (outlet === undefined) return [];
  return [{
    title: `metrics to ${outlet.name}`,
    probe: async (signal) => {
      try {
        await outlet.post([], signal);
        return "taken";
      } catch (error) {
        if (!(error instanceof SourceError) || error.kind === "refused") throw error;
        return probeAnswer("", [`${error.message}; all else works without`]);
      }
    },
    close: () => outlet.close(),
  }];
}

function wayTo(source: SourceConfig, registry: Registry): string {
  return registry.source(source).wayOf?.(source.options) ?? "";
}

/** The state, if it exists and can be read. */
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
