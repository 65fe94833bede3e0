import { REFUSALS } from "../../aggregation/refusal.ts";

/** Reasons of dead letters of which the oldest are dropped where there are too many. */
export const BOUNDED_REASONS = [...REFUSALS, "not_finite"] as const;

/** Why an event or an aggregate is a dead letter; the last two by a sink's word, and the books need each of these. */
export const DEAD_LETTER_REASONS = [...BOUNDED_REASONS, "rejected", "postponed"] as const;

export type DeadLetterReason = typeof DEAD_LETTER_REASONS[number];
