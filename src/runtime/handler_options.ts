import type { Outages } from "./outage_watch.ts";
import type { LiveOverview } from "./overview.ts";
import type { Registry } from "./registry.ts";
import type { Resettings } from "./resettings.ts";

export interface HandlerOptions {
  /** The connectors that there are; default: those of the program. */
  readonly registry?: Registry;
  /** Sinks whose undelivered aggregates are given up. */
  readonly forgetSinks: readonly string[];
  /** Sinks that the operator takes as they are: alarms over them are settled, whoever else wrote to them. */
  readonly acceptSinks?: readonly string[];
  /** Where to go on in a bus's log, by the operator's word: what lies before it and was not fetched is given up. */
  readonly skipTo: readonly { readonly bus: string; readonly offset: number }[];
  /** Who has started it, for the audit of these orders. */
  readonly operator?: string;
}

export interface ServiceOptions extends HandlerOptions {
  /** Who has started the service and wants to hear of it; undefined: nobody. */
  readonly serviceManager?: ServiceManager | undefined;
  /** How settings change while the service runs; undefined: they do not. */
  readonly resettings?: Resettings;
  /** Whoever shows himself what is done and refused needs no line of it each minute. */
  readonly isQuiet?: boolean;
  /** Opens the listener that shows the handler to others, for as long as it runs; undefined: there is none. */
  readonly listen?: ((look: () => LiveOverview) => Listener | undefined) | undefined;
  /** Called once everything has been started. */
  readonly onReady?: (look: () => LiveOverview, listener: Listener | undefined) => void;
}

export interface ServiceManager {
  /** The value of `NOTIFY_SOCKET`. */
  readonly socket: string;
  /** Silence after which it restarts the service; undefined: it does not watch. */
  readonly watchdogMs: number | undefined;
}

/** Where a running handler can be looked at. */
export interface Listener {
  readonly url: string;
  close(): Promise<void>;
}

export interface OnceOptions extends HandlerOptions {
  /** Closes open windows too. */
  readonly flush: boolean;
}

/** Whether nothing was left to do; if something was, why. */
export interface OnceResult {
  readonly complete: boolean;
  readonly reasons: readonly string[];
  readonly outages: Outages;
}
