import { oneLine } from "../platform/log/printable.ts";
import { MASK } from "./mask.ts";

/** A shorter text is no secret, and is in many words. */
const LEAST_CHARACTERS = 3;
/** So much of the beginning of a secret counts as the secret, where a text was cut within it. */
const LEAST_BEGINNING = 8;

/** Removes secrets from a text of unknown origin, such as the message of a defect. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, MASK), text);
}

/** The secrets that are set, longest first, so that a shorter one within a longer one does not cut it. */
export function inOrderOfRedaction(secrets: readonly (string | undefined)[]): string[] {
  return secrets.filter((secret): secret is string => Boolean(secret)).sort((a, b) => b.length - a.length);
}

/**
 * Makes the function that removes secrets from what servers say, who may repeat what they were sent: as it
 * is, in JSON, in a URL, or cut off.
 *
 * @param shown Texts that everybody sees anyway, such as the settings as `check` prints them. A password that
 * is a word of them is not removed: the gaps would tell it, and would make messages unreadable.
 */
export function concealing(
  secrets: readonly (string | undefined)[],
  shown: readonly string[] = [],
): (text: string) => string {
  const isHidden = (part: string) => !shown.some((text) => text.includes(part));
  const forms = inOrderOfRedaction([...new Set(secrets.flatMap((secret) => secret ? formsOf(secret) : []))])
    .filter((form) => form.length >= LEAST_CHARACTERS && isHidden(form));
  const cut = forms.filter((form) => isHidden(beginningOf(form)));
  // A beginning may be that of another form, which is removed as a whole.
  return (text) => cut.reduce(withoutBeginning, redact(text, forms));
}

function formsOf(secret: string): string[] {
  const encoded = encodeURIComponent(secret.toWellFormed());
  const urlForms = [encoded, encoded.replaceAll("%2F", "/")];
  const lowerCase = urlForms.map((form) => form.replace(/%../g, (code) => code.toLowerCase()));
  return [secret, ...urlForms, ...lowerCase, JSON.stringify(secret).slice(1, -1)].map(oneLine);
}

function beginningOf(form: string): string {
  return form.slice(0, Math.max(LEAST_BEGINNING, Math.ceil(form.length / 2)));
}

function withoutBeginning(text: string, form: string): string {
  const beginning = beginningOf(form);
  let open = text;
  for (let at = open.indexOf(beginning); at >= 0; at = open.indexOf(beginning, at + MASK.length)) {
    let end = at + beginning.length;
    while (end < open.length && end < at + form.length && open[end] === form[end - at]) end++;
    open = open.slice(0, at) + MASK + open.slice(end);
  }
  return open;
}
