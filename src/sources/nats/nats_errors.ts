import { SourceError, type SourceErrorKind } from "../../contract/source.ts";

const LOGIN_ADVICE = "check user, password, token or credentials of VABUS_URL and the settings";
const RIGHTS_ADVICE = "grant the user the subjects of docs/sources/nats.md";

/** Errors of servers, and what an operator can do about each. */
const KNOWN: readonly (readonly [text: RegExp, kind: SourceErrorKind, advice: string])[] = [
  [
    /authorization violation|authentication (?:expired|revoked|timeout)|account expired/i,
    "refused",
    LOGIN_ADVICE,
  ],
  [/permissions violation/i, "refused", RIGHTS_ADVICE],
  [/secure connection|tls required/i, "refused", "give VABUS_URL as natss://"],
  [/maximum connections/i, "unavailable", "raise max_connections at the server"],
];

/** What a server says when it ends a connection. @param subject Who says it: `NATS at n:4222`. */
export function serverError(subject: string, text: string): SourceError {
  const [, kind, advice] = KNOWN.find(([pattern]) => pattern.test(text)) ??
    [undefined, "unavailable" as const, ""];
  return new SourceError(kind, `${subject} answers ${text.slice(0, 300)}${advice && `: ${advice}`}`);
}
