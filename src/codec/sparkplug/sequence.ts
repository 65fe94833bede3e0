import { SEQUENCE_LENGTH } from "./payload.ts";

/** What the number of a message says, beside that of the message before it. */
export type SequenceStep =
  | { readonly kind: "next" | "unknown" }
  /** The same message once more, or another with its number. */
  | { readonly kind: "again" }
  /** `lost` messages are missing; 0: it is out of order. */
  | { readonly kind: "gap"; readonly lost: number };

const UNKNOWN: SequenceStep = { kind: "unknown" };
const NEXT: SequenceStep = { kind: "next" };
const AGAIN: SequenceStep = { kind: "again" };

/**
 * Compares two sequence numbers, which begin again after 255. What is further ahead than half a round is
 * taken for a number that is behind.
 */
export function sequenceStep(last: number | undefined, sequence: number | undefined): SequenceStep {
  if (last === undefined || sequence === undefined) return UNKNOWN;
  const ahead = (sequence - last + SEQUENCE_LENGTH) % SEQUENCE_LENGTH;
  if (ahead === 1) return NEXT;
  if (ahead === 0) return AGAIN;
  return { kind: "gap", lost: ahead <= SEQUENCE_LENGTH / 2 ? ahead - 1 : 0 };
}
