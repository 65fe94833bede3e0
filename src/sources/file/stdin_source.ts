import type { RecordReader } from "../../codec/mapping/record_reader.ts";
import {
  type Outcome,
  type Partition,
  type Progress,
  type ReadRequest,
  type Source,
  type SourceContext,
  SourceError,
} from "../../contract/source.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import { csvHeaderIn, type FoundHeader } from "./csv_header.ts";
import { LineBuffer } from "./line_buffer.ts";

/** The writer of a pipe may pause for long: a read waits for it, up to that long. */
const READ_MAX_MS = 24 * 3_600_000;

/** Bytes that can be read once, in order. */
export interface Input {
  /** Undefined: it has ended. */
  read(): Promise<Uint8Array | undefined>;
  readonly isTerminal: boolean;
}

/** The standard input of the process. */
export const STDIN: Input = {
  async read() {
    const bytes = new Uint8Array(256 * 1024);
    const count = await Deno.stdin.read(bytes);
    return count === null ? undefined : bytes.subarray(0, count);
  },
  get isTerminal() {
    return Deno.stdin.isTerminal();
  },
};

/** Lines from standard input. What was read cannot be read again. */
export class StdinSource implements Source {
  /**
   * @param reader Undefined: lines are events as they are.
   * @param endsWhenRead Whether a read that need not wait waits all the same, for the next lines or the end
   * of the input. A pipe that is empty now may be waiting for its writer, and is not at its end.
   */
  constructor(
    readonly id: string,
    private readonly input: Input,
    private readonly reader: RecordReader | undefined,
    private readonly endsWhenRead: boolean,
  ) {}

  open(context: SourceContext): Promise<readonly Partition[]> {
    return Promise.resolve([new StdinPartition(this.input, this.reader, this.endsWhenRead, context)]);
  }

  probe(): Promise<string> {
    return Promise.resolve(this.input.isTerminal ? "a terminal" : "a pipe or a file");
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class StdinPartition implements Partition {
  readonly id = "";
  readonly replay = "none";
  readonly readMaxMs = READ_MAX_MS;
  private readonly buffer = new LineBuffer();
  private header: FoundHeader | undefined;
  private hasEnded = false;
  private isInside = false;
  /** Bytes that were read and that the buffer has no room for yet. */
  private rest: Uint8Array = new Uint8Array(0);
  private reading: Promise<Uint8Array | undefined> | undefined;

  constructor(
    private readonly input: Input,
    private readonly reader: RecordReader | undefined,
    private readonly endsWhenRead: boolean,
    private readonly context: Pick<SourceContext, "clock">,
  ) {}

  async read(
    _from: Progress,
    into: EventBatch,
    { limit, waitMs }: ReadRequest,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { clock } = this.context;
    const untilMs = this.endsWhenRead && waitMs === 0 ? Infinity : clock.monotonicMs() + waitMs;
    into.reset(new Uint8Array(0));
    for (;;) {
      const startedMs = clock.monotonicMs();
      this.take(into, limit);
      const step = { lineage: undefined, next: undefined, offset: undefined, lost: 0 };
      const nowMs = clock.monotonicMs();
      if (into.total > 0) return { kind: "events", ...step, decodeMs: nowMs - startedMs };
      if (nowMs >= untilMs || signal.aborted || !await this.more(untilMs - nowMs, signal)) {
        return { kind: "idle", ...step, decodeMs: 0 };
      }
    }
  }

  committed(): Promise<void> {
    return Promise.resolve();
  }

  /** Takes whole lines out of the buffer. */
  private take(into: EventBatch, limit: number): void {
    const { buffer, reader, context: { clock } } = this;
    if (this.isInside) this.isInside = !buffer.skip();
    if (reader?.mapping.format === "csv") {
      this.header ??= csvHeaderIn(buffer.peek(), buffer.at, this.hasEnded);
      if (this.header === undefined && !buffer.isFull) return;
    }
    for (let isLast = false;;) {
      const taken = buffer.take(into, limit, isLast, reader, this.header, clock.nowMs());
      this.header = taken.header;
      if (into.total > 0) return;
      if (taken.bytes > 0) continue;
      if (buffer.isFull) {
        buffer.refuse(into);
        this.isInside = true;
      }
      if (isLast || !this.hasEnded || buffer.length === 0) return;
      isLast = true;
    }
  }

  /**
   * Reads on. Returns false where the time is over or the input has ended.
   *
   * @throws {SourceError}
   */
  private async more(waitMs: number, signal: AbortSignal): Promise<boolean> {
    if (this.rest.length === 0) {
      // A read of the input cannot be called off. Where the time ends before it does, the next read takes
      // its bytes.
      this.reading ??= this.input.read();
      const timer = new AbortController();
      const wait = Math.min(waitMs, READ_MAX_MS);
      const isOver = this.context.clock.sleep(wait, AbortSignal.any([signal, timer.signal])).then(() =>
        "over" as const
      );
      let bytes: Uint8Array | undefined | "over";
      try {
        bytes = await Promise.race([this.reading, isOver]);
      } catch (error) {
        this.reading = undefined;
        throw new SourceError(
          "unavailable",
          `stdin cannot be read: ${error instanceof Error ? error.message : error}`,
        );
      } finally {
        timer.abort();
      }
      if (bytes === "over") return false;
      this.reading = undefined;
      const hadEnded = this.hasEnded;
      this.hasEnded = bytes === undefined;
      if (bytes === undefined) return !hadEnded && this.buffer.length > 0;
      this.rest = bytes;
    }
    const room = this.buffer.room();
    const part = this.rest.subarray(0, room.length);
    room.set(part);
    this.buffer.added(part.length);
    this.rest = this.rest.subarray(part.length);
    return true;
  }
}
