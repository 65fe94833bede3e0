import { SourceError } from "../../contract/source.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import { BrokerConnection, type KafkaAccess } from "./broker_connection.ts";
import type { ServerAddress } from "../../platform/net/server_socket.ts";
import { listenerFault } from "./listener_fault.ts";
import { type ClusterMetadata, requestMetadata } from "./metadata_request.ts";

/**
 * What a connection is for. A broker answers one request after the other, so one that waits for records would
 * hold up the others.
 */
export type Purpose = "records" | "questions";

/** The connections to the brokers of a cluster. They are made when they are needed. */
export class KafkaCluster {
  /** The brokers as they name themselves, by their numbers. */
  private brokers: ReadonlyMap<number, ServerAddress> = new Map();
  /** Which of them is asked first. */
  private turn = 0;
  private readonly connections = new Map<string, Promise<BrokerConnection>>();
  /** Addresses that were connected to, `host:port` each. */
  private readonly reached = new Set<string>();

  /** @param name The URL without credentials. */
  constructor(
    readonly name: string,
    private readonly bootstrap: readonly ServerAddress[],
    private access: KafkaAccess,
    private readonly clock: Pick<Clock, "sleep">,
  ) {}

  get brokerCount(): number {
    return this.brokers.size;
  }

  /** Takes other credentials, from the next connection on. */
  change(access: KafkaAccess): void {
    this.access = access;
  }

  /**
   * Asks another broker each time, since one that has lost the others knows nothing new.
   *
   * @throws {SourceError} None of them answers.
   */
  async metadata(topics: readonly string[], signal: AbortSignal): Promise<ClusterMetadata> {
    // Those that are known to be there come first.
    const known = [...this.brokers.values()];
    const first = known.length === 0 ? 0 : this.turn++ % known.length;
    const addresses = [...known.slice(first), ...known.slice(0, first), ...this.bootstrap];
    let failure: unknown;
    for (const address of addresses) {
      try {
        const connection = await this.connectionAt(address, "questions", signal);
        const metadata = await requestMetadata(connection, topics, this.name);
        if (metadata.brokers.size > 0) this.brokers = metadata.brokers;
        return metadata;
      } catch (error) {
        failure ??= error;
        if (signal.aborted) break;
      }
    }
    const fault = await listenerFault(this.bootstrap, this.access);
    if (fault !== undefined) throw new SourceError("refused", `${this.name}: ${fault}`);
    throw failure;
  }

  /** A connection for questions, to whichever broker is there. @throws {SourceError} */
  async anyConnection(signal: AbortSignal): Promise<BrokerConnection> {
    let failure: unknown;
    for (const address of [...this.brokers.values(), ...this.bootstrap]) {
      try {
        return await this.connectionAt(address, "questions", signal);
      } catch (error) {
        failure ??= error;
        if (signal.aborted) break;
      }
    }
    throw failure;
  }

  /** @param node The number of a broker. @throws {SourceError} */
  async connectionTo(node: number, purpose: Purpose, signal: AbortSignal): Promise<BrokerConnection> {
    const address = this.brokers.get(node);
    if (address === undefined) {
      throw new SourceError("unavailable", `${this.name}: the broker ${node} is not there: is it down?`);
    }
    return await this.connectionAt(address, purpose, signal);
  }

  /** @throws {SourceError} */
  async connectionAt(
    address: ServerAddress,
    purpose: Purpose,
    signal: AbortSignal,
  ): Promise<BrokerConnection> {
    const key = `${purpose} ${address.host}:${address.port}`;
    const present = this.connections.get(key);
    const found = await present?.catch(() => undefined);
    if (found?.isOpen) return found;
    // Somebody else may have begun another one meanwhile.
    if (this.connections.get(key) === present) {
      this.connections.set(key, this.connect(address, signal));
    }
    return await this.connections.get(key)!;
  }

  private async connect(address: ServerAddress, signal: AbortSignal): Promise<BrokerConnection> {
    const name = nameOf(address);
    try {
      const connection = await BrokerConnection.open(address, this.access, this.clock, signal);
      this.reached.add(name);
      return connection;
    } catch (error) {
      if (this.reached.has(name) || this.bootstrap.some((known) => nameOf(known) === name)) throw error;
      throw withAdviceOnListener(error);
    }
  }

  /** Requests under way fail. */
  close(): void {
    for (const opening of this.connections.values()) {
      opening.then((connection) => connection.close(), () => {});
    }
    this.connections.clear();
  }
}

function nameOf({ host, port }: ServerAddress): string {
  return `${host}:${port}`;
}

/** The error of a broker whose address only the cluster has told, and that was never connected to there. */
function withAdviceOnListener(error: unknown): unknown {
  if (!(error instanceof SourceError) || error.kind !== "unavailable") return error;
  const advice = "the cluster names this address (advertised.listeners): this host must reach it";
  return new SourceError(error.kind, `${error.message}: ${advice}`, undefined, { cause: error });
}
