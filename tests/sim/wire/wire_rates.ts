import type { Dice } from "../dice.ts";
import type { FaultRates } from "../scenario.ts";
import { CALM } from "../world.ts";

/** How likely each fault is where the product talks to a server over a connection. */
export interface WireRates {
  /** For each piece that is sent: the connection breaks. */
  readonly cut: number;
  /** For each piece: it takes long. */
  readonly slow: number;
  /** For each second: the server restarts, and is away for a while. */
  readonly serverRestarts: number;
  /** For each second: the server forgets the session, or the stream is made anew. */
  readonly historyLost: number;
  /** For each second: unread messages are removed, at the beginning or in between. */
  readonly removed: number;
  /** For each second: the server sends again, without being asked, what was not acknowledged. */
  readonly sentAgain: number;
  /** For each moment at which a process may die. */
  readonly crash: number;
  /** For each second: SIGTERM. */
  readonly stop: number;
  /** Those of disk and sink. */
  readonly around: FaultRates;
}

/** Nothing goes wrong. */
export const WIRE_CALM: WireRates = {
  cut: 0,
  slow: 0,
  serverRestarts: 0,
  historyLost: 0,
  removed: 0,
  sentAgain: 0,
  crash: 0,
  stop: 0,
  around: CALM,
};

/** Each fault happens in half of the simulations: some bugs show only where others are not in their way. */
export function drawWireRates(dice: Dice): WireRates {
  const rate = (...choices: number[]) => dice.chance(0.5) ? dice.pick(choices) : 0;
  return {
    cut: rate(0.003, 0.02),
    slow: rate(0.02, 0.1),
    serverRestarts: rate(0.03, 0.1),
    historyLost: rate(0.05),
    removed: rate(0.1, 0.3),
    sentAgain: rate(0.1, 0.3),
    crash: rate(0.002, 0.006),
    stop: rate(0.03, 0.1),
    around: {
      ...CALM,
      sinkFailsBefore: rate(0.02, 0.2),
      sinkFailsAfter: rate(0.05, 0.3),
      diskFails: rate(0.01, 0.1),
    },
  };
}
