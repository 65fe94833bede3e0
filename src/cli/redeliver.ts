import {
  redeliver as redeliverRows,
  type RedeliveryOrder,
  type RedeliveryOutcome,
} from "../control/redelivery.ts";
import { instantInWords } from "../control/span.ts";
import { END_OF_TIME_MS } from "../state/outbox/redelivery.ts";
import type { CommandContext } from "./command.ts";
import { operator } from "./operator.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { drawStderr, writeStderr } from "../platform/terminal/streams.ts";
import { amount } from "../control/verdict.ts";
import { report } from "./proof_report.ts";

export interface RedeliverOptions {
  readonly sink: string | undefined;
  readonly sinceMs: number | undefined;
  readonly untilMs: number | undefined;
  readonly allowDuplicates: boolean;
  readonly json: boolean;
}

/** Sends a sink its aggregates of a span again, and ends with the proof for that span. */
export async function redeliver(context: CommandContext, options: RedeliverOptions): Promise<ExitCode> {
  const { config, registry, signal, write } = context;
  const order = orderOf(context, options);
  const { sink } = order;
  const isTerminal = Deno.stderr.isTerminal();
  const show = (sent: number) => isTerminal && drawStderr(`\r${sink}: ${sent} rows sent again`);
  const outcome = await redeliverRows(operator(), order, context, signal, show)
    .finally(() => isTerminal && drawStderr("\r\x1b[K"));
  const { leftover, proof, sent } = outcome;
  if (leftover !== undefined) {
    throw new CommandError(
      EXIT.tryAgain,
      `${leftover}. ${sent} rows were sent; the rest is sent by the next start of the handler, or by ` +
        "this command again.",
    );
  }
  // The sink prints its rows on stdout, so messages go to stderr.
  const { kind } = config.sinks.find(({ id }) => id === sink)!;
  const tell = registry.sink({ kind }).writesToStdout ? writeStderr : write;
  tell(options.json ? toJson(order, outcome) : toText(order, outcome));
  return proof === undefined || proof.proven ? EXIT.done : EXIT.failed;
}

/** @throws {CommandError} */
function orderOf(
  { config }: CommandContext,
  { sink, sinceMs, untilMs, allowDuplicates }: RedeliverOptions,
): RedeliveryOrder {
  const usage = (message: string) => new CommandError(EXIT.usage, message);
  if (sink === undefined) {
    throw usage(`redeliver needs --sink NAME. There are: ${config.sinks.map(({ id }) => id).join(", ")}.`);
  }
  if (sinceMs === undefined) {
    throw usage("redeliver needs --since T: from when on the sink has lost rows, such as 2026-01-31T06:00Z.");
  }
  return {
    sink,
    span: { sinceMs, untilMs: untilMs ?? END_OF_TIME_MS },
    allowsDuplicates: allowDuplicates,
  };
}

function doer({ isHanded }: RedeliveryOutcome): string {
  return isHanded ? "the running handler" : "this command";
}

function windowsInWords({ windows, windowsByLength }: RedeliveryOutcome["stock"]): string {
  const tiers = [...windowsByLength].map(([lengthMs, ofLength]) => `${ofLength} of ${lengthMs / 1000} s`);
  return `${amount(windows, "window")}${tiers.length > 1 ? ` (${tiers.join(", ")})` : ""}`;
}

function toText({ sink }: RedeliveryOrder, outcome: RedeliveryOutcome): string {
  const { sent, stock, proof } = outcome;
  const refused = proof?.sinks[0]?.refused_events ?? 0;
  const lines = [
    `${amount(sent, "row")} of ${windowsInWords(stock)} sent again to ${sink} by ${doer(outcome)}`,
    stock.goneBeforeMs !== undefined &&
    `not sent: windows that ended by ${
      instantInWords(stock.goneBeforeMs)
    } have left CORRECTION_HORIZON, except those that the state still has`,
    refused > 0 &&
    `not sent: ${refused} events in rows that ${sink} has refused (dead-letters retry --reason rejected)`,
    proof === undefined && `${sink} cannot be read back, so there is no proof`,
  ].filter((line) => line !== false);
  return `${lines.join("\n")}\n${proof === undefined ? "" : report(proof, [], true)}`;
}

function toJson({ sink, span: { sinceMs, untilMs } }: RedeliveryOrder, outcome: RedeliveryOutcome): string {
  const { sent, stock, proof } = outcome;
  const result = {
    sink,
    since: sinceMs / 1000,
    until: untilMs === END_OF_TIME_MS ? null : untilMs / 1000,
    rows_sent: sent,
    windows: stock.windows,
    tiers: [...stock.windowsByLength].map(([lengthMs, windows]) => ({
      window_seconds: lengthMs / 1000,
      windows,
    })),
    gone_before: stock.goneBeforeMs === undefined ? null : stock.goneBeforeMs / 1000,
    by: doer(outcome),
    proof: proof ?? null,
  };
  return `${JSON.stringify(result, undefined, 2)}\n`;
}
