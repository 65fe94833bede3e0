import { Buffer } from "node:buffer";
import { SourceError } from "../../contract/source.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { ServerAddress } from "../../platform/net/server_socket.ts";
import { type RedisAccess, RedisConnection } from "./redis_connection.ts";
import { RespFault } from "./resp_reader.ts";

/** Where a server is found. */
export type RedisEndpoint =
  | { readonly kind: "server"; readonly address: ServerAddress }
  /** The master that Sentinels know by that name. */
  | { readonly kind: "sentinel"; readonly sentinels: readonly ServerAddress[]; readonly master: string };

/** Connects to the server of a source, which Sentinels may have to be asked for. */
export class RedisServer {
  constructor(
    private readonly endpoint: RedisEndpoint,
    private access: RedisAccess,
    private readonly clock: Pick<Clock, "sleep">,
  ) {}

  /** Takes other credentials, from the next connection on. */
  change(access: RedisAccess): void {
    this.access = access;
  }

  /** @throws {SourceError} */
  async connect(signal: AbortSignal): Promise<RedisConnection> {
    const { access, clock, endpoint } = this;
    if (endpoint.kind === "server") {
      return await RedisConnection.open(endpoint.address, access, clock, signal);
    }
    let failure: SourceError | undefined;
    for (const sentinel of endpoint.sentinels) {
      try {
        const address = await this.askSentinel(sentinel, endpoint.master, signal);
        return await this.connectToMaster(address, signal);
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        if (signal.aborted) throw error;
        // What an operator has to change says more than that a Sentinel is away.
        if (failure === undefined || failure.kind === "unavailable") failure = error;
      }
    }
    throw failure!;
  }

  private async askSentinel(
    sentinel: ServerAddress,
    master: string,
    signal: AbortSignal,
  ): Promise<ServerAddress> {
    const connection = await this.connectToSentinel(sentinel, signal);
    try {
      const reply = await connection.ask(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master]);
      if (reply === null) {
        throw new SourceError(
          "refused",
          `the Sentinel at ${sentinel.host}:${sentinel.port} knows no master ${master}: check sentinel= of ` +
            "the URL",
        );
      }
      return connection.read(reply, (found) => {
        const [host, port = ""] = Array.isArray(found) ? found.map(textOf) : [];
        if (host && /^\d{1,5}$/.test(port)) return { host, port: Number(port) };
        throw new RespFault("is no address of a master");
      });
    } finally {
      connection.close();
    }
  }

  /** Sentinels often ask for no login where the server does. @throws {SourceError} */
  private async connectToSentinel(sentinel: ServerAddress, signal: AbortSignal): Promise<RedisConnection> {
    const access = { ...this.access, database: 0 };
    const open = (login: RedisAccess["login"]) =>
      RedisConnection.open(sentinel, { ...access, login }, this.clock, signal);
    const connection = await open(undefined);
    if (access.login === undefined) return connection;
    try {
      await connection.ask(["PING"]);
      return connection;
    } catch (error) {
      connection.close();
      if (!(error instanceof SourceError) || error.kind !== "refused") throw error;
      return await open(access.login);
    }
  }

  /** A Sentinel may not know yet that the master is another one. @throws {SourceError} */
  private async connectToMaster(address: ServerAddress, signal: AbortSignal): Promise<RedisConnection> {
    const connection = await RedisConnection.open(address, this.access, this.clock, signal);
    try {
      const reply = await connection.ask(["ROLE"]);
      const role = Array.isArray(reply) ? textOf(reply[0]) : undefined;
      if (role === "master") return connection;
      throw new SourceError(
        "unavailable",
        `Redis at ${address.host}:${address.port} is no master, and Sentinel says it is: ` +
          "a failover is under way",
      );
    } catch (error) {
      connection.close();
      throw error;
    }
  }
}

function textOf(reply: unknown): string | undefined {
  return reply instanceof Uint8Array ? Buffer.from(reply).toString() : undefined;
}
