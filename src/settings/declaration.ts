import type { Scope } from "./scope.ts";
import type { Spec } from "./variable.ts";

/** What the settings have to know of a connector. They know none by its name. */
export interface Declaration<S extends Spec = Spec, C = unknown> {
  /** The word for it. */
  readonly kind: string;
  /** The heading of its settings. */
  readonly title: string;
  readonly settings: S;
  /** Holds its settings against each other and makes of them what it is created from: plain data. */
  configure(scope: Scope<S>): C;
  /** Every secret text, to be taken out of whatever might hold one unawares. */
  secretsOf?(config: C): readonly (string | undefined)[];
  /** Where it connects to. */
  addressesOf?(config: C): readonly Address[];
  /** Credentials that it sends. */
  credentialsOf?(config: C): readonly Transmission[];
}

/** What the settings have to know of a kind of sink. */
export interface SinkDeclaration<S extends Spec = Spec, C = unknown> extends Declaration<S, C> {
  /** What the help of `STORAGE_TYPE` says of it. */
  readonly note?: string;
  /** Where aggregates go unless something else is said. One is. */
  readonly isDefault?: true;
  /** The places it writes to, each told from all others of its kind: no two sinks may have one in common. */
  targetsOf(config: C): readonly string[];
  /** The file that it is. */
  fileOf?(config: C): SinkFile;
  /** How long it keeps rows; undefined: for ever. */
  retentionOf?(config: C): SinkRetention | undefined;
}

/** A time after which a sink deletes its rows. */
export interface SinkRetention {
  /** The setting that says it. */
  readonly setting: string;
  readonly retentionMs: number;
}

/** A sink that is a file on this host, which `backup` can copy. */
export interface SinkFile {
  /** The setting that names it. */
  readonly setting: string;
  /** Absolute. */
  readonly path: string;
}

/** Where something connects to. */
export interface Address {
  /** The setting that names it. */
  readonly setting: string;
  /** `host:port` */
  readonly address: string;
}

/** A credential, and where it goes over what. */
export interface Transmission {
  /** What it is, with the setting that holds it. */
  readonly credential: string;
  /** Host name or address, without brackets, or the directory of a Unix socket. */
  readonly host: string;
  /** Whether what is at the other end has proven who it is, and nobody can listen. */
  readonly isProtected: boolean;
  /** Why it is not. */
  readonly flaw: string;
  /** What to set. */
  readonly remedy: string;
}

/** PEM texts; undefined `ca`: the system's authorities. `cert` and `key` come together. */
export interface TlsConfig {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export const IN_THE_CLEAR = "in the clear, and to whoever answers in its place";
