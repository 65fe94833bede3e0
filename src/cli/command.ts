import type { BusConfig, Config } from "../settings/config.ts";
import type { Sources } from "../settings/settings.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { Registry } from "../runtime/registry.ts";
import type { ExitCode } from "./exit.ts";
import type { Options, OptionValues } from "./option.ts";
import type { Hangups } from "./signals.ts";

/** What a command gets to work with. */
export interface CommandContext<C = Config> {
  readonly config: C;
  /** To derive another configuration from, as `demo` does. */
  readonly sources: Sources;
  readonly registry: Registry;
  readonly logger: Logger;
  /** Fires at the first SIGTERM or SIGINT: come to an end in good order. */
  readonly signal: AbortSignal;
  /** Asks a service to read its settings again. */
  readonly hangups: Hangups;
  /** Logs as another configuration says from now on, and keeps its secrets out of unforeseen errors. */
  readonly adopt: (config: C) => void;
  /** Writes to stdout, all of it. */
  readonly write: (text: string) => void;
}

/** One command as help and parser see it. Its code is loaded only when it runs. */
export interface Command<C = Config, O extends Options = Options> {
  /** The words on the command line: `status`, `dead-letters list`. */
  readonly name: string;
  readonly summary: string;
  /** What the summary leaves out; sentences. */
  readonly details: string;
  /** Arguments and what they do. */
  readonly examples: readonly (readonly [args: string, effect: string])[];
  /** The settings shown in its help; it accepts all of them, so that one environment serves every command. */
  readonly concerns: readonly string[];
  /** Defaults of its own for settings, as its help shows them. */
  readonly defaults?: Partial<Record<string, string>>;
  /** What its help says of the environment; left out: that each setting may come from there. */
  readonly environmentHelp?: string;
  readonly options: O;
  readonly configure: (sources: Sources, registry: Registry) => C;
  run(context: CommandContext<C>, options: OptionValues<O>): Promise<ExitCode>;
}

/** Any command, once its own types have done their work. */
export type AnyCommand = Command<Config | BusConfig>;

/** Lets the compiler hold a command's code against its options and its configuration. */
export function command<C extends Config | BusConfig, O extends Options>(
  definition: Command<C, O>,
): AnyCommand {
  return definition as unknown as AnyCommand;
}
