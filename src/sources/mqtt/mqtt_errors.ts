import { SourceError } from "../../contract/source.ts";
import { unreachable } from "../unreachable_server.ts";
import { mayPass, reasonText } from "./reason_codes.ts";
import { WireFault } from "./wire_fault.ts";

/** What a fault of a connection means to the reader. @param name `the broker at b:1883`. */
export function sourceErrorOf(name: string, error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  if (error instanceof WireFault) return new SourceError("garbage", `${name} ${error.message}`);
  return unreachable(name, error);
}

/**
 * A reason that a broker has given.
 *
 * @param what What it has done: `refuses the connection`.
 */
export function refusal(name: string, what: string, code: number): SourceError {
  return new SourceError(mayPass(code) ? "unavailable" : "refused", `${name} ${what}: ${reasonText(code)}`);
}
