/**
 * The broker aborts a transaction that stays open longer. Readers wait that long for a transaction that was
 * left open.
 */
export const TRANSACTION_TIMEOUT_MS = 60_000;
