import { GatewayError } from "../flink/gateway_error.ts";
import { scriptOf, statementsOf } from "../flink/script.ts";
import { type SessionSurroundings, SqlGateway } from "../flink/sql_gateway.ts";
import { systemClock } from "../platform/clock/clock.ts";
import { isLoopback } from "../platform/http/access.ts";
import { formsOf } from "../flink/sql_text.ts";
import { printable } from "../platform/log/printable.ts";
import { inOrderOfRedaction, redact } from "../settings/redaction.ts";
import type { CommandContext } from "./command.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { type FlinkFlags, jobOf } from "./flink_job_options.ts";

/** Prints the job as a script, or hands it to a gateway. */
export async function flink(
  context: CommandContext,
  options: FlinkFlags & { readonly submit: string | undefined },
): Promise<ExitCode> {
  const { config, write } = context;
  if (options.submit !== undefined) return await submit(context, options, options.submit);
  const job = jobOf(context, options, (variable) => `\${${variable}}`);
  const given = config.settings.filter(({ origin }) => !origin.startsWith("default")).map(({ variable }) =>
    variable
  );
  write(scriptOf(job, given));
  return EXIT.done;
}

async function submit(context: CommandContext, options: FlinkFlags, url: string): Promise<ExitCode> {
  const { logger, write } = context;
  let hasSecrets = false;
  const job = jobOf(context, options, (_, value) => {
    hasSecrets = true;
    return value;
  });
  const { hostname, protocol } = new URL(url);
  if (hasSecrets && protocol === "http:" && !isLoopback(hostname.replace(/^\[|\]$/g, ""))) {
    logger.warn(`The statements hold passwords and go to ${url} in the clear: put https before the gateway.`);
  }
  for (const sentence of job.leftOut) logger.warn(printable(sentence));
  try {
    await using gateway = await SqlGateway.open(url, surroundingsOf(context));
    let jobId: string | undefined;
    for (const statement of statementsOf(job)) jobId = (await gateway.run(statement)).jobId ?? jobId;
    write(`${jobId ?? ""}\n`);
    return EXIT.done;
  } catch (error) {
    throw told(error, context);
  }
}

/** What a session of a command needs of it: long waits are told in the log. */
export function surroundingsOf({ logger, signal }: CommandContext): SessionSurroundings {
  return {
    signal,
    clock: systemClock,
    wait: (statement, seconds) =>
      logger.info("the SQL gateway is still at a statement", { statement, seconds }),
  };
}

/** What Flink says, without the secrets of the statements that it may quote. */
export function shown(text: string, secrets: readonly string[]): string {
  return printable(redact(text, inOrderOfRedaction(secrets.flatMap(formsOf))));
}

/** An error of a gateway as one of the command, without the secrets that a statement may have had. */
export function told(error: unknown, { config }: CommandContext): unknown {
  if (!(error instanceof GatewayError)) return error;
  const message = shown(error.message, config.secrets);
  if (error.kind === "absent") return new CommandError(EXIT.tryAgain, message);
  if (error.kind === "slow") {
    return new CommandError(
      EXIT.tryAgain,
      `${message} Before you try again, see whether the cluster is up (\`flink check\`), what the ` +
        "gateway's log says, and whether the job is on the JobManager's page all the same.",
    );
  }
  return new CommandError(
    EXIT.failed,
    error.kind === "foreign"
      ? message
      : `Flink refuses the job: ${message} (\`flink check\` says what is missing.)`,
  );
}
