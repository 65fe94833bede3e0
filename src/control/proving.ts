import type { Config } from "../settings/config.ts";
import { printable } from "../platform/log/printable.ts";
import { readableSinks } from "../runtime/parts.ts";
import type { Registry } from "../runtime/registry.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import type { RegisteredSink } from "../state/outbox/registered_sink.ts";
import { SinkRegistry } from "../state/outbox/sink_registry.ts";
import type { Installation } from "./installation.ts";
import { OrderError } from "./order_error.ts";
import { type Proof, proofOf } from "./proof.ts";
import { settleProven } from "./settlement.ts";
import { ALL_WINDOWS } from "./span.ts";
import { verify } from "./verification.ts";

/** The scope of a proof. */
export interface ProvingOrder {
  /** Only windows that start then or later, Unix ms; undefined: all, and the sum over all rows. */
  readonly sinceMs: number | undefined;
  /** Kinds of sinks that are read although that means reading everything in them. */
  readonly scanned: readonly string[];
}

export interface ProvingOutcome {
  readonly instance: string;
  readonly stateFile: string;
  readonly proof: Proof;
  readonly unread: readonly UnreadSink[];
}

/** A sink that was not compared. */
export interface UnreadSink {
  readonly sink: string;
  readonly kind: string;
  /** Whether it is compared on request; otherwise it cannot be compared. */
  readonly isReadable: boolean;
}

/**
 * Proves the books, within the state and against every sink whose rows can be read back. Ends the alarms over
 * proven sinks.
 *
 * @param actor The operator, for the audit.
 * @param onWindow See {@link verify}.
 * @throws {OrderError} @throws {StateError} @throws The signal's reason, when it fires.
 */
export async function prove(
  actor: string,
  { sinceMs, scanned }: ProvingOrder,
  installation: Installation,
  signal: AbortSignal,
  onWindow?: Parameters<typeof verify>[4],
): Promise<ProvingOutcome> {
  assertProvable({ scanned }, installation);
  const { config, registry, logger } = installation;
  const state = StateDatabase.openForReading(config.stateDir);
  const sinks = readableSinks(config, logger, registry, scanned);
  try {
    const span = { ...ALL_WINDOWS, ...(sinceMs !== undefined && { sinceMs }) };
    const inState = SinkRegistry.read(state).sinks;
    const unread = unreadSinks(sinksInQuestion(config, inState), registry, scanned);
    // Without STORAGE_TYPE, sinks of the settings are no more than a guess.
    const isGuess = config.settings.some(({ origin, variable }) =>
      variable === "STORAGE_TYPE" && origin === "default"
    );
    const asked = sinks.filter(({ id }) => !isGuess || inState.some((known) => known.id === id));
    const lacking = [...config.lacking, ...unnamedSinks(config, inState)];
    const proof = withLacking(await verify(state, asked, span, signal, onWindow), lacking, unread);
    if (sinceMs === undefined) settleProven(actor, "verify", state, config.stateDir, proof, logger);
    return { instance: state.instanceId, stateFile: state.path, proof, unread };
  } finally {
    for (const sink of sinks) await sink.close();
    state.close();
  }
}

/** @throws {OrderError} The order names a sink that there is not, or that cannot be read. */
export function assertProvable(
  { scanned }: Pick<ProvingOrder, "scanned">,
  { config, registry }: Pick<Installation, "config" | "registry">,
): void {
  for (const kind of scanned) {
    if (!config.sinkNames.some((sink) => sink.kind === kind)) {
      throw new OrderError(
        "wrong",
        `--${printable(kind)}: ${
          printable(kind)
        } is not in STORAGE_TYPE, so there is nothing to read. Leave it out, ` +
          "or give the handler's settings.",
      );
    }
    if (registry.sink({ kind }).readBack === undefined) {
      throw new OrderError("wrong", `--${kind}: what ${kind} was given cannot be read back. Leave it out.`);
    }
  }
}

/** The sinks of the settings, and those that only the state knows. */
function sinksInQuestion({ sinkNames }: Config, inState: readonly RegisteredSink[]): Config["sinkNames"] {
  const others = inState.filter((sink) => !sinkNames.some(({ id }) => id === sink.id));
  return [...sinkNames, ...others.map(({ id, kind }) => ({ id, kind }))];
}

/** The sinks that the handler delivers to and the settings of this shell do not name. */
function unnamedSinks({ sinkNames }: Config, inState: readonly RegisteredSink[]): Config["lacking"] {
  const named = inState.map(({ id, kind }) => id === kind ? id : `${id}:${kind}`).join(",");
  return inState.filter((sink) => !sinkNames.some(({ id }) => id === sink.id)).map(({ id }) => ({
    sink: id,
    problem:
      `the handler delivers to it, and STORAGE_TYPE does not name it here. Give the handler's settings, ` +
      `such as by --env-file, or STORAGE_TYPE=${named} and what belongs to it`,
  }));
}

function unreadSinks(
  sinks: Config["sinkNames"],
  registry: Registry,
  scanned: readonly string[],
): UnreadSink[] {
  return sinks.flatMap(({ id, kind }) => {
    const { readBack } = registry.sink({ kind });
    const isRead = readBack === "cheap" || (readBack !== undefined && scanned.includes(kind));
    return isRead ? [] : [{ sink: id, kind, isReadable: readBack !== undefined }];
  });
}

/**
 * Sinks with settings that are missing in this shell are reported as not proven, except those that nobody
 * asked to read.
 */
function withLacking(proof: Proof, lacking: Config["lacking"], unread: readonly UnreadSink[]): Proof {
  const failed = lacking.filter(({ sink }) => !unread.some((known) => known.sink === sink)).map(
    ({ sink, problem }) =>
      proofOf(sink, {
        differences: [],
        differenceCount: 0,
        failure: { kind: "misconfigured", message: problem },
      }),
  );
  return failed.length === 0 ? proof : { ...proof, proven: false, sinks: [...proof.sinks, ...failed] };
}
