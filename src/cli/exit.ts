/** The exit codes of every command. */
export const EXIT = {
  done: 0,
  /** The state is safe. */
  failed: 1,
  /** Wrong usage or configuration. */
  usage: 2,
  /** Something cannot be reached, or another process holds it, for now (`EX_TEMPFAIL` of sysexits.h). */
  tryAgain: 75,
} as const;
export type ExitCode = typeof EXIT[keyof typeof EXIT];

/** A command that ends without success; `message` is for the operator: what is wrong and what to do next. */
export class CommandError extends Error {
  constructor(readonly exitCode: Exclude<ExitCode, 0>, message: string) {
    super(message);
    this.name = "CommandError";
  }
}
