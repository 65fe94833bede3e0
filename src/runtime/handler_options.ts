import type { Outages } from "./outage_watch.ts";
import type { Controls } from "./controls.ts";
import type { LiveOverview } from "./overview.ts";
import type { Registry } from "./registry.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Resettings } from "./resettings.ts";

export interface HandlerOptions {
  /** The connectors; default: those of the program. */
  readonly registry?: Registry;
  /** Sinks whose undelivered aggregates are given up. */
  readonly forgetSinks: readonly string[];
  /** Sinks that the operator accepts as they are: alarms over them end, and other writers are ignored. */
  readonly acceptSinks?: readonly string[];
  /**
   * The offset at which to continue a bus's event log, by the operator's order. Unread events before it are
   * given up.
   */
  readonly skipTo: readonly { readonly bus: string; readonly offset: number }[];
  /**
   * Whether it reads, by the operator's order, what its share says, although another instance may have read
   * it and has not handed it over.
   */
  readonly takeOver?: boolean;
  /** The operator who has started it, for the audit of these orders. */
  readonly operator?: string;
  /** What is told to a receiver of OTLP; undefined: nothing is. */
  readonly telemetry?: Telemetry | undefined;
  /** Sends the metrics to that receiver, see `sendMetrics`; undefined: they are not sent. */
  readonly sendMetrics?:
    | ((overview: LiveOverview, signal: AbortSignal) => Promise<string | undefined>)
    | undefined;
  /** It reads what there is and ends. */
  readonly endsWhenRead?: true;
}

export interface ServiceOptions extends HandlerOptions {
  /** The service manager that wants notifications; undefined: none. */
  readonly serviceManager?: ServiceManager | undefined;
  /** The requests to read the settings again; undefined: settings never change. */
  readonly resettings?: Resettings;
  /** Whether the log line of each minute is left out, because the caller shows the totals itself. */
  readonly isQuiet?: boolean;
  /** Opens the admin listener, for as long as the handler runs; undefined: there is none. */
  readonly listen?: ((controls: Controls) => Promise<Listener | undefined>) | undefined;
  /** Called once everything has been started. */
  readonly onReady?: (look: () => LiveOverview, listener: Listener | undefined) => void;
}

export interface ServiceManager {
  /** The value of `NOTIFY_SOCKET`. */
  readonly socket: string;
  /** Silence after which it restarts the service; undefined: there is no watchdog. */
  readonly watchdogMs: number | undefined;
}

/** A listener that shows a running handler. */
export interface Listener {
  readonly url: string;
  close(): Promise<void>;
}

export interface OnceOptions extends HandlerOptions {
  /** Closes open windows too. */
  readonly flush: boolean;
  /** Shows the progress until the signal fires; undefined: nobody looks. */
  readonly show?: ((look: () => LiveOverview, read: AbortSignal) => Promise<void>) | undefined;
}

/** Whether everything was done; if not, the reason. */
export interface OnceResult {
  readonly complete: boolean;
  readonly reasons: readonly string[];
  readonly outages: Outages;
}
