import { type Partition, type Source, type SourceContext, SourceError } from "../contract/source.ts";
import type { Clock } from "../platform/clock/clock.ts";
import { Pulse } from "../platform/clock/pulse.ts";
import type { Logger } from "../platform/log/logger.ts";
import { isWaitedOut, type StateError } from "../state/file/state_error.ts";
import type { Ingest } from "./ingest.ts";
import {
  type DrainResult,
  PartitionReader,
  type ReaderOptions,
  type Readership,
} from "./partition_reader.ts";
import { ReadAlignment } from "./read_alignment.ts";
import { ReadTurns } from "./read_turns.ts";
import { Setbacks, SETBACKS_MAX } from "./setbacks.ts";
import type { SharedContents } from "./shared_contents.ts";

/** How long opening a source takes at most. */
const OPEN_MAX_MS = 60_000;
/** Pause between two tries to read the state of a partition that has come back. */
const STATE_PAUSE_MS = 1000;

/** A partition that is read. */
interface Reading {
  readonly reader: PartitionReader;
  readonly stop: AbortController;
  /** Whether its reader is at work. */
  isRunning: boolean;
}

/**
 * Reads one source: opens it, and reads each of its partitions, also those that come later, with its own
 * reader.
 */
export class SourceReader {
  /** The partitions as the source has last reported them; undefined: it is not open yet. */
  private wanted: readonly Partition[] | undefined;
  private readonly readings = new Map<Partition, Reading>();
  /** Whether the partitions that are read differ from the present ones. */
  private isBehind = false;
  private readonly opening: Pulse;
  private readonly setbacks: Setbacks;
  private readonly turns: ReadTurns;
  private readonly readership: Readership;
  /** Resolved when it has been tried to open the source, or will not be. */
  private readonly firstTry = Promise.withResolvers<void>();
  /** Resolved when {@link readAll} has something to do. */
  private news = Promise.withResolvers<void>();

  constructor(
    private readonly source: Source,
    /** The source's number in ingest. */
    private readonly number: number,
    private readonly ingest: Ingest,
    options: ReaderOptions,
    private readonly clock: Clock,
    random: () => number,
    private readonly logger: Logger,
    /** The same for all readers; left out: there is no other one. */
    private readonly contents?: SharedContents,
  ) {
    this.opening = new Pulse(clock);
    this.setbacks = new Setbacks({ bus: source.id }, random, logger);
    this.turns = new ReadTurns(clock);
    const alignment = new ReadAlignment(() => ingest.alignmentSpanMs);
    this.readership = {
      source,
      number,
      ingest,
      turns: this.turns,
      alignment,
      clock,
      random,
      logger,
      options,
    };
  }

  get name(): string {
    return this.source.id;
  }

  /** Resolves once others can connect to a source that listens, or opening it has failed. Never rejects. */
  get listens(): Promise<void> {
    return this.source.isListening ? this.firstTry.promise : Promise.resolve();
  }

  /** The pulses of its loops. */
  pulses(): readonly Pulse[] {
    return [this.opening, ...[...this.readings.values()].map(({ reader }) => reader.pulse)];
  }

  /** Replaces the options from the next read on. */
  change(options: ReaderOptions): void {
    this.readership.options = options;
  }

  /** Reads until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    if (!await this.open(signal, Infinity)) return;
    await this.readAll((reader, stop) => reader.run(stop), signal, () => signal.aborted);
  }

  /** Reads until there is nothing more in any partition; gives up as {@link PartitionReader.drain} does. */
  async drain(signal: AbortSignal): Promise<DrainResult> {
    if (!await this.open(signal, SETBACKS_MAX)) {
      const { failure } = this.ingest.sources[this.number]!;
      return { drained: false, reason: failure ?? `${this.name}: stopped` };
    }
    const results = new Map<PartitionReader, DrainResult>();
    const drain = async (reader: PartitionReader, stop: AbortSignal) => {
      results.set(reader, await reader.drain(stop));
    };
    await this.readAll(drain, signal, () => true);
    // Partitions that have gone away meanwhile are not waited for.
    const there = [...this.readings.values()].map(({ reader }) => results.get(reader));
    const stopped: DrainResult = { drained: false, reason: `${this.name}: stopped` };
    return there.map((result) => result ?? stopped).find(({ drained }) => !drained) ?? { drained: true };
  }

  /** Calls `farewell` of each partition, after the last checkpoint. */
  async farewell(): Promise<void> {
    await Promise.all([...this.readings.values()].map(({ reader }) => reader.farewell()));
  }

