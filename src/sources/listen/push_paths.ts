import type { PushPath } from "./decoder.ts";
import { EventDecoder } from "./event_decoder.ts";
import type { RecordCheck } from "./record_check.ts";

/** The paths that records are sent to by POST. A further protocol is one entry here. */
export function pushPaths(check: RecordCheck): Readonly<Record<string, PushPath>> {
  return {
    "/events": new EventDecoder(check),
  };
}
