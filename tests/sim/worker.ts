/** Plays the seeds that it is sent, one after the other. */
import { replayCommand } from "./replay.ts";
import { type Outcome, simulate } from "./simulation.ts";
import { WIRE_KINDS, wireReplayCommand } from "./wire/wire_kind.ts";
import { simulateWire } from "./wire/wire_simulation.ts";

/** The kind of the buses that are logs of the VaBus protocol. */
export const VABUS = "vabus";

/** Seeds `first`, `first + step`, … up to `last`, or until the time is up. */
export interface Task {
  readonly first: number;
  readonly last: number;
  readonly step: number;
  readonly minutes: number;
  readonly directory: string;
  readonly isTraced: boolean;
  /** The only kind of buses that is played; undefined: VaBuses, and one of the others in turn. */
  readonly bus: string | undefined;
}

/** An outcome and the command that plays it again, or the message that all are done. */
export type Report = { readonly outcome: Outcome; readonly replay: string } | { readonly isDone: true };

declare const self: {
  onmessage: (message: MessageEvent<Task>) => void;
  postMessage: (report: Report) => void;
};

self.onmessage = async ({ data: { bus, first, last, step, minutes, directory, isTraced } }) => {
  const deadlineMs = performance.now() + minutes * 60_000;
  for (let seed = first; seed <= last && performance.now() < deadlineMs; seed += step) {
    const options = { seed, directory, isTraced };
    if (bus === undefined || bus === VABUS) {
      self.postMessage({ outcome: await simulate(options), replay: replayCommand(seed) });
    }
    if (bus === VABUS) continue;
    const kind = WIRE_KINDS.find((one) => one === bus) ?? WIRE_KINDS[seed % WIRE_KINDS.length]!;
    self.postMessage({
      outcome: await simulateWire({ ...options, kind }),
      replay: wireReplayCommand(kind, seed),
    });
  }
  self.postMessage({ isDone: true });
};
