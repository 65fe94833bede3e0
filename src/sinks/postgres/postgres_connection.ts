/** How to connect to PostgreSQL; what `libpq`'s connection string says. */
export interface PostgresConnection {
  /** One at least, in the order in which they are tried. */
  readonly hosts: readonly PostgresHost[];
  /** Undefined: the user of the process. */
  readonly user: string | undefined;
  /** Undefined: none. */
  readonly password: string | undefined;
  /** Undefined: that of the user's name. */
  readonly database: string | undefined;
  readonly applicationName: string;
  /** Of the server's command line, such as `-c statement_timeout=5s`. */
  readonly options: string | undefined;
  /** For each server. */
  readonly connectTimeoutMs: number;
  /** Undefined: no probes. */
  readonly keepAliveMs: number | undefined;
  /** Which servers will do. */
  readonly target: "any" | "read-write" | "primary";
  readonly tls: PostgresTls;
  /** How the server may let us in; undefined: as {@link PostgresLogin} holds it. */
  readonly requiredLogin: RequiredLogin | undefined;
}

/** libpq's `require_auth`. */
export interface RequiredLogin {
  /** By libpq's names. */
  readonly methods: readonly string[];
  /** Whether they are those that are forbidden (`!md5`). */
  readonly isNegated: boolean;
}

export interface PostgresHost {
  /** A name, an address, or the directory of a Unix socket; what certificates are held against. */
  readonly host: string;
  /** Where to connect to, instead of looking the name up. */
  readonly address: string | undefined;
  readonly port: number;
}

export interface PostgresTls {
  readonly mode: "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full";
  /** Whether TLS begins with the first byte, without asking the server for it. */
  readonly isDirect: boolean;
  /** Whether its certificate proves that it is the right server. */
  readonly provesServer: boolean;
  /** `system`, or a PEM text; undefined: those that the runtime knows. */
  readonly ca: string | undefined;
  /** PEM texts, both or none. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
}
