export const MASK = "***";

/**
 * A valid URL without its password, and without the values of parameters that might be secret. The rest of
 * the text stays as the operator wrote it (several hosts included).
 *
 * @param isOpen Whether the value of the parameter of that name may be shown.
 */
export function maskUrl(text: string, isOpen: (parameter: string) => boolean = () => false): string {
  const [, scheme, userInfo, authority, query] =
    /^([^:]+:(?:\/\/|(?=\?|$)))(?:(.*)@)?([^?]*)(?:\?(.*))?$/s.exec(text) ??
      [];
  if (scheme === undefined) return MASK;
  const maskedUser = userInfo === undefined ? "" : `${maskUserInfo(userInfo)}@`;
  const maskedQuery = query === undefined
    ? ""
    : `?${query.split("&").map((part) => isOpen(nameOf(part)) ? part : MASK).join("&")}`;
  return `${scheme}${maskedUser}${authority}${maskedQuery}`;
}

/**
 * Masks an invalid URL, whose parts cannot be told apart. Removed is all that might be a user name, a
 * password or a parameter: from the first `//` to the last `@`; text in the position of a port that is not a
 * number (a `#` in a password ends the line of a `.env` before its `@`); and everything from the first `?`
 * on.
 */
export function maskRefused(text: string): string {
  const at = text.lastIndexOf("@");
  const start = text.indexOf("//");
  const open = at < 0
    ? text
    : `${start < 0 || start > at ? "" : text.slice(0, start + 2)}${MASK}${text.slice(at)}`;
  return open.replace(/(\/\/[^/,:]*:)(?!\d{1,5}(?:[/,]|$))[^,]*/g, `$1${MASK}`).replace(/\?.*$/s, `?${MASK}`);
}

/** A user name without a password, or with an empty one, may be a token. */
function maskUserInfo(userInfo: string): string {
  const colon = userInfo.indexOf(":");
  return colon < 0 || colon === userInfo.length - 1 ? MASK : `${userInfo.slice(0, colon)}:${MASK}`;
}

function nameOf(parameter: string): string {
  return parameter.slice(0, Math.max(parameter.indexOf("="), 0));
}

/**
 * The secret of a URL, as written and decoded: the password, or a user name without one, which may be a
 * token.
 */
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
