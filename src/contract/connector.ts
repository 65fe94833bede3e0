import type { Logger } from "../platform/log/logger.ts";
import type { Declaration, SinkDeclaration, SourceDeclaration } from "../settings/declaration.ts";
import type { Spec } from "../settings/variable.ts";
import type { Sink } from "./sink.ts";
import type { Source } from "./source.ts";

/**
 * A way to reach one kind of bus or store: one folder, and one line in a registry. Flags, help, docs/settings.md, masking, `check` and `verify`
 * follow from what it declares.
 *
 * `create` connects to nothing yet.
 */
export interface Connector<S extends Spec, C, T, X> extends Declaration<S, C> {
  create(config: C, surroundings: X): T;
}

/** What surrounds a sink. */
export interface SinkSurroundings {
  /** What the operator calls it: its kind, as long as there is one of the kind. */
  readonly id: string;
  /** `INSTANCE_ID` */
  readonly instance: string;
  readonly logger: Logger;
}

/** A kind of sink. When its settings change while the service runs, a new one takes the place of the one there is. */
export interface SinkConnector<S extends Spec = Spec, C = unknown>
  extends Connector<S, C, Sink, SinkSurroundings>, SinkDeclaration<S, C> {
  /**
   * How its sinks' rows are read back, for those who have no sink to ask: `scan`, what is read in whole, for the help of the flag that
   * asks for it; left out: they are not.
   */
  readonly readBack?: "cheap" | { readonly scan: string };
  /** Whether its rows go to stdout, which then takes nothing else. */
  readonly writesToStdout?: true;
}

/** What surrounds a source. */
export interface SourceSurroundings {
  /** `INSTANCE_ID` */
  readonly instance: string;
}

/** A kind of source. When its settings change while the service runs, it is told; its URL, but for credentials, never changes. */
export interface SourceConnector<S extends Spec = Spec, C = unknown>
  extends Connector<S, C, Changing<Source, C>, SourceSurroundings>, SourceDeclaration<S, C> {
  /** Where the bus takes the handler's own metrics; left out: nowhere. Connects to nothing yet. */
  outlet?(config: C): Changing<MetricsOutlet, C>;
}

/** Something, and how it goes on with other settings. */
export interface Changing<T, C> {
  readonly part: T;
  readonly change: (config: C) => void;
}

/** Where the handler's own metrics go. */
export interface MetricsOutlet {
  /** Of the bus, without credentials. */
  readonly name: string;
  /** Sends readings, all or none. @throws {SourceError} */
  post(metrics: readonly Metric[], signal: AbortSignal): Promise<void>;
  close(): void;
}

/** A reading of the handler itself; `timestamp` in Unix seconds. */
export interface Metric {
  readonly name: string;
  readonly value: number;
  readonly timestamp: number;
}

/** Lets the compiler hold a connector's parts against each other. */
export function sinkConnector<const S extends Spec, C>(connector: SinkConnector<S, C>): SinkConnector {
  return connector as unknown as SinkConnector;
}

export function sourceConnector<const S extends Spec, C>(connector: SourceConnector<S, C>): SourceConnector {
  return connector as unknown as SourceConnector;
}
