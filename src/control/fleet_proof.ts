import type { Config } from "../settings/config.ts";
import type { BooksRecord } from "./books_record.ts";
import { proveBooks, type RemoteBooks } from "./books_proof.ts";
import { compareOffsets, countedIn, type CountedShare, type FleetOffsets } from "./fleet_offsets.ts";
import type { Installation } from "./installation.ts";
import { OrderError } from "./order_error.ts";
import { assertInSpan, proveInstance, type ProvingOrder, type ProvingOutcome } from "./proving.ts";

/** One of several instances. */
export interface FleetMember {
  /** The configuration for its state, or for reading its sinks. */
  readonly config: Config;
  /** Undefined: its state is at hand. */
  readonly remote: RemoteBooks | undefined;
}

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
 * @throws {OrderError} @throws {StateError} @throws What the listeners of instances throw.
 * @throws The signal's reason, when it fires.
 */
export async function proveFleet(
  actor: string,
  order: ProvingOrder,
  members: readonly FleetMember[],
  { logger, registry }: Omit<Installation, "config">,
  signal: AbortSignal,
): Promise<FleetProof> {
  assertSomeInSpan(order, members);
  const instances: ProvingOutcome[] = [];
  for (const { config, remote } of members) {
    const installation = { config, registry, logger };
    instances.push(
      remote === undefined
        ? await proveInstance(actor, order, installation, signal)
        : await proveBooks(remote, order, installation, signal),
    );
  }
  const compare = async () => {
    const counted: CountedShare[] = [];
    for (const { config, remote } of members) {
      counted.push(
        remote === undefined ? countedIn(config.stateDir, registry) : countedBy(await remote.look(signal)),
      );
    }
    return compareOffsets(counted);
  };
  let offsets = await compare();
  // The states are read one after the other. A partition that has changed hands meanwhile is settled by now.
  if (offsets.faults.length > 0) offsets = await compare();
  const proven = offsets.faults.length === 0 && instances.every(({ proof }) => proof.proven);
  return { proven, instances, offsets };
}

/** @throws {OrderError} A span was given, and no state at hand has a window in it. @throws {StateError} */
function assertSomeInSpan(order: ProvingOrder, members: readonly FleetMember[]): void {
  const refusals: OrderError[] = [];
  for (const { config, remote } of members) {
    try {
      if (remote === undefined) assertInSpan(order, config.stateDir);
      return;
    } catch (error) {
      if (!(error instanceof OrderError)) throw error;
      refusals.push(new OrderError(error.kind, `${config.stateDir}: ${error.message}`));
    }
  }
  if (refusals.length > 0) throw refusals[0];
}

function countedBy({ instance, partitions, share }: BooksRecord): CountedShare {
  return {
    instance,
    share: share ?? undefined,
    partitions: partitions.map(({ identity, name, reading }) => ({
      name,
      identity,
      reading: reading === null ? undefined : {
        ...{ offset: reading.offset, ranges: reading.ranges, epoch: reading.epoch },
        begun: reading.begun ?? undefined,
        givenTo: reading.given_to ?? undefined,
      },
    })),
  };
}
