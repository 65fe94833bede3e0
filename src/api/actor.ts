import type { Caller } from "./endpoint.ts";

/** A caller in words, for the log: `admin (token), certificate O=Plant, CN=ann`. */
export function nameOf({ role, by, certificate }: Caller): string {
  const how = by === "nothing" ? "" : ` (${by})`;
  return `${role ?? "nobody"}${how}${certificate === undefined ? "" : `, certificate ${certificate}`}`;
}

/** A caller in words with its address, for the audit. */
export function actorOf(caller: Caller): string {
  return `${nameOf(caller)} from ${caller.from}`;
}
