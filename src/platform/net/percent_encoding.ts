/** A part of a URL without its percent-encoding; undefined: a % does not begin an encoded character. */
export function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
