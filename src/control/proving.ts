import type { Config } from "../settings/config.ts";
import { readableSinks } from "../runtime/parts.ts";
import type { Registry } from "../runtime/registry.ts";
import { StateDatabase } from "../state/file/state_database.ts";
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
  { config, registry, logger }: Installation,
  signal: AbortSignal,
  onWindow?: Parameters<typeof verify>[4],
): Promise<ProvingOutcome> {
  assertConfigured(config, scanned);
  const state = StateDatabase.openForReading(config.stateDir);
  const sinks = readableSinks(config, logger, registry, scanned);
  try {
    const span = { ...ALL_WINDOWS, ...(sinceMs !== undefined && { sinceMs }) };
    const unread = unreadSinks(config, registry, scanned);
    const proof = withLacking(await verify(state, sinks, span, signal, onWindow), config, unread);
    if (sinceMs === undefined) settleProven(actor, "verify", state, config.stateDir, proof, logger);
    return { instance: state.instanceId, stateFile: state.path, proof, unread };
  } finally {
    for (const sink of sinks) await sink.close();
    state.close();
  }
}

function assertConfigured({ sinkNames }: Config, scanned: readonly string[]): void {
  for (const kind of scanned) {
    if (sinkNames.some((sink) => sink.kind === kind)) continue;
    throw new OrderError(
      "wrong",
      `--${kind}: ${kind} is not in STORAGE_TYPE, so there is nothing to read. Leave it out, or give ` +
        "the handler's settings.",
    );
  }
}

function unreadSinks({ sinkNames }: Config, registry: Registry, scanned: readonly string[]): UnreadSink[] {
  return sinkNames.flatMap(({ id, kind }) => {
    const { readBack } = registry.sink({ kind });
    const isRead = readBack === "cheap" || (readBack !== undefined && scanned.includes(kind));
    return isRead ? [] : [{ sink: id, kind, isReadable: readBack !== undefined }];
  });
}

/**
 * Sinks with settings that are missing in this shell are reported as not proven, except those that nobody
 * asked to read.
 */
function withLacking(proof: Proof, { lacking }: Config, unread: readonly UnreadSink[]): Proof {
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
