/** Why an event is refused; each is an entry of the books. */
export const REFUSALS = ["invalid", "future", "late", "overflow"] as const;
export type RefusalReason = typeof REFUSALS[number];

/** Why a valid event is not aggregated. */
export type Refusal = Exclude<RefusalReason, "invalid">;
