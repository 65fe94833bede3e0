import { bearerOf } from "../../platform/http/access.ts";

/**
 * The token that a request carries, in each of the ways in which clients of InfluxDB send one: as `Bearer`,
 * as `Token`, as the password of `Basic`, or as the parameter `p`. Undefined: there is none; "": what there
 * is cannot be read.
 */
export function credentialOf(request: Request): string | undefined {
  const given = request.headers.get("authorization");
  if (given === null) return URL.parse(request.url)?.searchParams.get("p") ?? undefined;
  const [, token] = /^token +(\S+) *$/i.exec(given) ?? [];
  if (token !== undefined) return token.includes(":") ? token.slice(token.indexOf(":") + 1) : token;
  const [, basic] = /^basic +([\w+/]+={0,2}) *$/i.exec(given) ?? [];
  if (basic === undefined) return bearerOf(request);
  const text = decoded(basic);
  return text.slice(text.indexOf(":") + 1);
}

function decoded(base64: string): string {
  try {
    return atob(base64);
  } catch {
    return "";
  }
}
