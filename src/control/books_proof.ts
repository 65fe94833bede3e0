import { type ReadableSink, SinkError } from "../contract/sink.ts";
import type { BooksRecord, SinkBooksRecord } from "./books_record.ts";
import type { Installation } from "./installation.ts";
import { OrderError } from "./order_error.ts";
import { type Proof, proofOf, type SinkProof } from "./proof.ts";
import { assertProvable, proofScope, withLacking } from "./proof_scope.ts";
import type { ProvingOrder, ProvingOutcome } from "./proving.ts";
import { sumDifference, sumOfAll } from "./sink_verification.ts";
import { type TierStanding, verifyTiers } from "./tier_verification.ts";

/** The books of a running handler, which its admin listener tells. */
export interface RemoteBooks {
  readonly url: string;
  /** The books as of the last checkpoint. @throws The listener does not give them. */
  look(signal: AbortSignal): Promise<BooksRecord>;
}

/**
 * Proves the books of a running handler by what it tells of them: the sums over its rows in each sink, and in
 * each tier. Single windows are not compared, for which the state is needed.
 *
 * @param installation That of who proves: its sinks are read.
 * @throws {OrderError} @throws What `look` throws. @throws The signal's reason, when it fires.
 */
export async function proveBooks(
  books: RemoteBooks,
  { scanned }: Pick<ProvingOrder, "scanned">,
  installation: Installation,
  signal: AbortSignal,
): Promise<ProvingOutcome> {
  const { config, registry } = installation;
  assertProvable({ scanned }, installation);
  const first = await books.look(signal);
  const look = async () => {
    const found = await books.look(signal);
    if (found.state_id === first.state_id) return found;
    throw new OrderError(
      "impossible",
      `${books.url} answers as ${first.instance} and then as ${found.instance}: give the address of each ` +
        "instance itself, not of what stands before them.",
    );
  };
  const inState = first.sinks.filter(({ present }) => present).map(({ kind, sink }) => ({ id: sink, kind }));
  const scope = await proofScope(installation, scanned, inState);
  try {
    const sinks: SinkProof[] = [];
    for (const sink of scope.asked) {
      const configured = config.sinks.find(({ id }) => id === sink.id)!;
      const isFile = registry.fileOf(configured) !== undefined;
      sinks.push(isFile ? unreachable(sink.id) : await proveSink(sink, look, signal));
    }
    const { instance, kept_letters, losses, lost, perhaps_counted_twice, resets, state_faults } = first;
    const proof: Proof = {
      proven: state_faults.length === 0 &&
        sinks.every((sink) => sink.difference_count === 0 && sink.failure === null),
      ...{ state_faults, sinks, losses, lost, perhaps_counted_twice, resets, kept_letters },
    };
    const stateFile = `${first.state_file} at ${books.url}`;
    return { instance, stateFile, proof: withLacking(proof, scope), unread: scope.unread };
  } finally {
    await scope.close();
  }
}

async function proveSink(
  sink: ReadableSink,
  look: () => Promise<BooksRecord>,
  signal: AbortSignal,
): Promise<SinkProof> {
  try {
    return await compareSums(sink, look, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof SinkError)) throw error;
    const { kind, message } = error;
    return proofOf(sink.id, { differences: [], differenceCount: 0, failure: { kind, message } });
  }
}

/** A handler that runs delivers meanwhile, so the sums lie between the books before and those after. */
async function compareSums(
  sink: ReadableSink,
  look: () => Promise<BooksRecord>,
  signal: AbortSignal,
): Promise<SinkProof> {
  const { instance, sinks } = await look();
  const before = sinks.find((one) => one.sink === sink.id);
  if (before === undefined) {
    const differences = ["the state knows no such sink: the handler has not run with it yet"];
    return proofOf(sink.id, { differences, differenceCount: 1 });
  }
  const { readBack } = sink;
  const mayRepeat = (startMs: number) =>
    before.sent_again.some(({ from, until }) => startMs >= from * 1000 && startMs < until * 1000);
  const deleted = await readBack.deleted?.(instance, signal);
  const differences = [...await readBack.flaws?.(instance, -Infinity, mayRepeat, signal) ?? []];
  const found = await sumOfAll(instance, sink, signal);
  const now = async () => (await look()).sinks.find((one) => one.sink === sink.id) ?? before;
  const after = await now();
  const least = before.routed_events - before.undelivered_events -
    Math.max(before.refused_events, after.refused_events);
  // Rows that were given up may have been written, where only the answer was lost.
  const most = after.routed_events - after.refused_events + after.given_up_events;
  const expected = Math.min(Math.max(found, least), most);
  if (expected !== found) differences.push(sumDifference(after.routed_events, expected, found));
  const ofTiers = await verifyTiers(sink, instance, standingOf(before), {
    undelivered: byLength(before, "undelivered_events"),
    deleted,
    after: async () => standingOf(await now()),
  }, signal);
  differences.push(...ofTiers.differences);
  return proofOf(sink.id, {
    expectedEvents: expected,
    foundEvents: found,
    tiers: ofTiers.tiers,
    waitingEvents: after.undelivered_events,
    refusedEvents: after.refused_events,
    deleted,
    differences,
    differenceCount: differences.length,
  });
}

function standingOf(sink: SinkBooksRecord): TierStanding {
  return {
    sink: { routedCount: sink.routed_events, givenUpCount: sink.given_up_events },
    routedByLength: byLength(sink, "routed_events"),
    refusedByLength: byLength(sink, "refused_events"),
  };
}

function byLength(
  { tiers }: SinkBooksRecord,
  what: "routed_events" | "undelivered_events" | "refused_events",
): ReadonlyMap<number, number> {
  return new Map(tiers.map((tier) => [tier.window_seconds * 1000, tier[what]]));
}

function unreachable(sink: string): SinkProof {
  const message = "it is a file on the host of that instance: prove it there, by --fleet and its STATE_DIR";
  return proofOf(sink, {
    differences: [],
    differenceCount: 0,
    failure: { kind: "misconfigured", message },
  });
}
