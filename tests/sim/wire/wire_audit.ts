import { ALL_WINDOWS } from "../../../src/control/span.ts";
import { verify } from "../../../src/control/verification.ts";
import type { ReadableSink } from "../../../src/contract/sink.ts";
import type { StateDatabase } from "../../../src/state/file/state_database.ts";
import { readLosses } from "../../../src/state/outbox/losses.ts";
import { Violation } from "../violation.ts";
import type { WireEvent } from "./wire_event.ts";
import type { WireWorld } from "./wire_world.ts";

const DECODER = new TextDecoder();

/**
 * At rest, each event that the server still had is counted once, or as often as the server has sent it where
 * the contract says so, and each that it no longer had is a loss that is told.
 *
 * @throws {Violation}
 */
export async function auditEnd(world: WireWorld, state: StateDatabase, sink: ReadableSink): Promise<void> {
  const proof = await verify(state, [sink], ALL_WINDOWS, new AbortController().signal);
  if (!proof.proven) {
    const differences = [...proof.state_faults, ...proof.sinks.flatMap((one) => one.differences)];
    throw new Violation(differences.slice(0, 3).join("; "));
  }
  const { bus, events } = world;
  const counts = countsOf(world, state);
  const missing: WireEvent[] = [];
  for (const event of events) {
    const count = counts.get(event.name) ?? 0;
    if (count === 0) missing.push(event);
    const problem = problemOf(event, count, bus.countsRepeats);
    if (problem !== undefined) throw new Violation(`${event.name} is counted ${count} times: ${problem}`);
  }
  const lost = readLosses(state).reduce((sum, { count }) => sum + count, 0);
  if (!bus.mayTell(lost, missing)) {
    const names = missing.map(({ name }) => name);
    throw new Violation(`${lost} events are told as lost, and ${names.length} are: ${names}`);
  }
}

function problemOf(event: WireEvent, count: number, countsRepeats: boolean): string | undefined {
  const most = countsRepeats ? event.sentCount : 1;
  if (count === 0 && !event.isGone) return "the server had it";
  return count > most ? `it was sent ${event.sentCount} times, and ${most} is right` : undefined;
}

/** How often each event was counted, or is a dead letter, by its name. */
function countsOf({ table }: WireWorld, state: StateDatabase): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const add = (name: string, count: number) => counts.set(name, (counts.get(name) ?? 0) + count);
  for (const { count, name } of table.rows.values()) add(name, count);
  for (const { raw } of state.all<{ raw: Uint8Array }>("SELECT raw FROM dead_letter WHERE raw IS NOT NULL")) {
    add(JSON.parse(DECODER.decode(raw)).name, 1);
  }
  return counts;
}
