import type { BusConfig } from "../settings/bus_config.ts";
import type { Config } from "../settings/config.ts";
import type { Sources } from "../settings/settings.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Registry } from "../runtime/registry.ts";
import type { ExitCode } from "./exit.ts";
import type { Options, OptionValues } from "./option.ts";
import type { Hangups } from "./signals.ts";

/** What a command is given when it runs. */
export interface CommandContext<C = Config> {
  readonly config: C;
  /** The sources of settings, to derive another configuration from them, as `demo` does. */
  readonly sources: Sources;
  readonly registry: Registry;
  readonly logger: Logger;
  /** What is told to a receiver of OTLP; undefined: nothing is. */
  readonly telemetry: Telemetry | undefined;
  /** Fires at the first SIGTERM or SIGINT: the command must end in good order. */
  readonly signal: AbortSignal;
  /** The requests to a service to read its settings again. */
  readonly hangups: Hangups;
  /** Uses another configuration for logging from now on, and removes its secrets from unforeseen errors. */
  readonly adopt: (config: C) => void;
  /** Writes all of the text to stdout. */
  readonly write: (text: string) => void;
}

/** One command as help and parser see it. Its code is loaded only when it runs. */
export interface Command<C = Config, O extends Options = Options> {
  /** The words on the command line: `status`, `dead-letters list`. */
  readonly name: string;
  readonly summary: string;
  /** Details that the summary leaves out, as sentences. */
  readonly details: string;
  /** Arguments and what they do. */
  readonly examples: readonly (readonly [args: string, effect: string])[];
  /**
   * The settings in its help. A command accepts all settings, so that one environment serves every command.
   */
  readonly concerns: readonly string[];
  /** Defaults of its own for settings, as its help shows them. */
  readonly defaults?: Partial<Record<string, string>>;
  /** The text of its help about the environment; left out: each setting may come from it. */
  readonly environmentHelp?: string;
  /** Whether it tells a receiver of OTLP what it does; left out: no. */
  readonly hasTelemetry?: true;
  readonly options: O;
  readonly configure: (sources: Sources, registry: Registry) => C;
  run(context: CommandContext<C>, options: OptionValues<O>): Promise<ExitCode>;
}

/** Any command, without its own types. */
export type AnyCommand = Command<Config | BusConfig>;

/** Makes the compiler check a command's code against its options and its configuration. */
export function command<C extends Config | BusConfig, O extends Options>(
  definition: Command<C, O>,
): AnyCommand {
  return definition as unknown as AnyCommand;
}
