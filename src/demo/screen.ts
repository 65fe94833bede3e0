import { systemClock } from "../platform/clock/clock.ts";
import type { Aggregate } from "../aggregation/aggregate.ts";
import type { Config } from "../settings/config.ts";
import { refusedIn } from "../aggregation/event_books.ts";
import type { Totals } from "../control/totals.ts";
import type { Correction, DemoSink } from "./sink.ts";
import { amount } from "../platform/log/amount.ts";
import { printable, printableLines } from "../platform/log/printable.ts";
import { drawStdout, writeStdout } from "../platform/terminal/streams.ts";
import { terminalStyle } from "../platform/terminal/style.ts";

type StyledLine = [text: string, style?: (text: string) => string];

const TERMINAL_INTERVAL_MS = 1000;
/** How often a line is written to a file or a journal. */
const FILE_INTERVAL_MS = 5000;
const DEFAULT_COLUMNS = 100;
/** The last view is read after the demo's own signal has fired, so it needs a signal that never does. */
const NEVER = new AbortController().signal;

/** Shows the demo's progress: in place on a terminal, else a line at a time. */
export class DemoScreen {
  private readonly isTerminal = Deno.stdout.isTerminal();
  private readonly style = terminalStyle();
  private linesShown = 0;
  private last: { readonly received: number; readonly atMs: number } | undefined;
  private lastCorrection: Correction | undefined;

  /** @param isRunning Whether there is a handler at the moment. */
  constructor(
    private readonly config: Config,
    private readonly sink: DemoSink,
    private readonly isRunning: () => boolean,
  ) {}

  /** The latest correction that was seen, in words; undefined: none yet. */
  get correction(): string | undefined {
    return this.lastCorrection && describeCorrection(this.lastCorrection);
  }

  /** Shows the handler until the signal fires, and once more at the end. */
  async run(look: () => Totals, signal: AbortSignal): Promise<void> {
    this.progress(look());
    const intervalMs = this.isTerminal ? TERMINAL_INTERVAL_MS : FILE_INTERVAL_MS;
    while (!signal.aborted) {
      await systemClock.sleep(intervalMs, signal);
      await this.show(look());
    }
  }

  /** Writes text for good, above what is drawn in place. @param paint Adds colours to it. */
  say(text: string, paint = (text: string) => text): void {
    const above = this.linesShown > 0 ? `\x1b[${this.linesShown}A\x1b[J` : "";
    this.linesShown = 0;
    drawStdout(above + paint(printableLines(text)));
  }

  private async show(current: Totals): Promise<void> {
    const { newest, correction } = await this.sink.look(NEVER);
    const isNews = correction !== undefined;
    this.lastCorrection = correction ?? this.lastCorrection;
    const progress = this.progress(current);
    if (!this.isTerminal) {
      writeStdout(`${progress}\n${isNews ? `  ${describeCorrection(correction)}\n` : ""}`);
      return;
    }
    const lines: StyledLine[] = [
      [progress, this.style.strong],
      [""],
      ...this.aggregates(newest),
      [""],
      [
        this.correction ?? "no late event has corrected a window yet",
        this.style.notable,
      ],
    ];
    const columns = consoleColumns();
    const above = this.linesShown > 0 ? `\x1b[${this.linesShown}A` : "";
    const shown = lines.map(([text, style]) => {
      const fitting = printable(text).slice(0, columns);
      return `\x1b[2K${style === undefined ? fitting : style(fitting)}\n`;
    });
    drawStdout(`${above}${shown.join("")}\x1b[J`);
    this.linesShown = lines.length;
  }

  private progress({ counts, openWindows, outboxRows }: Totals): string {
    const { received, lateArrivals } = counts;
    const atMs = performance.now();
    const last = this.last ?? { received, atMs };
    const rate = (received - last.received) / Math.max(atMs - last.atMs, 1) * 1000;
    this.last = { received, atMs };
    return `${grouped(rate)} events/s · ${grouped(received)} received · ${
      grouped(refusedIn(counts))
    } refused · ` +
      `${grouped(lateArrivals)} late, counted · ${amount(openWindows, "window")} open · ` +
      `${amount(outboxRows, "aggregate waits", "aggregates wait")}${
        this.isRunning() ? "" : " · no handler runs"
      }`;
  }

  private aggregates(newest: readonly Aggregate[]): StyledLine[] {
    if (newest.length === 0) {
      return [[`the first window of ${this.config.intervals[0]!.lengthMs / 1000} s has not closed yet`]];
    }
    const rows = newest.map((row): StyledLine => {
      const line = `  ${describe(row)}`;
      return row.revision > 0 ? [`${line}, corrected ${row.revision}×`, this.style.notable] : [line];
    });
    return [["newest aggregates (UTC)"], ...rows];
  }
}

/** One aggregate as text, as the sink has it. */
function describe(aggregate: Aggregate): string {
  const { name, aggFunc, value, count } = aggregate;
  return `${windowOf(aggregate).padEnd(15)} ${aggFunc.padEnd(6)} ${name.padEnd(30)} ${
    value.toFixed(3).padStart(12)
  }  of ${amount(count, "event")}`;
}

function describeCorrection({ before, after }: Correction): string {
  return `corrected by a late event: ${windowOf(after)} ${after.aggFunc} ${after.name} ` +
    `${before.value.toFixed(3)} of ${grouped(before.count)} → ${after.value.toFixed(3)} of ${
      amount(after.count, "event")
    }, ` +
    `revision ${after.revision}`;
}

/** Begin and length of an aggregate's window. */
function windowOf({ windowStartMs, windowEndMs }: Aggregate): string {
  return `${new Date(windowStartMs).toISOString().slice(11, 19)} +${(windowEndMs - windowStartMs) / 1000} s`;
}

function grouped(count: number): string {
  return Math.round(count).toLocaleString("en");
}

function consoleColumns(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return DEFAULT_COLUMNS;
  }
}
