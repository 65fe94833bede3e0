import type { Tier } from "../aggregation/tier.ts";
import { readSetting } from "../state/checkpoint/settings_in_force.ts";
import type { StateDatabase } from "../state/file/state_database.ts";
import { windowLengths } from "../state/outbox/archive_windows.ts";
import { QuestionError } from "./question_error.ts";

/**
 * Checks a length of windows that somebody asks for, ms: there is such a tier, or there was one. A new state
 * knows none yet, and takes any.
 *
 * @throws {QuestionError} @throws {StateError}
 */
export function assertTier(state: StateDatabase, lengthMs: number | undefined): void {
  if (lengthMs === undefined) return;
  const inForce: readonly Tier[] = JSON.parse(readSetting(state, "AGGREGATION_INTERVAL") ?? "[]");
  const known = new Set([...windowLengths(state), ...inForce.map((tier) => tier.lengthMs)]);
  if (known.size === 0 || known.has(lengthMs)) return;
  const seconds = [...known].sort((a, b) => a - b).map((ms) => ms / 1000);
  throw new QuestionError(
    "tier",
    `there are no windows of ${lengthMs / 1000} s. There are, in seconds: ${seconds.join(", ")}`,
  );
}
