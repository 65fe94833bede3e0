import { MASK } from "./mask.ts";

/** Takes secrets out of a text of unknown origin, such as the message of a defect. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, MASK), text);
}

/** Those that there are; longest first, so that none is cut by a shorter one within it. */
export function inOrderOfRedaction(secrets: readonly (string | undefined)[]): string[] {
  return secrets.filter((secret): secret is string => Boolean(secret)).sort((a, b) => b.length - a.length);
}

/** What is secret in a URL, as it was written and decoded: the password, or a user name without one (it may be a token). */
export function secretsOfUrl(url: string): string[] {
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
