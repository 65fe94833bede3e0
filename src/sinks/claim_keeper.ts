import type { Logger } from "../platform/log/logger.ts";
import { type Claim, type SinkContext, SinkError } from "../contract/sink.ts";

/** Where a sink stores the claim of the handler that writes to it. */
export interface ClaimStore {
  read(): Promise<Claim | undefined>;
  /** Replaces the claim `found` by `own`, if it is still there. Returns whether it was. */
  replace(found: Claim | undefined, own: Claim): Promise<boolean>;
}

/** Tries to claim: two handlers that start at once may disturb each other. */
const ATTEMPTS = 3;

/**
 * Claims a sink for this handler. Of two handlers on copies of one state, the later one takes the sink over,
 * unless the sink shows that its state is behind. The earlier one then finds a foreign claim.
 *
 * @throws {SinkError} `misconfigured`: another life of the state has written to the sink.
 */
export async function claim(
  store: ClaimStore,
  context: SinkContext,
  what: string,
  logger: Logger,
): Promise<void> {
  const { claimant, cursor, stateId } = context;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const found = await store.read();
    const isOwn = found?.stateId === stateId && found.boot === claimant.boot && found.life === claimant.life;
    if (isOwn) return claimant.claimed();
    if (found !== undefined) {
      assertNoObjection(found, context, what);
      if (found.stateId !== stateId) {
        logger.warn(
          "the rows here were written from another state of this INSTANCE_ID; this one takes over",
          {
            sink: what,
            other_state: found.stateId,
          },
        );
      }
    }
    const nextId = found?.stateId === stateId ? Math.max(found.nextId, cursor) : cursor;
    if (await store.replace(found, { stateId, boot: claimant.boot, life: claimant.life, nextId })) {
      return claimant.claimed();
    }
  }
  throw new SinkError("unavailable", `${what}: several handlers claim it at the same time.`);
}

/** The error where a batch was not written because the claim no longer belongs to this handler. */
export async function claimLost(store: ClaimStore, context: SinkContext, what: string): Promise<SinkError> {
  const found = await store.read();
  if (found !== undefined) assertNoObjection(found, context, what);
  return new SinkError("unavailable", `${what}: the handler's claim was taken away; it is claimed again.`);
}

function assertNoObjection(found: Claim, { claimant }: SinkContext, what: string): void {
  const objection = claimant.objection(found);
  if (objection !== undefined) throw new SinkError("misconfigured", `${what}: ${objection}`);
}
