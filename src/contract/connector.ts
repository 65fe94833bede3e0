import type { Logger } from "../platform/log/logger.ts";
import type { Declaration, SinkDeclaration, SourceDeclaration } from "../settings/declaration.ts";
import type { InstanceShare } from "../settings/share.ts";
import type { Spec } from "../settings/variable.ts";
import type { FlinkCannot, FlinkSinkTable, FlinkSourceTable, FlinkTerms } from "./flink_table.ts";
import type { PartitionReading } from "./partition_reading.ts";
import type { Sink } from "./sink.ts";
import type { Source } from "./source.ts";

/**
 * A way to reach one kind of bus or sink: one folder, and one entry in a registry. Flags, help,
 * docs/settings.md, masking, `check` and `verify` follow from what it declares.
 *
 * Every start evaluates the declarations of all kinds. So `create` loads the code of its kind by `import()`.
 * It connects to nothing yet.
 */
export interface Connector<S extends Spec, C, T, X> extends Declaration<S, C> {
  create(config: C, surroundings: X): Promise<T>;
}

/** What a sink needs to know of the handler. */
export interface SinkSurroundings {
  /** The operator's name for it: the kind, where there is only one of the kind. */
  readonly id: string;
  /** `INSTANCE_ID` */
  readonly instance: string;
  readonly logger: Logger;
}

/** A kind of sink. When its settings change while the service runs, a new sink replaces the old one. */
export interface SinkConnector<S extends Spec = Spec, C = unknown>
  extends Connector<S, C, Sink, SinkSurroundings>, SinkDeclaration<S, C> {
  /**
   * How aggregates are read back from its sinks; left out: they cannot be. `scan`: reading back reads
   * everything that this text names, for the help of the flag that asks for it.
   */
  readonly readBack?: "cheap" | { readonly scan: string };
  /** Whether its sinks write to stdout. Then nothing else may be written there. */
  readonly writesToStdout?: true;
  /** How Flink writes what this sink would be given; left out: it cannot. */
  flink?(config: C, terms: FlinkTerms): FlinkSinkTable | FlinkCannot;
}

/** What a source needs to know of the handler. */
export interface SourceSurroundings {
  /** The operator's name for it; undefined: it is named by its address. */
  readonly name: string | undefined;
  /** `INSTANCE_ID` */
  readonly instance: string;
  /** The share of this instance of the partitions; undefined: it reads all. */
  readonly share: InstanceShare | undefined;
  /**
   * Whether partitions of this share that other instances have not given are read all the same, by an
   * operator's order.
   */
  readonly takesOver: boolean;
  /** `STATE_DIR`, absolute. Other files of the handler may be there too. */
  readonly stateDir: string;
  /** Whether the handler reads what there is and ends (`once`). */
  readonly endsWhenRead: boolean;
}

/**
 * A kind of source. Its settings may change while the service runs, but never its URL, credentials excepted.
 */
export interface SourceConnector<S extends Spec = Spec, C = unknown>
  extends Connector<S, C, Changing<Source, C>, SourceSurroundings>, SourceDeclaration<S, C> {
  /** What a position says was read; left out: its positions do not say it. */
  readingOf?(position: string): PartitionReading | undefined;
  /**
   * Creates the outlet by which the bus takes the handler's own metrics; left out: the bus takes none.
   * Loads its code as `create` does, and connects to nothing yet.
   */
  outlet?(config: C): Promise<Changing<MetricsOutlet, C>>;
  /** How Flink reads the bus, a table for each topic; left out: it cannot. */
  flink?(config: C, terms: FlinkTerms): readonly FlinkSourceTable[];
}

/** A part, and the function that gives it other settings. */
export interface Changing<T, C> {
  readonly part: T;
  readonly change: (config: C) => void;
}

/** Where the handler's own metrics go. */
export interface MetricsOutlet {
  /** Name of the bus, without credentials. */
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

/** Makes the compiler check the parts of a connector against each other. */
export function sinkConnector<const S extends Spec, C>(connector: SinkConnector<S, C>): SinkConnector {
  return connector as unknown as SinkConnector;
}

export function sourceConnector<const S extends Spec, C>(connector: SourceConnector<S, C>): SourceConnector {
  return connector as unknown as SourceConnector;
}
