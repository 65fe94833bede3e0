import { isLoopback } from "../platform/http/access.ts";
import type { KafkaConfig, PostgresConfig, SinkConfig, VaBusConfig } from "./config.ts";

/** A credential, and where it goes over what. */
interface Transmission {
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

/**
 * The one rule for all credentials: what goes to another host than this one goes over a connection that is encrypted and
 * verified, or the operator is told. Metrics go to the first bus, with what that gets.
 */
export function exposedCredentials(vabus: VaBusConfig, sinks: readonly SinkConfig[]): string[] {
  const warnings = [...ofBuses(vabus), ...sinks.flatMap(ofSink)]
    .filter(({ isProtected, host }) => !isProtected && !isThisHost(host))
    .map(({ credential, host, flaw, remedy }) => `${credential} goes to ${host} ${flaw}: ${remedy}`);
  return [...new Set(warnings)];
}

function isThisHost(host: string): boolean {
  return host.startsWith("/") || isLoopback(host.replace(/^\[|\]$/g, ""));
}

const IN_THE_CLEAR = "in the clear, and to whoever answers in its place";

function ofBuses({ urls, token }: VaBusConfig): Transmission[] {
  return urls.flatMap((text) => {
    const url = new URL(text);
    const hasPassword = url.username !== "" || url.password !== "";
    if (token === undefined && !hasPassword) return [];
    return [{
      credential: token !== undefined ? "VABUS_TOKEN" : "the password in VABUS_URL",
      host: url.hostname,
      isProtected: url.protocol === "https:",
      flaw: IN_THE_CLEAR,
      remedy: "give VABUS_URL as https://, with VABUS_CA_FILE where the authority is your own",
    }];
  });
}

function ofSink(sink: SinkConfig): Transmission[] {
  if (sink.name === "kafka") return ofKafka(sink);
  return sink.name === "postgres" ? ofPostgres(sink) : [];
}

function ofKafka({ bootstrapServers, sasl, tls }: KafkaConfig): Transmission[] {
  // SCRAM proves both sides to each other without telling the password.
  if (sasl?.mechanism !== "plain") return [];
  return bootstrapServers.map((server) => ({
    credential: "KAFKA_SASL_PASSWORD",
    host: server.replace(/:\d+$/, ""),
    isProtected: tls !== undefined,
    flaw: IN_THE_CLEAR,
    remedy: "set KAFKA_SSL=true, with KAFKA_SSL_CA_FILE where the authority is your own",
  }));
}

function ofPostgres({ connection }: PostgresConfig): Transmission[] {
  const { password, hosts, tls, requiredLogin } = connection;
  const isScramOnly = requiredLogin !== undefined && !requiredLogin.isNegated &&
    requiredLogin.methods.every((method) => method === "scram-sha-256" || method === "none");
  if (password === undefined || isScramOnly) return [];
  return hosts.map(({ host, address }) => ({
    credential: "the login of POSTGRES_CONNECTION_STRING",
    host: host.startsWith("/") ? host : address ?? host,
    isProtected: tls.provesServer,
    flaw: `over a connection that does not prove which server it is (sslmode=${tls.mode})`,
    remedy:
      "add sslmode=verify-full, with POSTGRES_SSL_CA_FILE where the authority is your own; or, where the server has " +
      "scram-sha-256, require_auth=scram-sha-256",
  }));
}
