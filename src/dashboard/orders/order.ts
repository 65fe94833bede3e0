import { useState } from "preact/hooks";
import { ApiFailure } from "../api.ts";
import type { Tone } from "../mark.ts";

/** What came of an order, in a sentence. */
export interface Outcome {
  readonly tone: Tone;
  readonly text: string;
}

/** An order to the handler. */
export interface Order {
  readonly isRunning: boolean;
  /** Undefined: it was not given yet. */
  readonly outcome: Outcome | undefined;
  readonly give: () => Promise<void>;
}

/** @param carryOut Asks the handler. Returns what came of it. */
export function useOrder(carryOut: () => Promise<string>): Order {
  const [isRunning, setRunning] = useState(false);
  const [outcome, setOutcome] = useState<Outcome | undefined>(undefined);
  const give = async () => {
    setRunning(true);
    setOutcome(undefined);
    try {
      setOutcome({ tone: "good", text: await carryOut() });
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      setOutcome({ tone: "bad", text: `Not done: ${error.message}` });
    } finally {
      setRunning(false);
    }
  };
  return { isRunning, outcome, give };
}
