import { decoded } from "./percent_encoding.ts";

/** A login in a URL. */
export interface UrlUser {
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/**
 * The parameters behind the ? of a URL, in their order, decoded. One without a value, or with a % that does
 * not begin an encoded character, has an empty value.
 */
export function* parametersIn(query = ""): Generator<readonly [name: string, value: string]> {
  for (const parameter of query.split("&")) {
    if (parameter === "") continue;
    const equals = parameter.indexOf("=");
    if (equals < 0) yield [parameter, ""];
    else yield [parameter.slice(0, equals), decoded(parameter.slice(equals + 1)) ?? ""];
  }
}

/**
 * The login before the @ of a URL, decoded. Empty parts are not there.
 *
 * @returns Undefined: a % does not begin an encoded character.
 */
export function userIn(userInfo = ""): UrlUser | undefined {
  const colon = userInfo.indexOf(":");
  const username = decoded(colon < 0 ? userInfo : userInfo.slice(0, colon));
  const password = decoded(colon < 0 ? "" : userInfo.slice(colon + 1));
  if (username === undefined || password === undefined) return undefined;
  return { username: username || undefined, password: password || undefined };
}
