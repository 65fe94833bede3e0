/** How to connect to PostgreSQL, by `libpq`'s connection string. */
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
  /** Options of the server's command line, such as `-c statement_timeout=5s`. */
  readonly options: string | undefined;
  /** Time limit for each server. */
  readonly connectTimeoutMs: number;
  /** Undefined: no probes. */
  readonly keepAliveMs: number | undefined;
  /** Which servers are suitable. */
  readonly target: "any" | "read-write" | "primary";
  readonly tls: PostgresTls;
  /** The allowed login methods; undefined: those of {@link PostgresLogin}. */
  readonly requiredLogin: RequiredLogin | undefined;
}

/** libpq's `require_auth`. */
export interface RequiredLogin {
  /** Login methods by libpq's names. */
  readonly methods: readonly string[];
  /** Whether the methods are the forbidden ones (`!md5`). */
  readonly isNegated: boolean;
}

export interface PostgresHost {
  /** A name, an address, or the directory of a Unix socket. Certificates are checked against it. */
  readonly host: string;
  /** The address to connect to, instead of looking the name up. */
  readonly address: string | undefined;
  readonly port: number;
}

export interface PostgresTls {
  readonly mode: "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full";
  /** Whether TLS begins with the first byte, without a request for it. */
  readonly isDirect: boolean;
  /** Whether the server's certificate must be for this server. */
  readonly provesServer: boolean;
  /** `system`, or a PEM text; undefined: the runtime's authorities. */
  readonly ca: string | undefined;
  /** PEM texts, both or none. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
}
