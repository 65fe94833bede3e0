import { CommanderError } from "commander";
import { ConfigError } from "../settings/fault.ts";
import type { BusConfig } from "../settings/bus_config.ts";
import type { Config } from "../settings/config.ts";
import { REGISTRY, type Registry } from "../runtime/registry.ts";
import type { Sources } from "../settings/settings.ts";
import { type Disclosure, outcomeOf } from "./boundary.ts";
import { adviceOf, type Invocation, parseCommandLine } from "./command_line.ts";
import { takeLaunch } from "./environment.ts";
import { EXIT } from "./exit.ts";
import { exporterLines, openTelemetry } from "./exporter.ts";
import type { Shutdown } from "./signals.ts";
import { restoreTerminal } from "../platform/terminal/screen.ts";
import { writeStderr, writeStdout } from "../platform/terminal/streams.ts";
import { stderrLogger, systemSources } from "./system.ts";

/** Runs one command line and returns the exit code. Every error is handled here. */
export async function runProgram(
  args: readonly string[],
  shutdown: Shutdown,
  registry: Registry = REGISTRY,
): Promise<number> {
  let disclosure: Disclosure = { isDebug: false, secrets: [] };
  // Errors that libraries throw outside of our calls would otherwise be printed with their stack and with
  // secrets.
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    Deno.exit(conclude(event.reason, disclosure));
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    Deno.exit(conclude(event.error, disclosure));
  });
  try {
    const invocation = parseCommandLine(args, registry, { writeOut: writeStdout, writeErr: writeStderr });
    const sources = systemSources(invocation.flags, invocation.envFile);
    const config = configure(invocation, sources, registry);
    if (takeLaunch().isAsked) {
      if (invocation.command.hasTelemetry) writeStdout(exporterLines(config as Config));
      return EXIT.done;
    }
    let inForce = config;
    const adopt = (next: Config | BusConfig) => {
      inForce = next;
      disclosure = {
        isDebug: next.log.level === "debug",
        secrets: [...new Set([...disclosure.secrets, ...next.secrets])].sort((a, b) => b.length - a.length),
      };
    };
    adopt(config);
    const telemetry = invocation.command.hasTelemetry && await openTelemetry(config as Config);
    const logger = stderrLogger(() => inForce.log, telemetry);
    if ("warnings" in config) { for (const warning of config.warnings) logger.warn(warning); }
    const { signal, hangups } = shutdown;
    return await invocation.command.run(
      { config, sources, registry, logger, telemetry, signal, hangups, adopt, write: writeStdout },
      invocation.options,
    );
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    // A command that was interrupted has not failed. The exit code tells the caller the signal.
    if (shutdown.signal.aborted && error instanceof Error && error.name === "AbortError") {
      return shutdown.exitCode()!;
    }
    return conclude(error, disclosure);
  }
}

/** Reads the configuration. All faults of it and of the command line are thrown as one report. */
function configure(
  { command, faults: usageFaults, help }: Invocation,
  sources: Sources,
  registry: Registry,
): Config | BusConfig {
  let config: Config | BusConfig | undefined;
  const faults = [...usageFaults];
  try {
    config = command.configure(sources, registry);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    faults.push(...error.faults);
  }
  if (config === undefined || faults.length > 0) {
    throw new ConfigError(faults, adviceOf(help));
  }
  return config;
}

function conclude(error: unknown, disclosure: Disclosure): number {
  const { exitCode, message } = outcomeOf(error, disclosure);
  restoreTerminal();
  if (message !== undefined) writeStderr(`${message}\n`);
  return exitCode;
}
