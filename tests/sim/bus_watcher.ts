import type { FetchRequest } from "../../src/sources/vabus/bus_log.ts";
import type { SimEvent } from "./plant.ts";
import type { SimBus } from "./sim_bus.ts";

/** What a bus has said to a process, as it arrived. */
export type Said =
  /** Undamaged: all of what the bus sent. */
  | {
    readonly kind: "events";
    readonly log: string;
    readonly offset: number;
    readonly next: number;
    readonly events: readonly SimEvent[];
  }
  | {
    readonly kind: "trimmed" | "reset";
    readonly log: string;
    readonly first: number;
    readonly next: number;
  }
  /** Nothing that could be used, but for the head of a reply that was cut off. */
  | { readonly kind: "failure"; readonly head?: { readonly log: string; readonly offset: number } };

/** A request on its way, as a reader of the contract means it. */
export interface SentRequest {
  readonly offset: number | undefined;
  /** The log that the reader believes the bus has. */
  readonly log: string | undefined;
  /** Whether it asks for an event only to compare it. */
  readonly isLook: boolean;
  /**
   * The reader does not look at the answer any more: something before it has failed, or it has sent another
   * request.
   */
  isVoid: boolean;
}

/** The observer of a bus. */
export interface BusWatcher {
  /** A moment at which the process may die; the bus goes on. */
  crashPoint(where: string): void;
  /** The process sends a request. */
  sends(bus: SimBus, request: FetchRequest): SentRequest;
  /** The process looks at a single event again. */
  looks(bus: SimBus, offset: number): SentRequest;
  /** What the process now hears in answer to a request. */
  heard(bus: SimBus, request: SentRequest, said: Said): void;
}
