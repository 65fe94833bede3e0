import { isIP } from "node:net";
import { nearMiss } from "../../settings/near_miss.ts";

export const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
export type SslMode = typeof SSL_MODES[number];

/** A server that may be asked, as one of several. */
export interface PostgresHost {
  /** Its name, address, or the directory of its Unix socket; what certificates are held against. */
  readonly host: string;
  /** Where to connect to, instead of looking the name up. */
  readonly address: string | undefined;
  readonly port: number;
}

/** What a connection string says, complete and valid. Files are not read yet. */
export interface PostgresParameters {
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
  readonly connectTimeoutMs: number;
  /** Undefined: probes are off. */
  readonly keepAliveMs: number | undefined;
  /** Which servers will do: a standby cannot be written. */
  readonly target: "any" | "read-write" | "primary";
  readonly sslMode: SslMode;
  /** Whether the string says it, in whatever words. */
  readonly isSslModeGiven: boolean;
  /** Whether TLS begins with the first byte, without asking the server for it. */
  readonly isDirectTls: boolean;
  /** `system`, or the path of a PEM file. */
  readonly sslRootCert: string | undefined;
  readonly sslCert: string | undefined;
  readonly sslKey: string | undefined;
  /** `require_auth`: the ways to log in that are allowed, or, negated, forbidden. */
  readonly requiredLogin: { readonly methods: readonly string[]; readonly isNegated: boolean } | undefined;
}

/** Of libpq, and those of them that are known here. */
const LOGIN_METHODS = ["password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none"];
const KNOWN_LOGINS = ["password", "md5", "scram-sha-256", "none"];

const DEFAULT_PORT = 5432;
const CONNECT_TIMEOUT_SECONDS = 10;
const KEEP_ALIVE_SECONDS = 60;
const TIMEOUT_MAX_SECONDS = 600;

/** Parameters of libpq whose meaning cannot be had here, and what to do instead. */
const NOT_HONOURED: Readonly<Record<string, string>> = {
  passfile: "put the password into POSTGRES_CONNECTION_STRING_FILE",
  service: "write the parameters out",
  servicefile: "write the parameters out",
  sslpassword: "take the password off the key",
  sslcrl: "revoked certificates are not looked up",
  sslcrldir: "revoked certificates are not looked up",
  keepalives_interval: "set it for the host (net.ipv4.tcp_keepalive_intvl)",
  keepalives_count: "set it for the host (net.ipv4.tcp_keepalive_probes)",
  tcp_user_timeout: "statements have a limit of a minute here",
  requiressl: "write sslmode=require",
  replication: "the handler writes rows",
  requirepeer: "",
  krbsrvname: "",
  gsslib: "",
  gssdelegation: "",
  scram_client_key: "",
  scram_server_key: "",
  sslkeylogfile: "",
};

/** Parameters that may have the values at which nothing here differs from libpq. */
const FIXED: Readonly<Record<string, readonly string[]>> = {
  channel_binding: ["disable", "prefer"],
  gssencmode: ["disable", "prefer"],
  client_encoding: ["UTF8", "utf8", "UTF-8", "auto"],
  load_balance_hosts: ["disable"],
  sslcompression: ["0"],
  sslsni: ["1"],
  sslcertmode: ["allow"],
  ssl_min_protocol_version: ["TLSv1.2"],
  ssl_max_protocol_version: ["TLSv1.3"],
};

const HONOURED = [
  ...[
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "fallback_application_name",
  ],
  ...[
    "options",
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "target_session_attrs",
    "sslmode",
    "ssl",
  ],
  ...["sslnegotiation", "sslrootcert", "sslcert", "sslkey", "require_auth"],
];
const KNOWN = [...HONOURED, ...Object.keys(FIXED), ...Object.keys(NOT_HONOURED)];

/** Of these the value is never shown: options may hold anything. */
const CLOSED = ["user", "password", "options"];
const OPEN = new Set([...HONOURED, ...Object.keys(FIXED)].filter((name) => !CLOSED.includes(name)));

/** Whether the value of the parameter of that name may be shown. */
export function isOpenParameter(name: string): boolean {
  return OPEN.has(name);
}

export function isParameterName(name: string): boolean {
  return KNOWN.includes(name);
}

/** Reads libpq's parameters, by their names. Texts of problems never hold a value. */
export class PostgresParameterReader {
  readonly problems: string[] = [];

  constructor(private readonly given: ReadonlyMap<string, string>) {}

  read(): PostgresParameters {
    this.checkNames();
    const mode = this.sslMode();
    const parameters = {
      hosts: this.hosts(),
      user: this.text("user"),
      password: this.text("password"),
      database: this.text("dbname"),
      applicationName: this.text("application_name") ?? this.text("fallback_application_name") ??
        "vabus-data-handler",
      options: this.text("options"),
      connectTimeoutMs: this.seconds("connect_timeout", 1, CONNECT_TIMEOUT_SECONDS) * 1000,
      keepAliveMs: this.keepAliveMs(),
      target: this.target(),
      sslMode: mode,
      isSslModeGiven: ["sslmode", "ssl"].some((name) => this.text(name) !== undefined) ||
        this.text("sslrootcert") === "system",
      isDirectTls: this.choice("sslnegotiation", ["postgres", "direct"]) === "direct",
      sslRootCert: this.text("sslrootcert"),
      sslCert: this.text("sslcert"),
      sslKey: this.text("sslkey"),
      requiredLogin: this.requiredLogin(),
    };
    this.checkTls(parameters);
    return parameters;
  }

