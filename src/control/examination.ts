import { SinkError } from "../contract/sink.ts";
import { SourceError } from "../contract/source.ts";
import { StateError } from "../state/file/state_error.ts";
import { OrderError } from "./order_error.ts";

/** Something that `run` needs, as far as it can be examined beforehand. */
export interface Subject {
  /** `bus http://localhost:8000`, `sink kafka`. */
  readonly title: string;
  /** Tries whatever `run` will do there, without a trace, and says in a few words what is there. */
  probe(signal: AbortSignal): Promise<string>;
  close(): Promise<void> | void;
}

/** What was found of a subject. Detail undefined: there is nothing to add. */
export interface Finding {
  readonly outcome: "ok" | "warning" | "failed";
  readonly title: string;
  readonly detail?: string;
}

/** Probes one subject and lets go of it. Errors that are not the subject's own pass through. */
export async function examine(subject: Subject, signal: AbortSignal, timeoutMs: number): Promise<Finding> {
  const { title } = subject;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    return { outcome: "ok", title, detail: await subject.probe(AbortSignal.any([signal, timeout])) };
  } catch (error) {
    signal.throwIfAborted();
    return {
      outcome: "failed",
      title,
      detail: timeout.aborted ? `no answer within ${timeoutMs / 1000} s` : failureIn(error),
    };
  } finally {
    await subject.close();
  }
}

/** What an error says of the subject. @throws It says nothing of it. */
function failureIn(error: unknown): string {
  if (error instanceof StateError || error instanceof OrderError) return error.message;
  if (!(error instanceof SinkError || error instanceof SourceError)) throw error;
  const advice = ADVICE[error.kind];
  return `${error.message}${advice && ` ${advice}`}`;
}

const ADVICE: Record<SinkError["kind"] | SourceError["kind"], string> = {
  unavailable: "(Is it running, and can this host reach it?)",
  incomplete: "(Is it overloaded, or something between that cuts answers off?)",
  timed_out: "(Is it overloaded, or is the network to it slow?)",
  rejected: "(It refuses what the handler writes.)",
  postponed: "(It refuses what the handler writes.)",
  unexplained: "(It refuses what the handler writes.)",
  // These say it themselves.
  misconfigured: "",
  refused: "",
  garbage: "",
  smaller: "",
};
