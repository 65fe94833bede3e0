import type { Logger } from "../platform/log/logger.ts";
import type { Declaration, SinkDeclaration } from "../settings/declaration.ts";
import type { Spec } from "../settings/variable.ts";
import type { ProvablePlace, Sink } from "./sink.ts";

/**
 * A way to reach one kind of bus or store: one folder, and one line in a registry. Flags, help, README, masking, `check` and `verify`
 * follow from what it declares.
 *
 * `create` connects to nothing yet.
 */
export interface Connector<S extends Spec, C, T, X> extends Declaration<S, C> {
  create(config: C, surroundings: X): T;
}

/** What surrounds a sink. */
export interface SinkSurroundings {
  /** What the operator calls it. */
  readonly name: string;
  /** Whether the operator calls it by its kind, as long as there is one of the kind. */
  readonly isNamedByKind: boolean;
  /** `INSTANCE_ID` */
  readonly instance: string;
  readonly logger: Logger;
}

/** A kind of sink. When its settings change while the service runs, a new one takes the place of the one there is. */
export interface SinkConnector<S extends Spec = Spec, C = unknown>
  extends Connector<S, C, Sink, SinkSurroundings>, SinkDeclaration<S, C> {
  /** Where its rows can be read back; left out: nowhere. */
  readonly proof?: Proof<C>;
  /** Whether its rows go to stdout, which then takes nothing else. */
  readonly writesToStdout?: true;
}

/** How `verify` reads the rows of a sink back. */
export interface Proof<C> {
  /** Whether all that is there has to be read, so that it is done only where asked for: by a flag with the word of the kind. */
  readonly isScan: boolean;
  /** What is read, for the help of that flag. */
  readonly what: string;
  /** Connects to nothing yet. */
  place(config: C, surroundings: SinkSurroundings): ProvablePlace;
}

/** Lets the compiler hold a connector's parts against each other. */
export function sinkConnector<const S extends Spec, C>(connector: SinkConnector<S, C>): SinkConnector {
  return connector as unknown as SinkConnector;
}
