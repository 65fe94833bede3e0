import type { Logger } from "../platform/log/logger.ts";
import { type Claim, type SinkContext, SinkError } from "../contract/sink.ts";

/** Where a sink keeps the claim of the handler that writes to it, in terms of that sink. */
export interface ClaimStore {
  read(): Promise<Claim | undefined>;
  /** Puts `own` in the place of `found`, where that is still there. Returns whether it was. */
  replace(found: Claim | undefined, own: Claim): Promise<boolean>;
}

/** Two handlers that start at once take turns. */
const ATTEMPTS = 3;

/**
 * Claims a sink for this handler. Of two handlers on copies of one state the later one takes it over, if nothing of the sink
 * tells that it lacks anything; the earlier one then finds a claim that is not its own.
 *
 * @throws {SinkError} `misconfigured`: another life of the state has written to it.
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

/** What to throw where a batch could not be written because the claim was not this handler's any more. */
export async function claimLost(store: ClaimStore, context: SinkContext, what: string): Promise<SinkError> {
  const found = await store.read();
  if (found !== undefined) assertNoObjection(found, context, what);
  return new SinkError("unavailable", `${what}: the handler's claim was taken away; it is claimed anew.`);
}

function assertNoObjection(found: Claim, { claimant }: SinkContext, what: string): void {
  const objection = claimant.objection(found);
  if (objection !== undefined) throw new SinkError("misconfigured", `${what}: ${objection}`);
}
