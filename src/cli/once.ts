import type { OnceOptions } from "../runtime/handler_options.ts";
import { runOnce } from "../runtime/once.ts";
import { printable } from "../platform/log/printable.ts";
import type { Outage } from "../state/outages.ts";
import type { CommandContext } from "./command.ts";
import { showProgress } from "./once_progress.ts";
import { operator } from "./operator.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { metricsSender } from "./exporter.ts";
import { writeStderr } from "../platform/terminal/streams.ts";

/** Fetches all events and delivers their aggregates. */
export async function once(context: CommandContext, options: OnceOptions): Promise<ExitCode> {
  const { config, logger, registry, signal, telemetry } = context;
  const { complete, reasons, outages } = await runOnce(
    config,
    logger,
    signal,
    {
      ...options,
      registry,
      telemetry,
      sendMetrics: await metricsSender(config),
      operator: operator(),
      show: Deno.stderr.isTerminal() ? showProgress : undefined,
    },
  );
  // Each alarm is one line that begins with ALARM, so that a cron job can distinguish it from problems that
  // pass.
  for (const outage of outages.due) writeStderr(`${alarm(outage)}\n`);
  for (const { subject, sinceMs } of outages.over) {
    writeStderr(
      printable(`ALARM over: ${subject} works again, after it had failed since ${iso(sinceMs)}.`) + "\n",
    );
  }
  if (complete) return EXIT.done;
  throw new CommandError(
    EXIT.tryAgain,
    ["Not everything could be done; the state is safe, and the next call goes on:", ...reasons].join("\n  "),
  );
}

function alarm({ subject, detail, sinceMs }: Outage): string {
  return printable(
    `ALARM: ${subject} has failed since ${
      iso(sinceMs)
    }: ${detail}. Nothing is lost as long as the bus keeps its events; ` +
      "check says what can be reached. This is said once a day.",
  );
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
