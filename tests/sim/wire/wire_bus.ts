import type { Source } from "../../../src/contract/source.ts";
import type { Clock } from "../../../src/platform/clock/clock.ts";
import type { ConnectSocket, ServerAddress } from "../../../src/platform/net/server_socket.ts";
import type { Dice } from "../dice.ts";
import type { Scheduler } from "../scheduler.ts";
import type { Trace } from "../trace.ts";
import type { Guest } from "./link.ts";
import type { ServerEnd } from "./sim_network.ts";
import type { WireEvent } from "./wire_event.ts";
import type { WireRates } from "./wire_rates.ts";

/** Where the model of a server is: the simulated network has no other. */
export const SIM_ADDRESS: ServerAddress = { host: "simulated", port: 0 };

/** The surroundings of a bus. */
export interface BusSurroundings {
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly trace: Trace;
  /** True time, Unix ms. */
  readonly nowMs: () => number;
}

/** What a process makes its source of. */
export interface SourceParts {
  readonly clock: Clock;
  readonly connect: ConnectSocket;
  /** Whether it reads what there is and ends. */
  readonly endsWhenRead: boolean;
}

/** A model of a server, as its protocol's specification has it. The product reads it by its own source. */
export interface WireBus {
  /** How often each event counts at most, of those that the server has sent. */
  readonly countsRepeats: boolean;
  /** Whether so many lost events may be told where these are missing. */
  mayTell(lost: number, missing: readonly WireEvent[]): boolean;
  /** The handler has read something of it, and has that on disk. */
  isBegun: boolean;
  publish(event: WireEvent): void;
  /** A client connects. */
  welcome(end: ServerEnd): Guest;
  /** Throws what happens to the server in a second. Returns whether it restarts. */
  stir(rates: WireRates): boolean;
  /** Whether everything that can be read was read, by the position in the state. */
  isRead(position: string | undefined): boolean;
  /** The product's source of it, for one process. */
  source(parts: SourceParts): Source;
}
