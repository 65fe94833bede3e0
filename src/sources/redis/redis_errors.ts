import { SourceError, type SourceErrorKind } from "../../contract/source.ts";

const LOGIN_ADVICE = "check user and password of the URL, or VABUS_USERNAME and VABUS_PASSWORD";

/** The first words of errors, and what an operator can do about each. */
const KNOWN: readonly (readonly [beginning: RegExp, kind: SourceErrorKind, advice: string])[] = [
  [/^NOAUTH|^WRONGPASS|^ERR (?:invalid password|AUTH|Client sent AUTH)/, "refused", LOGIN_ADVICE],
  [/^NOPERM/, "refused", "grant the user the commands of docs/sources/redis.md on the keys of the URL"],
  [/^WRONGTYPE/, "refused", "the key is no stream: check the key in VABUS_URL"],
  [/^ERR DB index|^ERR invalid DB/, "refused", "the server has no such database: check db= of the URL"],
  [/^MOVED|^ASK|^CROSSSLOT/, "refused", "the server is one of a Redis Cluster, which is not read"],
  [/^DENIED/, "refused", "the server is in protected mode: give it a password, or let it listen here"],
  [/^ERR unknown command/, "refused", "Redis 7.0 or newer, or Valkey, is needed"],
  [/^LOADING/, "unavailable", "it reads its data from disk and will soon be there"],
  [/^MASTERDOWN|^CLUSTERDOWN|^BUSY|^TRYAGAIN|^MISCONF|^OOM/, "unavailable", ""],
];

/** An error that a server has answered with. @param subject Who answers it: `Redis at r:6379`. */
export function redisError(subject: string, text: string): SourceError {
  const [, kind, advice] = KNOWN.find(([beginning]) => beginning.test(text)) ??
    [undefined, "unavailable" as const, ""];
  return new SourceError(kind, `${subject} answers ${text.slice(0, 300)}${advice && `: ${advice}`}`);
}

/** Whether the error says that the memory of the server is full. */
export function isOfFullServer(text: string): boolean {
  return /^OOM/.test(text);
}

/** Whether the error says that there is no such key. */
export function isOfNoKey(text: string): boolean {
  return /^ERR no such key/.test(text);
}
