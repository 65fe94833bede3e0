import type { SinkConfig, VaBusConfig } from "./config.ts";
import { isOpenParameter, MASK } from "./mask.ts";

/** Takes secrets out of a text of unknown origin, such as the message of a defect. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, MASK), text);
}

/** Every secret text of a configuration; longest first, so that none is cut by a shorter one within it. */
export function secretsOf(vabus: VaBusConfig, sinks: readonly SinkConfig[]): string[] {
  const secrets = [vabus.token, vabus.tls?.key, ...vabus.urls.flatMap(secretsOfUrl)];
  for (const sink of sinks) {
    if (sink.name === "kafka") secrets.push(sink.sasl?.password, sink.tls?.key);
    if (sink.name === "postgres") secrets.push(sink.connectionString, ...secretsOfUrl(sink.connectionString));
  }
  return secrets.filter((secret): secret is string => Boolean(secret)).sort((a, b) => b.length - a.length);
}

/**
 * What is secret in a valid URL, as it was written and decoded: the password, a user name that stands alone (it may be a token),
 * and parameters that are not open by their nature.
 */
function secretsOfUrl(url: string): string[] {
  const [, user, password] = /^[^:]+:\/\/([^:@/]*)(?::([^@]*))?@/.exec(url) ?? [];
  const query = /\?(.*)$/s.exec(url)?.[1] ?? "";
  const parameters = query.split("&").filter((parameter) => !isOpenParameter(parameter))
    .map((parameter) => parameter.slice(parameter.indexOf("=") + 1));
  return [password || user || "", ...parameters].flatMap((text) => [text, decoded(text)]);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
