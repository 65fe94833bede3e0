import { StateDatabase } from "../state/file/state_database.ts";
import { SinkRegistry } from "../state/outbox/sink_registry.ts";
import type { Installation } from "./installation.ts";
import type { Proof } from "./proof.ts";
import { assertProvable, proofScope, type UnreadSink, withLacking } from "./proof_scope.ts";
import { settleProven } from "./settlement.ts";
import { assertHasWindows, spanFrom } from "./span.ts";
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
  order: ProvingOrder,
  installation: Installation,
  signal: AbortSignal,
  onWindow?: Parameters<typeof verify>[4],
): Promise<ProvingOutcome> {
  assertProvingPossible(order, installation);
  return await proveInstance(actor, order, installation, signal, onWindow);
}

/** @throws {OrderError} The order is wrong, or nothing is in its span. @throws {StateError} */
export function assertProvingPossible(order: ProvingOrder, installation: Installation): void {
  assertProvable(order, installation);
  assertInSpan(order, installation.config.stateDir);
}

/** @throws {OrderError} A span was given, and the state has no window in it. @throws {StateError} */
export function assertInSpan({ sinceMs }: Pick<ProvingOrder, "sinceMs">, stateDir: string): void {
  if (sinceMs === undefined) return;
  const state = StateDatabase.openForReading(stateDir, true);
  try {
    assertHasWindows(state, spanFrom(sinceMs));
  } finally {
    state.close();
  }
}

/** Proves one of several instances. It alone may have no window in the span: the others may have. */
export async function proveInstance(
  actor: string,
  { sinceMs, scanned }: ProvingOrder,
  installation: Installation,
  signal: AbortSignal,
  onWindow?: Parameters<typeof verify>[4],
): Promise<ProvingOutcome> {
  const { config, logger } = installation;
  assertProvable({ scanned }, installation);
  const state = StateDatabase.openForReading(config.stateDir);
  const scope = await proofScope(installation, scanned, SinkRegistry.read(state).sinks);
  try {
    const span = spanFrom(sinceMs);
    const proof = withLacking(await verify(state, scope.asked, span, signal, onWindow), scope);
    if (sinceMs === undefined) settleProven(actor, "verify", state, config.stateDir, proof, logger);
    return { instance: state.instanceId, stateFile: state.path, proof, unread: scope.unread };
  } finally {
    await scope.close();
    state.close();
  }
}
