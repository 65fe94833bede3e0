import type { Claim, Claimant } from "../../contract/sink.ts";
import type { StateDatabase } from "../file/state_database.ts";

/** Starts that are remembered. A claim of an earlier start is believed. */
const KEPT = 4096;

interface Life {
  boot: number;
  token: string;
  /** One past the newest outbox id before the next start; null: this start still runs. */
  end_id: number | null;
}

/**
 * The starts of a handler on a state. Each has a random token, and a sink stores the token of the start that
 * writes to it. So the state can tell whether that was one of its own starts. A copy of the state, or an
 * older version of it, lacks the tokens and the aggregates that came since.
 */
export class Lives {
  private readonly disputes = new Map<string, string>();

  private constructor(
    private readonly state: StateDatabase,
    private readonly present: Life,
    private readonly startId: number,
  ) {}

  /**
   * Stores a start of a handler.
   *
   * @param startId One past the newest outbox id of the state.
   * @throws {StateError}
   */
  static begin(state: StateDatabase, startId: number): Lives {
    return state.transaction(() => {
      const last = state.get<Life & { checksum: number }>("SELECT * FROM life ORDER BY boot DESC LIMIT 1");
      if (last !== undefined) {
        state.seal.put("life", { boot: last.boot, token: last.token, end_id: startId }, last.checksum);
      }
      const present = { boot: (last?.boot ?? 0) + 1, token: crypto.randomUUID(), end_id: null };
      state.seal.put("life", present);
      state.seal.remove("life", "boot <= ?", present.boot - KEPT);
      return new Lives(state, present, startId);
    });
  }

  /**
   * This start as the claimant of a sink.
   *
   * @param isAccepted Whether the operator has accepted the aggregates in the sink.
   */
  claimant(sink: string, isAccepted: boolean): Claimant {
    const { present: { boot, token: life }, startId, state: { stateId } } = this;
    let isTaken = false;
    const refusal = (fault: string) => {
      const text = `${fault} ${twoLives(sink)}`;
      this.disputes.set(sink, `${sink}: ${text}`);
      return text;
    };
    const objection = (found: Claim): string | undefined => {
      if (found.stateId !== stateId) return isTaken ? TAKEN_OVER : undefined;
      if (found.boot === boot && found.life === life) return undefined;
      const fault = this.fault(found);
      return fault === undefined || (isAccepted && !isTaken) ? undefined : refusal(fault);
    };
    return {
      boot,
      life,
      startId,
      objection,
      claimed: () => {
        isTaken = true;
        this.disputes.delete(sink);
      },
      // The position in the sink stays the same until the next commit, so this objects at each try.
      objectionToPosition: (nextId) => isAccepted ? undefined : refusal(tooFar(nextId, startId)),
    };
  }

  /**
   * What a sink shows that this state cannot have done: another handler runs on a copy of it, or it was
   * rolled back. Undefined: no sink shows such a thing.
   */
  get dispute(): string | undefined {
    return this.disputes.values().next().value;
  }

  /** What in a claim cannot come from this state, as a sentence; undefined: nothing. */
  private fault({ boot, life, nextId }: Claim): string | undefined {
    const known = this.state.get<Life>("SELECT boot, token, end_id FROM life WHERE boot = ?", boot);
    if (known === undefined && boot < this.present.boot) return undefined;
    if (known?.token !== life) {
      return `it was last written to by a start of a handler (number ${boot}) that this state knows ` +
        "nothing of.";
    }
    return known.end_id === null || nextId <= known.end_id ? undefined : tooFar(nextId, known.end_id);
  }
}

function tooFar(nextId: number, endId: number): string {
  return `it has got aggregates up to number ${nextId}, and this state had made those up to number ` +
    `${endId} only.`;
}

function twoLives(sink: string): string {
  return "So this state is a copy of one that another handler runs on, or was rolled back to an " +
    "earlier moment. Nothing is written here, or numbers would be wrong. If another handler " +
    "runs on such a copy, stop one of the two. If this state is to go on, give it an identity " +
    "of its own: stop the handler, backup --to FILE, restore --from FILE --replace. To go on " +
    "with it as it is, because nothing that the other one wrote counts: run --accept-sink " +
    `${sink}`;
}

const TAKEN_OVER =
  "another handler with this INSTANCE_ID, on another state, has taken it over. Stop one of the two, " +
  "or give each its own INSTANCE_ID; then start the right one again.";
