import { systemClock } from "../platform/clock/clock.ts";
import type { Config } from "../settings/config.ts";
import { deliverAlone } from "../runtime/between_runs.ts";
import { createSinks, readableSinks } from "../runtime/parts.ts";
import { type Proof, type Span, verify } from "../control/verification.ts";
import type { Logger } from "../platform/log/logger.ts";
import { printable } from "../platform/log/printable.ts";
import { readBookEntries } from "../state/checkpoint/book_entries.ts";
import { askForRedelivery, END_OF_TIME_MS, readRedeliveries } from "../state/outbox/redelivery.ts";
import { SinkRegistry } from "../state/outbox/sink_registry.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { StateError } from "../state/file/state_error.ts";
import type { CommandContext } from "./command.ts";
import { operator } from "./operator.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { drawStderr, writeStderr } from "../platform/terminal/streams.ts";
import { amount, report, settleProven } from "./verify.ts";

export interface RedeliverOptions {
  readonly sink: string | undefined;
  readonly sinceMs: number | undefined;
  readonly untilMs: number | undefined;
  readonly allowDuplicates: boolean;
  readonly json: boolean;
}

/** What the state has for a sink in a span. */
interface Stock {
  readonly windows: number;
  /** Windows that ended here or before have left the horizon, but for those that it still counts; undefined: none has. */
  readonly goneBeforeMs: number | undefined;
}

const LOOK_MS = 500;
/** Looks without progress after which the operator is told where to look: half a minute. */
const PATIENCE_LOOKS = 60;

/** Sends a sink its rows of a span again, and ends with the proof for that span. */
export async function redeliver(context: CommandContext, options: RedeliverOptions): Promise<ExitCode> {
  const { config, registry, logger, signal, write } = context;
  const { sink, span } = wanted(context, options);
  const stock = stockOf(config, sink, span);
  const id = ask(config, sink, span);
  const { sent, leftover, isHanded } = await fulfil(context, id, sink);
  if (leftover !== undefined) {
    throw new CommandError(
      EXIT.tryAgain,
      `${leftover}. ${sent} rows were sent; the rest is sent by the next start of the handler, or by this command again.`,
    );
  }
  const kinds = registry.sinks.map(({ kind }) => kind);
  const readable = readableSinks(config, logger, registry, kinds).find(({ id }) => id === sink);
  const state = StateDatabase.openForReading(config.stateDir);
  try {
    const proof = readable && await verify(state, [readable], span, signal);
    const result = { sink, sent, by: isHanded ? "the running handler" : "this command", stock, proof };
    // What the sink itself prints goes to stdout.
    const { kind } = config.sinks.find(({ id }) => id === sink)!;
    const tell = registry.sink({ kind }).writesToStdout ? writeStderr : write;
    tell(options.json ? toJson(result, span) : toText(result));
    // Where the newest rows are still missing, the next opening says so again.
    if (proof !== undefined) settleProven(state, config.stateDir, proof, "redeliver", logger);
    return proof === undefined || proof.proven ? EXIT.done : EXIT.failed;
  } finally {
    await readable?.close();
    state.close();
  }
}

function wanted(
  { config, registry, logger }: CommandContext,
  { sink, sinceMs, untilMs, allowDuplicates }: RedeliverOptions,
): { readonly sink: string; readonly span: Span } {
  const names = config.sinks.map(({ id }) => id);
  const usage = (message: string) => new CommandError(EXIT.usage, message);
  if (sink === undefined) throw usage(`redeliver needs --sink NAME. There are: ${names.join(", ")}.`);
  const found = createSinks(config, logger, registry).find(({ id }) => id === sink);
  if (!found) {
    throw usage(
      `--sink ${printable(sink)}: there is no such sink in STORAGE_TYPE. There are: ${names.join(", ")}.`,
    );
  }
  if (sinceMs === undefined) {
    throw usage("redeliver needs --since T: from when on the sink has lost rows, such as 2026-01-31T06:00Z.");
  }
  if (untilMs !== undefined && untilMs <= sinceMs) {
    throw usage(`--until ${iso(untilMs)} is not after --since ${iso(sinceMs)}: no window lies between.`);
  }
  if (found.repeat !== "upsert" && !allowDuplicates) {
    throw usage(
      `${sink} cannot overwrite: what is sent again is there twice, told apart from the first only by its place. ` +
        "Add --allow-duplicates if its readers keep one row of each revision.",
    );
  }
  return { sink, span: { sinceMs, untilMs: untilMs ?? END_OF_TIME_MS } };
}

/** @throws {CommandError} The state has nothing in the span. */
function stockOf(config: Config, sink: string, { sinceMs, untilMs }: Span): Stock {
  const state = StateDatabase.openForReading(config.stateDir);
  try {
    return state.snapshot(() => {
      const known = SinkRegistry.read(state).sinks.map(({ name }) => name);
      if (!known.includes(sink)) {
        throw new CommandError(
          EXIT.failed,
          `the state in ${config.stateDir} knows no sink ${sink}: the handler has not run with it. It knows ${
            known.join(", ") || "none"
          }.`,
        );
      }
      const { windows } = state.get<{ windows: number }>(
        `SELECT count(*) AS windows FROM (SELECT DISTINCT window_start_ms, window_end_ms FROM segment
         WHERE window_start_ms >= ? AND window_start_ms < ?)`,
        sinceMs,
        untilMs,
      )!;
      const all = state.get<{ first: number | null; last: number | null; firstId: number | null }>(
        `SELECT min(window_start_ms) AS first, max(window_end_ms) AS last, min(first_id) AS firstId FROM segment`,
      )!;
      const finalMs = readBookEntries(state).get("final_ms");
      const hasDropped = (all.firstId ?? readBookEntries(state).get("outbox_end_id") ?? 0) > 0;
      const goneBeforeMs = hasDropped && finalMs !== undefined && sinceMs < finalMs ? finalMs : undefined;
      if (windows === 0) {
        throw new CommandError(
          EXIT.failed,
          `the state has no window that starts from ${iso(sinceMs)} to ${
            untilMs === END_OF_TIME_MS ? "now" : iso(untilMs)
          }. ` + (all.first === null
            ? "It has no closed window at all."
            : `It has windows from ${iso(all.first)} to ${
              iso(all.last!)
            }; older ones have left CORRECTION_HORIZON.`),
        );
      }
      return { windows, goneBeforeMs };
    });
  } finally {
    state.close();
  }
}

