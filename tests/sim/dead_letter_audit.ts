import { readBookEntries } from "../../src/state/checkpoint/book_entries.ts";
import type { DeadLetterBound } from "../../src/state/letters/dead_letter_bound.ts";
import type { StateDatabase } from "../../src/state/file/state_database.ts";
import { Violation } from "./violation.ts";

/** No text of an event is longer. */
const TEXT_MAX_BYTES = 400;

interface DeadLetter {
  readonly id: number;
  readonly bytes: number;
}

/**
 * Checks which dead letters are dropped. Only those beyond the bound may be, the oldest first, and each of
 * them must be counted. Those that a sink refused, or that an operator's request names, must stay. Dead
 * letters get consecutive ids, so that those that came and went within one transaction are known too.
 */
export class DeadLetterAudit {
  /** Dead letters that were dropped, as the state counts them. */
  dropped = 0;
  private held: readonly DeadLetter[] = [];
  private greatestId = 0;
  private readonly named = new Set<number>();

  constructor(private readonly bound: DeadLetterBound) {}

  /** An operator has asked for something with these dead letters. */
  requested(ids: readonly number[]): void {
    for (const id of ids) this.named.add(id);
  }

  /** After each transaction. @throws {Violation} */
  checkpoint(state: StateDatabase): void {
    const { bound } = this;
    const held = state.all<DeadLetter>(
      "SELECT id, coalesce(length(raw), 0) AS bytes FROM dead_letter WHERE sink IS NULL ORDER BY id",
    );
    const heldIds = new Set(held.map(({ id }) => id));
    const all = new Set(state.all<{ id: number }>("SELECT id FROM dead_letter").map(({ id }) => id));
    const greatestId =
      state.get<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'dead_letter'")
        ?.seq ?? 0;
    const dropped = (readBookEntries(state).get("letters_dropped") ?? 0) - this.dropped;
    const gone = this.held.filter(({ id }) => !heldIds.has(id));
    const unasked = gone.filter(({ id }) => !this.named.has(id));
    let unseen = 0;
    for (let id = this.greatestId + 1; id <= greatestId; id++) if (!all.has(id)) unseen++;
    // A dead letter that a sink refused and an operator has given up may also come and go within one
    // transaction.
    if (dropped < unasked.length || dropped > gone.length + unseen) {
      throw new Violation(
        `${dropped} dead letters count as dropped; ${unasked.length} are gone that nobody has asked for, ` +
          `${gone.length - unasked.length} others, and ${unseen} that were never seen`,
      );
    }
    const newestGone = unasked.at(-1)?.id ?? 0;
    if (held.some(({ id }) => id < newestGone)) {
      throw new Violation(`dead letter ${newestGone} is dropped, and older ones are not`);
    }
    const bytes = held.reduce((sum, deadLetter) => sum + deadLetter.bytes, 0);
    const hasRequests = state.get("SELECT 1 FROM wish LIMIT 1") !== undefined;
    if (!hasRequests && (held.length > bound.deadLetters || bytes > bound.bytes)) {
      throw new Violation(`${held.length} dead letters of ${bytes} bytes are kept`);
    }
    if (
      dropped > 0 &&
      (hasRequests || (held.length < bound.deadLetters && bytes + TEXT_MAX_BYTES < bound.bytes))
    ) {
      throw new Violation(
        `${dropped} dead letters are dropped with room for more, or for what an operator requests`,
      );
    }
    this.dropped += dropped;
    this.held = held;
    this.greatestId = greatestId;
  }
}
