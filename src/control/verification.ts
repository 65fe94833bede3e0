import { type ReadableSink, SinkError } from "../contract/sink.ts";
import { readBookEntries } from "../state/checkpoint/book_entries.ts";
import { Books } from "../state/checkpoint/books.ts";
import type { StateDatabase } from "../state/file/state_database.ts";
import { DOUBTFUL_ENTRY, keptDeadLetters, readLosses, RESET_ENTRY } from "../state/outbox/losses.ts";
import { type Proof, proofOf, type SinkProof } from "./proof.ts";
import { verifySettledSink } from "./sink_verification.ts";
import type { Span } from "./span.ts";

/**
 * Proves the books, within the state and against the rows of each sink that can be read. The state is read as
 * of its last checkpoint. While a handler runs, a sink may be ahead of it by the events that are counted as
 * waiting. A sink that cannot be read does not keep the others from being proven.
 *
 * @param onWindow Called after each window, with the number of those of the sink so far.
 * @throws {StateError} The state cannot be read. @throws The signal's reason, when it fires.
 */
export async function verify(
  state: StateDatabase,
  sinks: readonly ReadableSink[],
  span: Span,
  signal: AbortSignal,
  onWindow?: (sink: string, compared: number) => void | Promise<void>,
): Promise<Proof> {
  const proofs: SinkProof[] = [];
  const ofSink = (sink: string) => (compared: number) => onWindow?.(sink, compared);
  const { faults, losses, doubtful, resets, keptCount } = state.snapshot(() => ({
    faults: new Books(state).faults(),
    losses: readLosses(state),
    doubtful: readBookEntries(state).get(DOUBTFUL_ENTRY) ?? 0,
    resets: readBookEntries(state).get(RESET_ENTRY) ?? 0,
    keptCount: [...keptDeadLetters(state).values()].reduce((sum, deadLetters) => sum + deadLetters, 0),
  }));
  for (const sink of sinks) {
    try {
      proofs.push(await verifySettledSink(state, sink, span, signal, ofSink(sink.id)));
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SinkError)) throw error;
      const { kind, message } = error;
      proofs.push(proofOf(sink.id, { differences: [], differenceCount: 0, failure: { kind, message } }));
    }
  }
  return {
    proven: faults.length === 0 &&
      proofs.every((proof) => proof.difference_count === 0 && proof.failure === null),
    state_faults: faults,
    sinks: proofs,
    losses,
    perhaps_counted_twice: doubtful,
    resets,
    lost: losses.reduce((sum, { count }) => sum + count, 0),
    kept_letters: keptCount,
  };
}
