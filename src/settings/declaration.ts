import type { Dialect } from "../platform/net/dialect.ts";
import type { Proxy } from "./proxy.ts";
import type { Scope } from "./scope.ts";
import type { Spec } from "./variable.ts";

/** What the settings know of a connector. They know no connector by its name. */
export interface Declaration<S extends Spec = Spec, C = unknown> {
  /** Its name in settings and help. */
  readonly kind: string;
  /** The heading of its settings. */
  readonly title: string;
  readonly settings: S;
  /** Every secret text, to be removed from texts that might contain one by accident. */
  secretsOf?(config: C): readonly (string | undefined)[];
  /** Where it connects to. */
  addressesOf?(config: C): readonly Address[];
  /** Credentials that it sends. */
  credentialsOf?(config: C): readonly Transmission[];
}

/** What the settings know of a kind of sink. */
export interface SinkDeclaration<S extends Spec = Spec, C = unknown> extends Declaration<S, C> {
  /**
   * Checks its settings against each other and makes of them the plain data that the sink is created from.
   */
  configure(scope: Scope<S>): C;
  /** Its description in the help of `STORAGE_TYPE`. */
  readonly note?: string;
  /** Whether it is the default of `STORAGE_TYPE`. Exactly one kind is. */
  readonly isDefault?: true;
  /** The tables, topics or files that it writes to. No two sinks of a kind may share one. */
  targetsOf(config: C): readonly string[];
  /** The file that it writes to. */
  fileOf?(config: C): SinkFile;
  /** How long it keeps rows; undefined: for ever. */
  retentionOf?(config: C): SinkRetention | undefined;
}

/** The age at which a sink deletes its rows. */
export interface SinkRetention {
  /** The setting that says it. */
  readonly setting: string;
  readonly retentionMs: number;
}

/** What the settings know of a kind of source. */
export interface SourceDeclaration<S extends Spec = Spec, C = unknown> extends Declaration<S, C> {
  /** The schemes of its URLs, without colon. */
  readonly schemes: { readonly plain: readonly string[]; readonly tls: readonly string[] };
  /**
   * What a server of the kind speaks first, without TLS and with it; left out: its source says itself where
   * something else answers.
   */
  readonly dialects?: { readonly plain: Dialect; readonly tls: Dialect };
  /** What its URLs look like, for the end of the sentence "Allowed: …". */
  readonly urlForm: string;
  /**
   * A URL of one of its schemes in the form that is kept, or what is wrong with it, without anything secret.
   */
  readUrl(text: string): string | { readonly problem: string };
  /** The identity of a bus: its URL without credentials. */
  addressOf(url: string): string;
  /** Whether the value of that URL parameter may be shown; left out: no value may. */
  isOpenParameter?(name: string): boolean;
  /**
   * Checks its settings against each other and makes of them and of one bus the plain data that a source is
   * created from.
   */
  configure(scope: Scope<S>, bus: BusSettings): C;
  /** Whether an event may come again in a later read; left out: yes. */
  mayRepeat?(config: C): boolean;
  /**
   * How the records of a bus are read, where that is not all in the settings; left out: as the settings say.
   */
  eventsOf?(url: string, texts: EventTexts): EventTexts;
  /**
   * How several instances share buses of the kind: `by-partition`: each reads some partitions of each bus;
   * `own`: each instance has its own, whatever its number; left out: each reads some of the URLs.
   */
  readonly sharing?: "by-partition" | "own";
  /** Whether one instance can hand a partition over to another. */
  readonly handsOver?: true;
  /** Whether its records say their formats themselves, whatever `EVENT_FORMAT` is. */
  readonly hasOwnFormats?: true;
  /** Whether its records may be messages of Sparkplug B, whose meaning hangs on those before them. */
  readonly readsSparkplug?: true;
  /** The proxy or tunnel to the bus, for `check`; undefined: the connection is direct. */
  wayOf?(config: C): string;
}

/** Where a record has the parts of an event, as the operator wrote it; undefined: not set. */
export interface EventTexts {
  readonly format: string | undefined;
  readonly name: string | undefined;
  readonly value: string | undefined;
  readonly timestamp: string | undefined;
  readonly timeUnit: string | undefined;
  readonly function: string | undefined;
  readonly id: string | undefined;
  readonly labels: string | undefined;
}

/** The settings that every kind of bus has. */
export interface BusSettings {
  readonly events: EventTexts;
  /** May hold credentials. */
  readonly url: string;
  readonly token: string | undefined;
  /** Undefined: the system's authorities and no client certificate. */
  readonly tls: TlsConfig | undefined;
  /** The proxy; undefined: the connection is direct. */
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

/** An address that something connects to. */
export interface Address {
  /** The setting that names it. */
  readonly setting: string;
  /** `host:port` */
  readonly address: string;
}

/** A credential, and the connection that it is sent over. */
export interface Transmission {
  /** The credential in words, with its setting. */
  readonly credential: string;
  /** Host name or address, without brackets, or the directory of a Unix socket. */
  readonly host: string;
  /** Whether the connection is encrypted and the server is verified. */
  readonly isProtected: boolean;
  /** Why it is not secure. */
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