  private checkNames(): void {
    for (const [name, value] of this.given) {
      const instead = NOT_HONOURED[name];
      const values = FIXED[name];
      if (instead !== undefined) {
        this.problem(`has the parameter ${name}, which is not honoured here${instead && `: ${instead}`}`);
      } else if (values !== undefined) {
        if (!values.includes(value)) {
          this.problem(`has ${name} with another value than ${values.join(" or ")}`);
        }
      } else if (!HONOURED.includes(name)) {
        const meant = nearMiss(name, KNOWN);
        const shown = /^[a-z_.]{1,63}$/i.test(name) ? ` ${name}` : "";
        this.problem(
          `has a parameter${shown} that is not known` +
            (meant
              ? `; did you mean ${meant}?`
              : "; a setting of the server goes into options=-c%20name%3Dvalue"),
        );
      }
    }
  }

  private hosts(): PostgresHost[] {
    const hosts = this.list("host");
    const addresses = this.list("hostaddr");
    const ports = this.list("port");
    const count = Math.max(hosts.length, addresses.length);
    if (count === 0) this.problem("names no host");
    if (hosts.length > 0 && addresses.length > 0 && hosts.length !== addresses.length) {
      this.problem("has not as many addresses (hostaddr) as hosts");
    }
    if (ports.length > 1 && ports.length !== count) this.problem("has neither one port nor as many as hosts");
    if (addresses.some((address) => address !== "" && isIP(address) === 0)) {
      this.problem("has a hostaddr that is no IP address");
    }
    return Array.from({ length: count }, (_, index) => {
      const address = addresses[index] || undefined;
      const host = hosts[index] || address || "";
      if (!host.startsWith("/") && isIP(host) === 0 && !/^[\p{L}\p{N}._-]+$/u.test(host)) {
        this.problem("has a host that is no name, no address and no directory of a Unix socket");
      }
      return {
        host,
        address,
        port: this.port((ports.length > 1 ? ports[index] : ports[0]) || `${DEFAULT_PORT}`),
      };
    });
  }

  private port(text: string): number {
    const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (port < 1 || port > 65_535) this.problem("has a port that is not a number from 1 to 65535");
    return port;
  }

  private sslMode(): SslMode {
    const ssl = this.text("ssl");
    if (ssl !== undefined && ssl !== "true") {
      this.problem("has ssl with another value than true; write sslmode");
    }
    const mode = this.choice("sslmode", SSL_MODES);
    if (mode !== undefined) return mode;
    if (this.text("sslrootcert") === "system") return "verify-full";
    return ssl === "true" ? "require" : "prefer";
  }

  private requiredLogin(): PostgresParameters["requiredLogin"] {
    const words = this.list("require_auth");
    if (words.length === 0) return undefined;
    const negated = words.filter((word) => word.startsWith("!"));
    const methods = words.map((word) => word.replace(/^!/, ""));
    if (methods.some((method) => !LOGIN_METHODS.includes(method))) {
      this.problem(`has require_auth with a value that is none of ${LOGIN_METHODS.join(", ")}`);
    } else if (new Set(methods).size < methods.length) {
      this.problem("has require_auth with the same method twice");
    } else if (negated.length > 0 && negated.length < words.length) {
      this.problem("has require_auth with both allowed and forbidden methods (!)");
    } else if (negated.length === 0 && !methods.some((method) => KNOWN_LOGINS.includes(method))) {
      this.problem(`has require_auth without any of ${KNOWN_LOGINS.join(", ")}, which are known here`);
    }
    return { methods, isNegated: negated.length > 0 };
  }

  private target(): PostgresParameters["target"] {
    const modes = ["any", "read-write", "primary", "read-only", "standby", "prefer-standby"] as const;
    const target = this.choice("target_session_attrs", modes);
    switch (target) {
      case "read-only":
      case "standby":
      case "prefer-standby":
        this.problem(
          `has target_session_attrs=${target}, but the handler writes: leave it out, or read-write`,
        );
        return "any";
      default:
        return target ?? "any";
    }
  }

  private keepAliveMs(): number | undefined {
    const isOff = this.choice("keepalives", ["0", "1"]) === "0";
    const ms = this.seconds("keepalives_idle", 1, KEEP_ALIVE_SECONDS) * 1000;
    return isOff ? undefined : ms;
  }

  private checkTls({ sslMode, sslRootCert, sslCert, sslKey, isDirectTls }: PostgresParameters): void {
    if ((sslCert === undefined) !== (sslKey === undefined)) {
      this.problem("has one of sslcert and sslkey; give both");
    }
    if (sslRootCert === "system" && sslMode !== "verify-full") {
      this.problem("has sslrootcert=system, which needs sslmode=verify-full");
    }
    if (sslMode === "disable" && (sslRootCert ?? sslCert) !== undefined) {
      this.problem("has sslmode=disable, but certificates; write another sslmode or leave them out");
    }
    if (isDirectTls && ["disable", "allow", "prefer"].includes(sslMode)) {
      this.problem("has sslnegotiation=direct, which needs sslmode=require or better");
    }
  }

  private text(name: string): string | undefined {
    return this.given.get(name) || undefined;
  }

  private list(name: string): string[] {
    const text = this.text(name);
    return text === undefined ? [] : text.split(",").map((part) => part.trim());
  }

  private choice<const W extends string>(name: string, words: readonly W[]): W | undefined {
    const text = this.text(name);
    if (text === undefined || (words as readonly string[]).includes(text)) return text as W | undefined;
    this.problem(`has ${name} with a value that is none of ${words.join(", ")}`);
    return undefined;
  }

  private seconds(name: string, min: number, fallback: number): number {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const value = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= TIMEOUT_MAX_SECONDS) return value;
    this.problem(
      `has ${name} with a value that is no whole number of seconds from ${min} to ${TIMEOUT_MAX_SECONDS}`,
    );
    return fallback;
  }

  private problem(text: string): void {
    if (!this.problems.includes(text)) this.problems.push(text);
  }
}
