import { type PartitionId, type Position, type Source, SourceError } from "../contract/source.ts";
import type { Clock } from "../platform/clock/clock.ts";
import { Pulse } from "../platform/clock/pulse.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { Ingest } from "./ingest.ts";
import { type DrainResult, PartitionReader, type ReaderOptions } from "./partition_reader.ts";
import { Setbacks, SETBACKS_MAX } from "./setbacks.ts";

/** How long opening a source takes at most. */
const OPEN_MAX_MS = 60_000;

/** Reads one source: opens it, and reads each of its partitions with a reader of its own. */
export class SourceReader {
  /** Undefined: the source is not open yet. */
  private readers: readonly PartitionReader[] | undefined;
  private readonly opening: Pulse;
  private readonly setbacks: Setbacks;

  constructor(
    private readonly source: Source,
    /** Of its first partition in ingest, which stands for the source while it is not open. */
    private readonly number: number,
    private readonly ingest: Ingest,
    private options: ReaderOptions,
    private readonly clock: Clock,
    private readonly random: () => number,
    private readonly logger: Logger,
  ) {
    this.opening = new Pulse(clock);
    this.setbacks = new Setbacks(number, ingest, clock, random, logger);
  }

  get name(): string {
    return this.source.id;
  }

  /** What shows that reading is alive. */
  pulses(): readonly Pulse[] {
    return this.readers?.map(({ pulse }) => pulse) ?? [this.opening];
  }

  /** Goes on with other options from the next read on. */
  change(options: ReaderOptions): void {
    this.options = options;
    for (const reader of this.readers ?? []) reader.change(options);
  }

  /** Reads until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const readers = await this.open(signal, Infinity);
    await Promise.all(readers.map((reader) => reader.run(signal)));
  }

  /** Reads until there is nothing more in any partition; gives up as {@link PartitionReader.drain} does. */
  async drain(signal: AbortSignal): Promise<DrainResult> {
    const readers = await this.open(signal, SETBACKS_MAX);
    if (readers.length === 0) {
      const { failure } = this.ingest.partitions[this.number]!;
      return { drained: false, reason: failure ?? `${this.name}: stopped` };
    }
    const results = await Promise.all(readers.map((reader) => reader.drain(signal)));
    return results.find(({ drained }) => !drained) ?? { drained: true };
  }

  /** The last word, after the last checkpoint. */
  async farewell(): Promise<void> {
    await Promise.all(this.readers?.map((reader) => reader.farewell()) ?? []);
  }

  /** The readers of the partitions; none where the signal has fired, or the source could not be opened that often. */
  private async open(signal: AbortSignal, attemptsMax: number): Promise<readonly PartitionReader[]> {
    while (this.readers === undefined && !signal.aborted && this.setbacks.inARow < attemptsMax) {
      this.opening.expect("the source to be opened", OPEN_MAX_MS);
      try {
        this.readers = (await this.source.open(this.context(), signal)).map((partition) =>
          new PartitionReader(
            this.source,
            partition,
            this.number,
            this.ingest,
            this.options,
            this.clock,
            this.random,
            this.logger,
          )
        );
        this.setbacks.over();
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        await this.setbacks.wait(error, this.opening, signal);
      }
    }
    this.opening.end();
    return this.readers ?? [];
  }

  private context(): Parameters<Source["open"]>[0] {
    const { ingest, number, clock, logger } = this;
    const { position } = ingest.partitions[number]!.progress;
    return {
      resume: new Map<PartitionId, Position>(position === undefined ? [] : [["", position]]),
      heardTime: (dateMs) => ingest.heardTime(number, dateMs),
      mayReadAhead: () => ingest.obstacle === undefined,
      lineages: ingest.lineagesFor(number),
      clock,
      logger,
    };
  }
}
