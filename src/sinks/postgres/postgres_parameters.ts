import { isIP } from "node:net";
import { problemOfParameter } from "./libpq_parameters.ts";
import type { PostgresConnection, PostgresHost, PostgresTls, RequiredLogin } from "./postgres_connection.ts";

const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;

/** The parameters of a valid connection string, complete. Files are not read yet. */
export interface PostgresParameters extends Omit<PostgresConnection, "tls"> {
  readonly sslMode: PostgresTls["mode"];
  /** Whether the string sets it, in any form. */
  readonly isSslModeGiven: boolean;
  /** Whether TLS begins with the first byte, without a request for it. */
  readonly isDirectTls: boolean;
  /** `system`, or the path of a PEM file. */
  readonly sslRootCert: string | undefined;
  readonly sslCert: string | undefined;
  readonly sslKey: string | undefined;
}

/** Values of libpq, and those of them that are supported here. */
const LOGIN_METHODS = ["password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none"];
const KNOWN_LOGINS = ["password", "md5", "scram-sha-256", "none"];

const DEFAULT_PORT = 5432;
const CONNECT_TIMEOUT_SECONDS = 10;
const KEEP_ALIVE_SECONDS = 60;
const TIMEOUT_MAX_SECONDS = 600;

/** Reads libpq's parameters by their names. The texts of problems never contain a value. */
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
      const problem = problemOfParameter(name, value);
      if (problem !== undefined) this.problem(problem);
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

  private sslMode(): PostgresTls["mode"] {
    const ssl = this.text("ssl");
    if (ssl !== undefined && ssl !== "true") {
      this.problem("has ssl with another value than true; write sslmode");
    }
    const mode = this.choice("sslmode", SSL_MODES);
    if (mode !== undefined) return mode;
    if (this.text("sslrootcert") === "system") return "verify-full";
    return ssl === "true" ? "require" : "prefer";
  }

  private requiredLogin(): RequiredLogin | undefined {
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
