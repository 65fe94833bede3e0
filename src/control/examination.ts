import { partsOfAnswer } from "../contract/probe_answer.ts";
import { SinkError } from "../contract/sink.ts";
import { SourceError } from "../contract/source.ts";
import { saysDenial } from "../platform/log/denial.ts";
import { StateError } from "../state/file/state_error.ts";
import { OrderError } from "./order_error.ts";

/** Something that `run` needs and that can be examined before. */
export interface Subject {
  /** `bus http://localhost:8000`, `sink kafka`. */
  readonly title: string;
  /**
   * Tries everything that `run` will do with it, without leaving a trace, and returns in a few words what is
   * there; see {@link probeAnswer}.
   */
  probe(signal: AbortSignal): Promise<string>;
  close(): Promise<void> | void;
}

/** The finding about a subject. Detail undefined: there is nothing to add. */
export interface Finding {
  readonly outcome: "ok" | "warning" | "failed";
  readonly title: string;
  readonly detail?: string;
}

/**
 * Probes one subject and closes it: what is there, and each warning on its own. Other errors than those of
 * the subject are thrown on.
 */
export async function examine(subject: Subject, signal: AbortSignal, timeoutMs: number): Promise<Finding[]> {
  const { title } = subject;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const { found, warnings } = partsOfAnswer(await subject.probe(AbortSignal.any([signal, timeout])));
    return [
      ...(found === "" ? [] : [{ outcome: "ok", title, detail: found } as const]),
      ...warnings.map((detail) => ({ outcome: "warning", title, detail } as const)),
    ];
  } catch (error) {
    signal.throwIfAborted();
    const detail = timeout.aborted ? `no answer within ${timeoutMs / 1000} s` : failureIn(error);
    return [{ outcome: "failed", title, detail }];
  } finally {
    await subject.close();
  }
}

/** The finding of an error. @throws The error itself, where it is not about the subject. */
function failureIn(error: unknown): string {
  if (error instanceof StateError || error instanceof OrderError) return error.message;
  if (!(error instanceof SinkError || error instanceof SourceError)) throw error;
  const { kind, message } = error;
  const isSaid = saysDenial(message) || (kind === "unavailable" && !WITHOUT_CONNECTION.test(message));
  const advice = isSaid ? "" : ADVICE[kind];
  return `${error.message}${advice && ` ${advice}`}`;
}

/**
 * What is said where nothing has answered. Other parts that are unavailable have answered, or are a file: a
 * topic is missing, a file is locked.
 */
const WITHOUT_CONNECTION =
  /cannot be reached|out of reach|no connection|not answered|closed the connection|connection (?:error|timeout)|E(?:CONN|HOST|NET|AI_|NOTFOUND|TIMEDOUT)/i;

const ADVICE: Record<SinkError["kind"] | SourceError["kind"], string> = {
  unavailable: "(Is it running, and can this host reach it?)",
  incomplete: "(Is it overloaded, or something between that cuts answers off?)",
  timed_out: "(Is it overloaded, or is the network to it slow?)",
  rejected: "(It refuses what the handler writes.)",
  postponed: "(It refuses what the handler writes.)",
  unexplained: "(It refuses what the handler writes.)",
  // The messages of these errors contain the reason.
  misconfigured: "",
  refused: "",
  garbage: "",
  smaller: "",
};