  /**
   * Reads all partitions, also those that come meanwhile, and stops reading those that have gone away. Ends
   * when no reader runs any more and `mayEnd` returns true. Throws the error of a reader.
   */
  private async readAll(
    read: (reader: PartitionReader, stop: AbortSignal) => Promise<void>,
    signal: AbortSignal,
    mayEnd: () => boolean,
  ): Promise<void> {
    const { readings } = this;
    const failures: unknown[] = [];
    const begun = new WeakSet<Reading>();
    let running = 0;
    const begin = async (reading: Reading) => {
      running++;
      begun.add(reading);
      reading.isRunning = true;
      try {
        await read(reading.reader, AbortSignal.any([signal, reading.stop.signal]));
      } catch (error) {
        failures.push(error);
      }
      running--;
      reading.isRunning = false;
      this.isBehind ||= reading.stop.signal.aborted;
      this.news.resolve();
    };
    const wake = () => {
      this.turns.arrivedAll();
      this.news.resolve();
    };
    signal.addEventListener("abort", wake);
    for (let isNew = true;; isNew = this.isBehind) {
      if (this.isBehind) await this.catchUp(signal);
      if (isNew && !signal.aborted) {
        for (const reading of readings.values()) {
          if (!begun.has(reading) && !reading.stop.signal.aborted) void begin(reading);
        }
      }
      if (failures.length > 0 || (running === 0 && mayEnd())) break;
      await this.news.promise;
      this.news = Promise.withResolvers();
    }
    signal.removeEventListener("abort", wake);
    if (failures.length > 0) throw failures[0];
  }

  /** Follows the changes of partitions, and retries where the state cannot be read. */
  private async catchUp(signal: AbortSignal): Promise<void> {
    while (this.isBehind && !signal.aborted) {
      try {
        this.follow();
      } catch (error) {
        if (!isWaitedOut(error)) throw error;
        this.logger.warn(`a partition cannot be read yet: ${error.message}`, { bus: this.name });
        await this.clock.sleep(STATE_PAUSE_MS, signal);
      }
    }
  }

  /** Removes partitions that have gone away, once their readers have ended, and adds new ones. */
  private follow(): void {
    const { ingest, number, readings, readership, turns } = this;
    const wanted = new Set(this.wanted);
    for (const [partition, { reader, stop, isRunning }] of readings) {
      // One that comes back before its reader has ended is read by another one.
      if (wanted.has(partition) && !stop.signal.aborted) continue;
      stop.abort();
      turns.gone(partition.id);
      if (isRunning) continue;
      readings.delete(partition);
      ingest.detach(reader.number);
    }
    const taken = new Set([...readings.keys()].map(({ id }) => id));
    for (const partition of wanted) {
      // A partition that replaces another one waits until that has ended.
      if (readings.has(partition) || taken.has(partition.id)) continue;
      taken.add(partition.id);
      const reader = new PartitionReader(readership, partition, ingest.attach(number, partition));
      readings.set(partition, { reader, stop: new AbortController(), isRunning: false });
    }
    turns.count = readings.size;
    this.isBehind = false;
  }

  /**
   * Opens the source, in `attemptsMax` attempts at most. Returns whether it is open: it is not where all of
   * them have failed, or the signal has fired before.
   */
  private async open(signal: AbortSignal, attemptsMax: number): Promise<boolean> {
    try {
      while (!signal.aborted && this.setbacks.inARow < attemptsMax) {
        this.opening.expect("the source to be opened", OPEN_MAX_MS);
        const failure = await this.tryToOpen(signal).finally(this.firstTry.resolve);
        if (failure === undefined) return true;
        const waitMs = this.setbacks.failed(failure);
        this.opening.expect("the next try to open the source", waitMs);
        await this.clock.sleep(waitMs, signal);
      }
      return false;
    } finally {
      this.firstTry.resolve();
      this.opening.end();
    }
  }

  /** @returns Why it is not open, for now. */
  private async tryToOpen(signal: AbortSignal): Promise<SourceError | StateError | undefined> {
    try {
      if (this.wanted === undefined) {
        const partitions = await this.source.open(this.context(), signal);
        this.wanted ??= partitions;
      }
      await this.tellWhatCountsTwice(signal);
      this.follow();
      this.ingest.detachUnattached(this.number);
      this.ingest.sources[this.number]!.opened();
      this.setbacks.over();
      return undefined;
    } catch (error) {
      if (!(error instanceof SourceError) && !isWaitedOut(error)) throw error;
      this.ingest.openFailed(this.number, error.message);
      return error;
    }
  }

  /** Which of two URLs should go on, nobody but the operator can say, so that both are read. */
  private async tellWhatCountsTwice(signal: AbortSignal): Promise<void> {
    const shared = await this.contents?.note(this.source, signal);
    if (shared === undefined) return;
    this.logger.error(`${shared}, and counts twice: name it in one URL only`, { bus: this.source.id });
  }

  private context(): SourceContext {
    const { ingest, number, clock, logger, turns } = this;
    return {
      resume: ingest.resumeOf(number),
      changed: (partitions) => {
        this.wanted = partitions;
        this.isBehind = true;
        this.news.resolve();
      },
      arrived: (partition) => turns.arrived(partition),
      heardTime: (dateMs) => ingest.heardTime(number, dateMs),
      withheld: (partitions) => ingest.sources[number]!.withheld = partitions,
      mayReadAhead: () => ingest.obstacle === undefined && !ingest.sources[number]!.isPaused,
      lineages: ingest.lineagesFor(number),
      clock,
      logger,
    };
  }
}
