import type { Aggregates } from "../../aggregation/aggregate.ts";
import { RecordTexts } from "../../aggregation/record_texts.ts";
import { printableLines } from "../../platform/log/printable.ts";
import { withDeadline } from "../deadline.ts";
import { type OutboxBatch, type Sink, type SinkContext, SinkError } from "../../contract/sink.ts";

export interface StdoutSinkOptions {
  /** The operator's name for the sink. */
  readonly id: string;
  /** Writes some of the bytes and resolves with their number, as `Deno.stdout.write` does. */
  readonly write: (bytes: Uint8Array) => Promise<number>;
  readonly instance: string;
}

/** A pipe may stay full as long as its reader does not read. Only the signal ends the wait. */
const NO_LIMIT_MS = 2 ** 31 - 1;
/** All lines of a batch at once would be so much text that the collector of memory copies it. */
const LINES_PER_WRITE = 256;
const NEWLINE = 0x0a;

/** Writes one JSON line for each aggregate. After a failure the whole batch is written again. */
export class StdoutSink implements Sink {
  readonly id: string;
  readonly repeat = "append";
  private readonly encoder = new TextEncoder();
  /**
   * An interrupted write continues in the background. The next one waits for it, so that lines never mix. One
   * that is interrupted as it waits does not begin: a pipe may be full for days, and each would keep a batch.
   */
  private underWay: Promise<void> = Promise.resolve();
  private isInsideLine = false;

  constructor(private readonly options: StdoutSinkOptions) {
    this.id = options.id;
  }

  open(context: SinkContext): Promise<number> {
    return Promise.resolve(context.cursor);
  }

  async write(batch: OutboxBatch, signal: AbortSignal): Promise<void> {
    await this.waited(signal, () => this.underWay);
    const writing = this.writeLines(batch.aggregates, signal);
    this.underWay = writing.catch(() => {});
    await this.waited(signal, () => writing);
  }

  probe(): Promise<string> {
    return Promise.resolve("one JSON line for each aggregate");
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private waited(signal: AbortSignal, start: () => Promise<void>): Promise<void> {
    return withDeadline("Writing to stdout", NO_LIMIT_MS, signal, start);
  }

  private async writeLines(aggregates: Aggregates, signal: AbortSignal): Promise<void> {
    // A newline ends the line that a failure has cut off. Else the first line of the new attempt would be
    // appended to it.
    if (this.isInsideLine && !signal.aborted) await this.writeAll(Uint8Array.of(NEWLINE));
    const texts = new RecordTexts(this.options.instance);
    for (let first = 0; first < aggregates.length && !signal.aborted; first += LINES_PER_WRITE) {
      const end = Math.min(first + LINES_PER_WRITE, aggregates.length);
      let lines = "";
      for (let i = first; i < end; i++) lines += `${texts.of(aggregates.at(i)!)}\n`;
      await this.writeAll(this.encoder.encode(printableLines(lines)));
    }
  }

  private async writeAll(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      written += await this.writeSome(bytes.subarray(written));
      this.isInsideLine = bytes[written - 1] !== NEWLINE;
    }
  }

  private async writeSome(bytes: Uint8Array): Promise<number> {
    try {
      return await this.options.write(bytes);
    } catch (error) {
      const reason = error instanceof Deno.errors.BrokenPipe
        ? "whoever read it has ended. Start the handler again together with a reader; the rows wait."
        : error instanceof Error
        ? error.message
        : String(error);
      throw new SinkError("unavailable", `stdout cannot be written: ${reason}`, { cause: error });
    }
  }
}
