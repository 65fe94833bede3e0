import { MASK } from "./mask.ts";

/** Takes secrets out of a text of unknown origin, such as the message of a defect. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, MASK), text);
}

/** Those that there are; longest first, so that none is cut by a shorter one within it. */
export function inOrderOfRedaction(secrets: readonly (string | undefined)[]): string[] {
  return secrets.filter((secret): secret is string => Boolean(secret)).sort((a, b) => b.length - a.length);
}
