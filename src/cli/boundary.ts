import { AdminError } from "../api/admin_error.ts";
import { OrderError } from "../control/order_error.ts";
import { ConfigError } from "../settings/fault.ts";
import { redact } from "../settings/redaction.ts";
import { denialOf } from "../platform/log/denial.ts";
import { SinkError } from "../contract/sink.ts";
import { StateError, type StateErrorKind } from "../state/file/state_error.ts";
import { SourceError } from "../contract/source.ts";
import { ListenerError } from "./listener_error.ts";
import { OutputError } from "../platform/terminal/streams.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";

/** What the boundary needs to report an unforeseen error without showing secrets. */
export interface Disclosure {
  /** Whether the operator asked for `LOG_LEVEL=debug`. */
  readonly isDebug: boolean;
  readonly secrets: readonly string[];
}

export interface Outcome {
  readonly exitCode: ExitCode;
  /** For stderr; undefined: there is nothing to say. */
  readonly message: string | undefined;
}

const STATE_EXITS: Record<StateErrorKind, ExitCode> = {
  held: EXIT.tryAgain,
  foreign: EXIT.usage,
  damaged: EXIT.failed,
  newer: EXIT.failed,
  missing: EXIT.failed,
  exists: EXIT.failed,
  unwritable: EXIT.failed,
  untrusted: EXIT.usage,
  gone: EXIT.tryAgain,
};

/** The message and exit code for an error that no command has caught. */
export function outcomeOf(error: unknown, disclosure: Disclosure): Outcome {
  if (error instanceof ConfigError) return { exitCode: EXIT.usage, message: error.message };
  if (error instanceof CommandError) return { exitCode: error.exitCode, message: error.message };
  if (error instanceof OrderError) {
    return { exitCode: error.kind === "wrong" ? EXIT.usage : EXIT.failed, message: error.message };
  }
  if (error instanceof StateError) return { exitCode: STATE_EXITS[error.kind], message: error.message };
  if (error instanceof ListenerError) {
    return { exitCode: error.kind === "absent" ? EXIT.tryAgain : EXIT.failed, message: error.message };
  }
  if (
    error instanceof SinkError || error instanceof SourceError || error instanceof AdminError ||
    error instanceof OutputError
  ) return { exitCode: EXIT.failed, message: error.message };
  // The reader of our output has gone, as `head` does. That needs no message, but it is not a success.
  if (error instanceof Deno.errors.BrokenPipe) return { exitCode: EXIT.failed, message: undefined };
  const denial = denialOf(error);
  if (denial !== undefined) return { exitCode: EXIT.failed, message: `Not permitted: ${denial}.` };
  return {
    exitCode: EXIT.failed,
    message: redact(defectReport(error, disclosure.isDebug), disclosure.secrets),
  };
}

function defectReport(error: unknown, isDebug: boolean): string {
  const summary = error instanceof Error ? error.message : String(error);
  const advice = isDebug
    ? `Please report it with these details:\n${error instanceof Error ? error.stack : summary}`
    : "The state is safe. Please report it; LOG_LEVEL=debug shows the details.";
  return `internal error: ${summary.split("\n")[0]}. ${advice}`;
}
