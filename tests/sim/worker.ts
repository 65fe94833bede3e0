/** Plays the seeds that it is sent, one after the other. */
import { type Outcome, simulate } from "./simulation.ts";

/** Seeds `first`, `first + step`, … up to `last`, or until the time is up. */
export interface Task {
  readonly first: number;
  readonly last: number;
  readonly step: number;
  readonly minutes: number;
  readonly directory: string;
  readonly isTraced: boolean;
}

/** An outcome, or the message that all are done. */
export type Report = { readonly outcome: Outcome } | { readonly isDone: true };

declare const self: {
  onmessage: (message: MessageEvent<Task>) => void;
  postMessage: (report: Report) => void;
};

self.onmessage = async ({ data: { first, last, step, minutes, directory, isTraced } }) => {
  const deadlineMs = performance.now() + minutes * 60_000;
  for (let seed = first; seed <= last && performance.now() < deadlineMs; seed += step) {
    self.postMessage({ outcome: await simulate({ seed, directory, isTraced }) });
  }
  self.postMessage({ isDone: true });
};
