import { printable } from "../platform/log/printable.ts";
import { decoded } from "../platform/net/percent_encoding.ts";

const PARAMETER = "source";
const MAX_CHARACTERS = 64;

/** Splits the URL of a bus into the URL without its name, and the operator's name for the bus. */
export function partName(
  text: string,
): { readonly url: string; readonly name: string | undefined } | { readonly problem: string } {
  const [, url = text, query] = /^([^?]*)\?(.*)$/s.exec(text) ?? [];
  // Before an @, the question mark may be a part of a password.
  if (query === undefined || query.includes("@")) return { url: text, name: undefined };
  const parameters = query.split("&");
  const own = parameters.filter((parameter) => parameter.startsWith(`${PARAMETER}=`));
  if (own.length === 0) return { url: text, name: undefined };
  if (own.length > 1) return { problem: `has the parameter ${PARAMETER} twice` };
  const name = decoded(own[0]!.slice(PARAMETER.length + 1));
  const problem = name === undefined ? "is not percent-encoded text" : problemOf(name);
  if (problem !== undefined) return { problem: `has a parameter ${PARAMETER} that ${problem}` };
  const rest = parameters.filter((parameter) => parameter !== own[0]);
  return { url: rest.length === 0 ? url : `${url}?${rest.join("&")}`, name };
}

/** Whether a parameter of a URL is the name of the bus, which is no secret. */
export function isNameParameter(parameter: string): boolean {
  return parameter === PARAMETER;
}

/** What is wrong with a name; undefined: nothing. */
export function problemOf(name: string): string | undefined {
  if (name === "") return "is empty";
  if ([...name].length > MAX_CHARACTERS) return `has more than ${MAX_CHARACTERS} characters`;
  if (name !== name.trim() || printable(name) !== name) {
    return "has characters that cannot be seen, or spaces around it";
  }
  // Whoever reads a name must not take it for the URL of another bus, or for an offset.
  return /[:=,]/.test(name) ? "has a : or = or comma" : undefined;
}
