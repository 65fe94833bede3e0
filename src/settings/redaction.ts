import { MASK } from "./mask.ts";

/** Removes secrets from a text of unknown origin, such as the message of a defect. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, MASK), text);
}

/** The secrets that are set, longest first, so that a shorter one within a longer one does not cut it. */
export function inOrderOfRedaction(secrets: readonly (string | undefined)[]): string[] {
  return secrets.filter((secret): secret is string => Boolean(secret)).sort((a, b) => b.length - a.length);
}
