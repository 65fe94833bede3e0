import { REFUSALS } from "../../aggregation/refusal.ts";

/** Reasons of dead letters to which the bound applies. */
export const BOUNDED_REASONS = [...REFUSALS, "not_finite"] as const;

/**
 * Why an event or an aggregate is a dead letter. The last two are refusals of a sink, and the books need each
 * of these.
 */
export const DEAD_LETTER_REASONS = [...BOUNDED_REASONS, "rejected", "postponed"] as const;

export type DeadLetterReason = typeof DEAD_LETTER_REASONS[number];
