import { printable } from "../log/printable.ts";
import { drawStdout } from "./system.ts";
import type { DatabaseSync } from "node:sqlite";
import { openDatabase } from "../file/database.ts";
import { systemClock } from "../clock/clock.ts";
import type { Config } from "../config/config.ts";
import type { HandlerView } from "../handler/handler.ts";

type Totals = ReturnType<HandlerView["totals"]>;

interface ShownAggregate {
  readonly name: string;
  readonly agg_func: string;
  readonly window_start: number;
  readonly value: number;
  readonly count: number;
  readonly revision: number;
}

const SHOWN_AGGREGATES = 6;
const TERMINAL_INTERVAL_MS = 1000;
/** Into a file or a journal goes a line now and then. */
const FILE_INTERVAL_MS = 5000;
const DEFAULT_COLUMNS = 100;

/** Shows the demo's progress: in place on a terminal, else a line at a time. */
export class DemoScreen {
  private readonly isTerminal = Deno.stdout.isTerminal();
  private linesShown = 0;
  private last: { readonly received: number; readonly atMs: number };

  constructor(private readonly config: Config, private readonly write: (text: string) => void) {
    this.last = { received: 0, atMs: performance.now() };
  }

  /** Shows the totals until the signal fires, and once more then. */
  async run(totals: () => Totals, signal: AbortSignal): Promise<void> {
    const intervalMs = this.isTerminal ? TERMINAL_INTERVAL_MS : FILE_INTERVAL_MS;
    while (!signal.aborted) {
      await systemClock.sleep(intervalMs, signal);
      this.show(totals());
    }
  }

  private show(totals: Totals): void {
    const lines = [this.progress(totals), ...(this.isTerminal ? this.newestAggregates() : [])];
    if (!this.isTerminal) return this.write(`${lines[0]}\n`);
    const columns = consoleColumns();
    const above = this.linesShown > 0 ? `\x1b[${this.linesShown}A` : "";
    const drawn = lines.map((line) => `\x1b[2K${printable(line).slice(0, columns)}\n`);
    drawStdout(`${above}${drawn.join("")}\x1b[J`);
    this.linesShown = lines.length;
  }

  private progress({ received, refused, late, openWindows, outboxRows }: Totals): string {
    const nowMs = performance.now();
    const rate = (received - this.last.received) / Math.max(nowMs - this.last.atMs, 1) * 1000;
    this.last = { received, atMs: nowMs };
    return `${grouped(rate)} events/s · ${grouped(received)} received · ${grouped(refused)} refused · ` +
      `${grouped(late)} late · ${openWindows} windows open · ${grouped(outboxRows)} aggregates wait`;
  }

  private newestAggregates(): string[] {
    const rows = this.readNewest();
    if (rows.length === 0) {
      return ["", `the first window of ${this.config.aggregationIntervalMs / 1000} s has not closed yet`];
    }
    return ["", "newest aggregates", ...rows.map(describe)];
  }

  private readNewest(): ShownAggregate[] {
    const sink = this.config.sinks[0]!;
    if (sink.name !== "sqlite") return [];
    let database: DatabaseSync | undefined;
    try {
      database = openDatabase(sink.path, { readOnly: true });
      return database.prepare(
        `SELECT name, agg_func, window_start, value, count, revision FROM aggregated_events
         ORDER BY window_start DESC, name LIMIT ${SHOWN_AGGREGATES}`,
      ).all() as unknown as ShownAggregate[];
    } catch {
      // The sink has not made its file yet, or is just writing it: shown a second later.
      return [];
    } finally {
      database?.close();
    }
  }
}

function describe(
  { name, agg_func: aggFunc, window_start: start, value, count, revision }: ShownAggregate,
): string {
  const time = new Date(start * 1000).toISOString().slice(11, 19);
  const corrected = revision > 0 ? `, corrected ${revision}×` : "";
  return `  ${time}  ${aggFunc.padEnd(6)} ${name.padEnd(30)} ${
    value.toFixed(3).padStart(12)
  }  of ${count} events${corrected}`;
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
