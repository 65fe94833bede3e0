import type { SinkError } from "../sinks/sink.ts";
import type { SourceError } from "../vabus/source.ts";

/** What to do about a bus or a sink that cannot be used, in words that follow its own error. */
export const ADVICE: Record<SinkError["kind"] | SourceError["kind"], string> = {
  unavailable: "(Is it running, and can this host reach it?)",
  rejected: "(It refuses what the handler writes.)",
  misconfigured: "(Mend its set-up or its settings.)",
  refused: "(Mend the token or the certificates.)",
  garbage: "(Is this address a VaBus?)",
};
