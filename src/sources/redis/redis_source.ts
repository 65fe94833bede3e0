import type { RecordReader } from "../../codec/mapping/record_reader.ts";
import { type Partition, type Source, type SourceContext, SourceError } from "../../contract/source.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import { emptyShareInWords, isOwn, type ShareNumber } from "../../settings/share.ts";
import type { RedisAccess } from "./redis_connection.ts";
import { RedisPartition } from "./redis_partition.ts";
import { type RedisEndpoint, RedisServer } from "./redis_server.ts";
import { StreamReader } from "./stream_reader.ts";
import { StreamTrimmer, trimCommand } from "./stream_trimmer.ts";

export interface RedisSourceOptions {
  /** The URL without credentials. */
  readonly name: string;
  readonly endpoint: RedisEndpoint;
  readonly access: RedisAccess;
  readonly keys: readonly string[];
  /** The share of this instance; undefined: it reads all keys. */
  readonly share: ShareNumber | undefined;
  /** The field that holds the record; undefined: the entry is one. */
  readonly field: string | undefined;
  /** Whether what is on disk here is removed from the streams. */
  readonly trims: boolean;
  /** Whether a source that has read nothing yet begins at the newest entries. */
  readonly startsAtEnd: boolean;
  /** Undefined: records are events as they are. */
  readonly reader: RecordReader | undefined;
  readonly clock: Clock;
}

/** What there is while the source is open. */
interface Opened {
  readonly partitions: readonly RedisPartition[];
  readonly trimmer: StreamTrimmer | undefined;
  readonly stop: AbortController;
}

/** Streams of a Redis, each a partition with a connection of its own. The positions are in the state. */
export class RedisSource implements Source {
  readonly id: string;
  private readonly server: RedisServer;
  private opened: Opened | undefined;

  constructor(private readonly options: RedisSourceOptions) {
    this.id = options.name;
    this.server = new RedisServer(options.endpoint, options.access, options.clock);
  }

  /** Takes other credentials, from the next connection on. */
  change({ access }: Pick<RedisSourceOptions, "access">): void {
    this.server.change(access);
  }

  async open(context: SourceContext): Promise<readonly Partition[]> {
    await this.close();
    const { field, keys, reader, share, startsAtEnd, trims } = this.options;
    const stop = new AbortController();
    const connect = (signal: AbortSignal) => this.server.connect(signal);
    const trimmer = trims ? new StreamTrimmer(connect, context.logger, stop.signal) : undefined;
    const endpoint = this.endpointName;
    // A new source has read none of its streams. A key that is added later is read from its oldest entry on.
    const isNew = context.resume.size === 0;
    const surroundings = {
      context,
      reader,
      field,
      startsAtEnd: startsAtEnd && isNew,
      endpoint,
      trimmer,
      connect,
    };
    const own = keys.filter((_, number) => isOwn(number, share));
    if (share !== undefined && own.length === 0) {
      context.logger.warn(emptyShareInWords(share, "key"), {
        bus: this.id,
      });
    }
    const partitions = own.map((key) => new RedisPartition(key, surroundings));
    this.opened = { partitions, trimmer, stop };
    return partitions;
  }

  async probe(signal: AbortSignal): Promise<string> {
    const { keys, trims } = this.options;
    const connection = await this.server.connect(signal);
    const over = new AbortController();
    signal.addEventListener("abort", () => connection.close(), { signal: over.signal });
    try {
      const counts: string[] = [];
      for (const key of keys) {
        const stream = new StreamReader(key);
        const { info: { lastId, length } } = await stream.look(connection, "0-0", 1);
        await stream.wait(connection, lastId, 1);
        // Nothing lies before the smallest id.
        if (trims) await connection.ask(trimCommand(key, "0-1"));
        counts.push(`stream ${key} has ${length} ${length === 1 ? "entry" : "entries"}`);
      }
      return `Redis, ${counts.join(", ")}`;
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      throw new SourceError(error.kind, `${this.id}: ${error.message}`, undefined, { cause: error });
    } finally {
      over.abort();
      connection.close();
    }
  }

  /** A stream is known by its oldest entry, whose id has the time. */
  async contents(signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const connection = await this.server.connect(signal);
    try {
      const found = new Map<string, string>();
      for (const key of this.options.keys) {
        const { info: { oldest } } = await new StreamReader(key).look(connection, "0-0", 1);
        if (oldest !== undefined) found.set(`redis ${key} ${oldest.id} ${oldest.hash}`, `stream ${key}`);
      }
      return found;
    } finally {
      connection.close();
    }
  }

  close(): Promise<void> {
    const { opened } = this;
    this.opened = undefined;
    opened?.stop.abort();
    opened?.trimmer?.close();
    for (const partition of opened?.partitions ?? []) partition.close();
    return Promise.resolve();
  }

  private get endpointName(): string {
    const { access: { database }, endpoint } = this.options;
    return endpoint.kind === "server"
      ? `${endpoint.address.host}:${endpoint.address.port}/${database}`
      : `${endpoint.master}/${database}`;
  }
}
