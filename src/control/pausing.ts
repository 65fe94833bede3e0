import type { Controls } from "../runtime/controls.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { isOf, type Pausable, type Pause, storePauses } from "../state/pauses.ts";
import { orderOf } from "./audited.ts";
import type { Installation } from "./installation.ts";
import { OrderError } from "./order_error.ts";

/**
 * Pauses a source or a sink of a running handler, or resumes it. A pause outlives a restart. Where nothing
 * changes, nothing is noted. Returns the pauses in force.
 *
 * @param actor The operator, for the audit and for everybody who asks why.
 * @throws {OrderError} There is no such part. @throws {StateError}
 */
export function setPaused(
  actor: string,
  part: Pausable,
  isPaused: boolean,
  { config: { stateDir }, logger }: Installation,
  controls: Controls,
): readonly Pause[] {
  const { kind, name } = part;
  const ofKind = controls.parts.filter((known) => known.kind === kind);
  if (!ofKind.some((known) => known.name === name)) {
    const names = ofKind.map((known) => known.name).join(", ");
    throw new OrderError("wrong", `there is no ${kind} ${JSON.stringify(name)}. There are: ${names}`);
  }
  const inForce = controls.pauses();
  if (inForce.some((pause) => isOf(pause, part)) === isPaused) return inForce;
  const order = orderOf(actor, isPaused ? "pause" : "resume", `${kind} ${name}`);
  const others = inForce.filter((pause) => !isOf(pause, part));
  const pauses = isPaused ? [...others, { kind, name, who: actor, sinceMs: order.atMs }] : others;
  const state = StateDatabase.openForRequest(stateDir);
  try {
    storePauses(state, pauses, order, isPaused ? "paused" : "resumed");
  } finally {
    state.close();
  }
  controls.pause(pauses, part);
  logger.warn(`${kind} ${name} is ${isPaused ? "paused" : "resumed"} by an operator's order`, { by: actor });
  return pauses;
}