function ask(config: Config, sink: string, { sinceMs, untilMs }: Span): number {
  const state = StateDatabase.openForRequest(config.stateDir);
  try {
    const until = untilMs === END_OF_TIME_MS ? "" : ` --until ${iso(untilMs)}`;
    return askForRedelivery(state, sink, sinceMs, untilMs, {
      who: operator(),
      atMs: systemClock.nowMs(),
      action: "redeliver",
      detail: `--sink ${sink} --since ${iso(sinceMs)}${until}`,
    });
  } finally {
    state.close();
  }
}

/** Has the running handler do it, or does it. */
async function fulfil({ config, registry, logger, signal }: CommandContext, id: number, sink: string) {
  const progress = new Progress(config.stateDir, id, sink);
  const over = new AbortController();
  const shown = progress.show(AbortSignal.any([signal, over.signal]));
  try {
    const leftover = await deliverAlone(
      config,
      logger,
      sink,
      signal,
      registry,
    );
    signal.throwIfAborted();
    const { sent, isDone } = progress.read();
    return { sent, leftover: leftover ?? (isDone ? undefined : `${sink} has not had all`), isHanded: false };
  } catch (error) {
    if (!(error instanceof StateError) || error.kind !== "held") throw error;
    await progress.awaitEnd(logger, signal);
    return { sent: progress.read().sent, leftover: undefined, isHanded: true };
  } finally {
    over.abort();
    await shown;
    progress.close();
  }
}

/** How far a redelivery has come, shown on a terminal. */
class Progress {
  private readonly state: StateDatabase;

  constructor(directory: string, private readonly id: number, private readonly sink: string) {
    this.state = StateDatabase.openForReading(directory);
  }

  read() {
    return this.state.snapshot(() => readRedeliveries(this.state)).find(({ id }) => id === this.id)!;
  }

  /** @throws The signal's reason, when it fires: the handler goes on by itself then. */
  async awaitEnd(logger: Logger, signal: AbortSignal): Promise<void> {
    let lookedInVain = 0;
    for (let last = -1, now = this.read(); !now.isDone; last = now.sent, now = this.read()) {
      lookedInVain = now.sent === last ? lookedInVain + 1 : 0;
      if (lookedInVain === PATIENCE_LOOKS) {
        logger.warn(
          "the running handler has sent nothing for a while: its log and /readyz say whether the sink can be reached. " +
            "It goes on by itself, also without this command",
          { sink: this.sink },
        );
      }
      await pause(signal);
    }
  }

  async show(over: AbortSignal): Promise<void> {
    if (!Deno.stderr.isTerminal()) return;
    while (!over.aborted) {
      drawStderr(`\r${this.sink}: ${this.read().sent} rows sent again`);
      await pause(over).catch(() => {});
    }
    drawStderr("\r\x1b[K");
  }

  close(): void {
    this.state.close();
  }
}

/** @throws The signal's reason, when it fires. */
async function pause(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await systemClock.sleep(LOOK_MS, signal);
  signal.throwIfAborted();
}

interface Result {
  readonly sink: string;
  readonly sent: number;
  readonly by: string;
  readonly stock: Stock;
  readonly proof: Proof | undefined;
}

function toText({ sink, sent, by, stock, proof }: Result): string {
  const refused = proof?.sinks[0]?.refused_events ?? 0;
  const lines = [
    `${amount(sent, "row")} of ${amount(stock.windows, "window")} sent again to ${sink} by ${by}`,
    stock.goneBeforeMs !== undefined &&
    `not sent: windows that ended by ${
      iso(stock.goneBeforeMs)
    } have left CORRECTION_HORIZON, but for those the state still has`,
    refused > 0 &&
    `not sent: ${refused} events in rows that ${sink} has refused (dead-letters retry --reason rejected)`,
    proof === undefined && `${sink} cannot be read back, so there is no proof`,
  ].filter((line) => line !== false);
  return `${lines.join("\n")}\n${proof === undefined ? "" : report(proof, [], true)}`;
}

function toJson({ sink, sent, by, stock, proof }: Result, { sinceMs, untilMs }: Span): string {
  const result = {
    sink,
    since: sinceMs / 1000,
    until: untilMs === END_OF_TIME_MS ? null : untilMs / 1000,
    rows_sent: sent,
    windows: stock.windows,
    gone_before: stock.goneBeforeMs === undefined ? null : stock.goneBeforeMs / 1000,
    by,
    proof: proof ?? null,
  };
  return `${JSON.stringify(result, undefined, 2)}\n`;
}

/** Beyond what a date can be it is told in seconds. */
function iso(ms: number): string {
  return Math.abs(ms) <= END_OF_TIME_MS ? new Date(ms).toISOString() : `${ms / 1000}`;
}
