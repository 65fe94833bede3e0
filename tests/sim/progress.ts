import type { Said, SentRequest } from "./bus_watcher.ts";
import type { SimEvent } from "./plant.ts";

/** The progress of reading a bus, as the state has it or as it follows from what the bus has said. */
export interface Progress {
  readonly log: string | undefined;
  readonly next: number | undefined;
}

/** An answer that the reader has heard. */
export interface Heard {
  readonly request: SentRequest;
  /** `found`: the reader has found out by itself that it has to go on at `next`. */
  readonly said: Said | { readonly kind: "found"; readonly log: string; readonly next: number };
  /** Simulated time. */
  readonly atMs: number;
}

/** What an answer leads to. */
export interface Step {
  readonly progress: Progress;
  readonly events: readonly SimEvent[];
  readonly lost: number;
  /** False: a reader of the contract does nothing with it. */
  readonly isOfUse: boolean;
}

/**
 * The progress of a reader of the contract after an answer, the events that it takes in, and those that it
 * must count as lost.
 */
export function follow(at: Progress, { request, said }: Pick<Heard, "request" | "said">): Step {
  const useless = { progress: at, events: [], lost: 0, isOfUse: false };
  if (said.kind === "failure" || request.offset !== at.next) return useless;
  const { log } = said;
  const goOn = (next: number | undefined, lost: number, events: readonly SimEvent[] = []) => ({
    progress: { log, next },
    events,
    lost,
    isOfUse: true,
  });
  if (said.kind === "events") {
    if (at.log !== undefined && at.log !== log) return goOn(undefined, 0);
    if (at.next !== undefined && at.next !== said.offset) return useless;
    const isAfterReset = at.log !== undefined && at.next === undefined;
    return goOn(said.next, isAfterReset ? said.offset : 0, said.events);
  }
  if (said.kind === "found") {
    return goOn(said.next, at.log !== undefined && at.next === undefined ? said.next : 0);
  }
  if (at.log !== log) return goOn(said.first, said.first);
  if (said.kind === "trimmed") {
    const lost = said.first - (at.next ?? 0);
    return lost > 0 ? goOn(said.first, lost) : useless;
  }
  // The log was rolled back. The reader finds out by looks where it differs from what was read.
  return at.next !== undefined && at.next > said.next ? { ...useless, isOfUse: true } : useless;
}

/** Adds the events of a step to those that are known of the reader's log. */
export function note(read: Map<number, SimEvent>, from: Progress, { progress, events }: Step): void {
  if (progress.log !== from.log || progress.next === undefined) read.clear();
  for (const offset of read.keys()) if (offset >= (progress.next ?? 0)) read.delete(offset);
  events.forEach((event, i) => read.set(progress.next! - events.length + i, event));
}

export function isSame(a: Progress, b: Progress): boolean {
  return a.log === b.log && a.next === b.next;
}

export function show({ log, next }: Progress): string {
  return `${next ?? "its beginning"} of ${log ?? "whatever log it has"}`;
}
