import { type SourceContext, SourceError } from "../../contract/source.ts";
import { idAfter } from "./entry_id.ts";
import type { RedisConnection } from "./redis_connection.ts";

/** Entries that one order removes at most: the server does nothing else meanwhile. */
const TRIMMED_MAX = 100_000;

/**
 * The command that removes what lies before an id. Nodes of the stream are removed as a whole, so some
 * stays.
 */
export function trimCommand(key: string, before: string): (string | number)[] {
  return ["XTRIM", key, "MINID", "~", before, "LIMIT", TRIMMED_MAX];
}

/** The last entry of a stream that may go. */
interface Trimming {
  readonly key: string;
  readonly upTo: string;
}

/**
 * Removes from streams what is on disk here, over a connection of its own. A stream that was made again may
 * have the same ids for entries that nobody has read, so that each is compared with what was read before.
 */
export class StreamTrimmer {
  /** By their keys: the last entry that may go. */
  private readonly wanted = new Map<string, string>();
  /** What is removed as soon as there is a connection. */
  private taken: Trimming | undefined;
  /** The keys of the streams that were found to be the ones that were read. */
  private readonly compared = new Set<string>();
  private connection: RedisConnection | undefined;
  private isWorking = false;

  constructor(
    private readonly connect: (signal: AbortSignal) => Promise<RedisConnection>,
    private readonly logger: SourceContext["logger"],
    private readonly signal: AbortSignal,
  ) {}

  /** Removes the entries up to one, soon or, where that fails, with a later call. */
  trim(key: string, upTo: string): void {
    this.wanted.set(key, upTo);
    this.workSoon();
  }

  /** Notes whether a stream is the one that was read. Where it is not, or may not be, nothing of it goes. */
  found(key: string, isSame: boolean): void {
    if (isSame) this.compared.add(key);
    else {
      this.compared.delete(key);
      this.wanted.delete(key);
      if (this.taken?.key === key) this.taken = undefined;
    }
    this.workSoon();
  }

  close(): void {
    this.connection?.close();
  }

  private workSoon(): void {
    if (!this.isWorking && !this.signal.aborted && this.wanted.size > 0) void this.work();
  }

  private async work(): Promise<void> {
    this.isWorking = true;
    try {
      while ((this.taken = this.take()) !== undefined && !this.signal.aborted) {
        if (!this.connection?.isOpen) this.connection = await this.connect(this.signal);
        // The stream may have been found to be another one meanwhile.
        const { taken } = this;
        if (taken === undefined) continue;
        await this.connection.ask(trimCommand(taken.key, idAfter(taken.upTo) ?? taken.upTo));
      }
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      if (!this.signal.aborted) {
        this.logger.warn("what was read could not be trimmed from a stream: trying again", {
          reason: error.message,
        });
      }
    } finally {
      this.isWorking = false;
    }
  }

  private take(): Trimming | undefined {
    const first = [...this.wanted].find(([key]) => this.compared.has(key));
    if (first === undefined) return undefined;
    this.wanted.delete(first[0]);
    return { key: first[0], upTo: first[1] };
  }
}
