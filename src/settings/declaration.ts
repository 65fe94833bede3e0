import type { Proxy } from "./proxy.ts";
import type { Scope } from "./scope.ts";
import type { Spec } from "./variable.ts";

/** What the settings have to know of a connector. They know none by its name. */
export interface Declaration<S extends Spec = Spec, C = unknown> {
  /** The word for it. */
  readonly kind: string;
  /** The heading of its settings. */
  readonly title: string;
  readonly settings: S;
  /** Every secret text, to be taken out of whatever might hold one unawares. */
  secretsOf?(config: C): readonly (string | undefined)[];
  /** Where it connects to. */
  addressesOf?(config: C): readonly Address[];
  /** Credentials that it sends. */
  credentialsOf?(config: C): readonly Transmission[];
}

/** What the settings have to know of a kind of sink. */
export interface SinkDeclaration<S extends Spec = Spec, C = unknown> extends Declaration<S, C> {
  /** Holds its settings against each other and makes of them what it is created from: plain data. */
  configure(scope: Scope<S>): C;
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

/** What the settings have to know of a kind of source. */
export interface SourceDeclaration<S extends Spec = Spec, C = unknown> extends Declaration<S, C> {
  /** The schemes of its URLs, without colon. */
  readonly schemes: { readonly plain: readonly string[]; readonly tls: readonly string[] };
  /** What its URLs look like, for the end of the sentence "Allowed: …". */
  readonly urlForm: string;
  /** A URL of one of its schemes as it is kept; or what is wrong with it, with nothing in it that may be secret. */
  readUrl(text: string): string | { readonly problem: string };
  /** What tells one bus from another: its URL without credentials. */
  addressOf(url: string): string;
  /** Whether the value of the parameter of that name in a URL may be shown; left out: none may. */
  isOpenParameter?(name: string): boolean;
  /** Holds its settings against each other and makes of them and of one bus what a source is created from: plain data. */
  configure(scope: Scope<S>, bus: BusSettings): C;
  /** Whether an event may come again in a later read; left out: it may. */
  mayRepeat?(config: C): boolean;
  /** The way to the bus, where it is not the direct one, for whoever checks it. */
  wayOf?(config: C): string;
}

/** What is said of a bus, whatever it is. */
export interface BusSettings {
  /** May hold credentials. */
  readonly url: string;
  readonly token: string | undefined;
  /** Undefined: the system's authorities and no client certificate. */
  readonly tls: TlsConfig | undefined;
  /** Undefined: it is reached directly. */
  readonly proxy: Proxy | undefined;
  /** How many buses there are. */
  readonly busCount: number;
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
