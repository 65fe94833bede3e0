import { PIPELINE } from "../api/pipeline_endpoint.ts";
import type { PipelineRecord } from "../control/pipeline_record.ts";
import type { EventRecord, TappedAggregateRecord } from "../control/tapped_record.ts";
import type { SeriesFilter } from "../event/series_filter.ts";
import { systemClock } from "../platform/clock/clock.ts";
import { amount } from "../platform/log/amount.ts";
import { printable } from "../platform/log/printable.ts";
import { drawStdout, writeStderr } from "../platform/terminal/streams.ts";
import { terminalStyle } from "../platform/terminal/style.ts";
import type { CommandContext } from "./command.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { amountInWords } from "./glance_words.ts";
import { EXPOSED_TOKEN, ListenerClient } from "./listener_client.ts";
import { ListenerError } from "./listener_error.ts";
import { StateError } from "../state/file/state_error.ts";
import { seriesHints } from "./tap_hints.ts";
import { aggregateLine, eventLine } from "./tap_line.ts";
import { type Passing, passingInState, passingOver } from "./tap_source.ts";

export interface TapOptions extends SeriesFilter {
  readonly aggregates: boolean;
  readonly json: boolean;
  /** Shown at most; undefined: no end. */
  readonly limit: number | undefined;
  readonly url: string | undefined;
}

/** What is unusual about the series is not worth a longer wait. */
const HINTS_MAX_MS = 3000;
/** How often it is said what was left out. */
const TOLD_MS = 5000;
/** Time before another try to reach a listener that has gone. */
const AGAIN_MS = 1000;

/** Prints events or aggregates as they pass, until the signal fires or enough are shown. */
export async function tap(context: CommandContext, options: TapOptions): Promise<ExitCode> {
  const client = ListenerClient.of(context.config, options.url);
  if (client?.exposesToken) writeStderr(EXPOSED_TOKEN);
  const shownSoFar = new ShownSoFar(options.aggregates ? "aggregate" : "event");
  try {
    const passingBy = await source(client, context, options);
    await tellHints(client, context, options);
    for await (const passing of passingBy) {
      if ("passed" in passing) shownSoFar.add(passing);
      else if (shownSoFar.shown !== options.limit) {
        show(passing.record, options, context.write);
        shownSoFar.shown++;
      }
      if (shownSoFar.shown === options.limit) break;
      shownSoFar.tellNow();
    }
  } catch (error) {
    if (!context.signal.aborted) throw error;
  }
  shownSoFar.tellAtEnd();
  return EXIT.done;
}

/** Says what is unusual about the series, on stderr. Where that cannot be found out, the tap goes on. */
async function tellHints(
  client: ListenerClient | undefined,
  { config, signal }: CommandContext,
  options: TapOptions,
): Promise<void> {
  try {
    const soon = AbortSignal.any([signal, AbortSignal.timeout(HINTS_MAX_MS)]);
    for (const hint of await seriesHints(client, config.stateDir, options, soon)) {
      writeStderr(`… ${hint}\n`);
    }
  } catch (error) {
    const isExpected = error instanceof ListenerError || error instanceof StateError ||
      signal.aborted || (error as Error).name === "TimeoutError";
    if (!isExpected) throw error;
  }
}

/** Where what passes comes from: the listener, or for aggregates also the state. */
async function source(
  client: ListenerClient | undefined,
  context: CommandContext,
  options: TapOptions,
): Promise<AsyncIterable<Passing>> {
  const { signal } = context;
  if (client !== undefined) {
    try {
      // Whether it answers, and serves this client. Where the handler is not ready, nothing may pass.
      const { causes } = await client.get<PipelineRecord>("/api/pipeline", PIPELINE, signal);
      for (const { detail, name } of causes) writeStderr(printable(`NOT READY ${name}: ${detail}`) + "\n");
      return keepTapping(client, options, signal);
    } catch (error) {
      if (!(error instanceof ListenerError)) throw error;
      if (!options.aggregates || options.url !== undefined) throw withAdvice(error, options);
      writeStderr(`${error.message} The aggregates are read from the state.\n`);
    }
  } else if (!options.aggregates) {
    throw new CommandError(
      EXIT.usage,
      "HTTP_LISTEN is off, so nobody shows events: set HTTP_LISTEN=127.0.0.1:8090 for the handler and for " +
        "this command. `tap --aggregates` works without.",
    );
  }
  return passingInState(context.config.stateDir, options, signal);
}

function withAdvice(error: ListenerError, { aggregates, url }: TapOptions): Error {
  if (error.kind !== "absent") return error;
  const where = url === undefined ? "HTTP_LISTEN of the settings, or --url, says where" : "--url says where";
  const other = aggregates || url !== undefined
    ? ""
    : " `tap --aggregates` works without: it reads the state.";
  return new CommandError(
    EXIT.tryAgain,
    `${error.message} Events are shown by a running handler: does it run, with an admin listener? ${where}.` +
      other,
  );
}

/** A stream ends after a quarter of an hour, and with the handler: then another one is begun. */
async function* keepTapping(
  client: ListenerClient,
  options: TapOptions,
  signal: AbortSignal,
): AsyncGenerator<Passing> {
  let hasGone = false;
  while (!signal.aborted) {
    try {
      for await (const passing of passingOver(client, options, signal)) {
        if (hasGone) writeStderr(`${client.url} answers again.\n`);
        hasGone = false;
        yield passing;
      }
    } catch (error) {
      if (!(error instanceof ListenerError) || error.kind !== "absent") throw error;
      if (!hasGone) writeStderr(`${error.message} Waiting for it.\n`);
      hasGone = true;
    }
    await systemClock.sleep(AGAIN_MS, signal);
  }
}

/** Programs get JSON, without a flag for it. @param write For text that is not printable yet. */
function show(
  record: EventRecord | TappedAggregateRecord,
  { json }: TapOptions,
  write: (text: string) => void,
): void {
  if (json || !Deno.stdout.isTerminal()) return write(`${JSON.stringify(record)}\n`);
  const style = terminalStyle();
  drawStdout("window_end" in record ? aggregateLine(record, style) : eventLine(record, style));
}

/** Counts what was shown and left out, and says it on stderr. */
class ShownSoFar {
  shown = 0;
  private passed = 0;
  private unexamined = 0;
  private unsent = 0;
  private toldMs = -Infinity;
  private isNews = false;

  constructor(private readonly what: string) {}

  add({ passed, unexamined, unsent }: Exclude<Passing, { readonly record: unknown }>): void {
    this.passed += passed;
    this.unexamined += unexamined;
    this.unsent += unsent;
    this.isNews ||= unexamined + unsent > 0;
  }

  /** Says what was left out, where there is news of it and it was not said lately. */
  tellNow(): void {
    if (!this.isNews || performance.now() - this.toldMs < TOLD_MS) return;
    this.toldMs = performance.now();
    this.isNews = false;
    writeStderr(`… ${this.leftOut()}; a narrower --name leaves out less\n`);
  }

  tellAtEnd(): void {
    const { passed, shown, what } = this;
    writeStderr(
      `${amount(shown, what)} shown of ${amountInWords(passed)} that have passed; ${this.leftOut()}\n`,
    );
  }

  private leftOut(): string {
    const { unexamined, unsent } = this;
    if (unexamined + unsent === 0) return "none that match were left out";
    return `left out: ${amountInWords(unsent)} that match, and ${amountInWords(unexamined)} not looked at`;
  }
}
