import type { SinkConfig, VaBusConfig } from "./config.ts";
import { MASK } from "./mask.ts";

/** Takes secrets out of a text of unknown origin, such as the message of a defect. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, MASK), text);
}

/** Every secret text of a configuration; longest first, so that none is cut by a shorter one within it. */
export function secretsOf(vabus: VaBusConfig, sinks: readonly SinkConfig[]): string[] {
  const secrets = [
    vabus.token,
    vabus.tls?.key,
    ...[...vabus.urls, ...Object.values(vabus.proxies).map(({ url }) => url)].flatMap(secretsOfUrl),
  ];
  for (const sink of sinks) {
    if (sink.name === "kafka") secrets.push(sink.sasl?.password, sink.tls?.key);
    if (sink.name === "postgres") secrets.push(...sink.secrets, sink.connection.tls.key);
  }
  return secrets.filter((secret): secret is string => Boolean(secret)).sort((a, b) => b.length - a.length);
}

/** What is secret in the URL of a bus, as it was written and decoded: the password, or a user name without one (it may be a token). */
function secretsOfUrl(url: string): string[] {
  const [, user, password] = /^[^:]+:\/\/([^:@/]*)(?::([^@]*))?@/.exec(url) ?? [];
  const secret = password || user || "";
  return [secret, decoded(secret)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
