import type { Config } from "../settings/config.ts";
import { compareOffsets, countedIn, type FleetOffsets } from "./fleet_offsets.ts";
import type { Installation } from "./installation.ts";
import { prove, type ProvingOrder, type ProvingOutcome } from "./proving.ts";

/** The proof of several instances with one sink. */
export interface FleetProof {
  readonly proven: boolean;
  readonly instances: readonly ProvingOutcome[];
  readonly offsets: FleetOffsets;
}

/**
 * Proves the books of each instance, and that each offset is in the books of exactly one of them.
 *
 * @param actor The operator, for the audit.
 * @param configs The configuration for the state of each instance.
 * @throws {OrderError} @throws {StateError} @throws The signal's reason, when it fires.
 */
export async function proveFleet(
  actor: string,
  order: ProvingOrder,
  configs: readonly Config[],
  { logger, registry }: Omit<Installation, "config">,
  signal: AbortSignal,
): Promise<FleetProof> {
  const instances: ProvingOutcome[] = [];
  for (const config of configs) {
    instances.push(await prove(actor, order, { config, registry, logger }, signal));
  }
  const compare = () => compareOffsets(configs.flatMap(({ stateDir }) => countedIn(stateDir, registry)));
  let offsets = compare();
  // The states are read one after the other. A partition that has changed hands meanwhile is settled by now.
  if (offsets.faults.length > 0) offsets = compare();
  const proven = offsets.faults.length === 0 && instances.every(({ proof }) => proof.proven);
  return { proven, instances, offsets };
}
