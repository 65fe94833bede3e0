import type { RecordReader } from "../../codec/mapping/record_reader.ts";
import { type Partition, type Source, type SourceContext, SourceError } from "../../contract/source.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { ServerAddress } from "../../platform/net/server_socket.ts";
import type { StreamChoice } from "./jetstream.ts";
import { type NatsAccess, NatsConnection } from "./nats_connection.ts";
import { KEEPS_NO_CONSUMER, NatsPartition } from "./nats_partition.ts";
import { ConsumerGone, StreamSession } from "./stream_session.ts";

export interface NatsSourceOptions {
  /** The URL without credentials. */
  readonly name: string;
  /** Servers of one cluster. */
  readonly servers: readonly ServerAddress[];
  readonly access: NatsAccess;
  readonly choice: StreamChoice;
  /** Whether a source that has read nothing yet begins at the newest messages. */
  readonly startsAtEnd: boolean;
  /** Undefined: records are events as they are. */
  readonly reader: RecordReader | undefined;
  readonly clock: Clock;
}

/** A stream of NATS JetStream: one partition. Its position is in the state. */
export class NatsSource implements Source {
  readonly id: string;
  private access: NatsAccess;
  private partition: NatsPartition | undefined;
  /** The index of the server that was reached last. */
  private server = 0;

  constructor(private readonly options: NatsSourceOptions) {
    this.id = options.name;
    this.access = options.access;
  }

  /** Takes other credentials, from the next connection on. */
  change({ access }: Pick<NatsSourceOptions, "access">): void {
    this.access = access;
  }

  async open(context: SourceContext): Promise<readonly Partition[]> {
    await this.close();
    const { choice, reader, startsAtEnd } = this.options;
    this.partition = new NatsPartition({
      context,
      reader,
      choice,
      startsAtEnd,
      connect: (signal) => this.connect(signal),
    });
    return [this.partition];
  }

  async probe(signal: AbortSignal): Promise<string> {
    const { choice } = this.options;
    const session = new StreamSession(await this.connect(signal), choice, () => {});
    const over = new AbortController();
    signal.addEventListener("abort", () => session.close(), { signal: over.signal });
    try {
      const { messages } = await session.look();
      // A consumer behind the end takes nothing.
      await session.goTo(session.beginning(true));
      await session.next(1, 0);
      return `NATS, stream ${choice.stream} has ${messages} ${messages === 1 ? "message" : "messages"}`;
    } catch (error) {
      if (error instanceof ConsumerGone) {
        throw new SourceError("unavailable", `${this.id}: ${KEEPS_NO_CONSUMER}`);
      }
      if (!(error instanceof SourceError)) throw error;
      throw new SourceError(error.kind, `${this.id}: ${error.message}`, undefined, { cause: error });
    } finally {
      over.abort();
      session.close();
    }
  }

  close(): Promise<void> {
    this.partition?.close();
    this.partition = undefined;
    return Promise.resolve();
  }

  /**
   * Connects to the first server that can be reached, beginning with the last that was.
   *
   * @throws {SourceError}
   */
  private async connect(signal: AbortSignal): Promise<NatsConnection> {
    const { clock, servers } = this.options;
    let failure: SourceError | undefined;
    for (let i = 0; i < servers.length; i++) {
      const index = (this.server + i) % servers.length;
      try {
        const connection = await NatsConnection.open(servers[index]!, this.access, clock, signal);
        this.server = index;
        return connection;
      } catch (error) {
        if (!(error instanceof SourceError) || signal.aborted) throw error;
        // What an operator has to change says more than that a server is away.
        if (failure === undefined || failure.kind === "unavailable") failure = error;
      }
    }
    throw failure!;
  }
}
