import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { SourceError } from "../../contract/source.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import {
  type ConnectSocket,
  connectSocket,
  type ServerAddress,
  type TlsTexts,
} from "../../platform/net/server_socket.ts";
import { unreachable } from "../unreachable_server.ts";
import { redisError } from "./redis_errors.ts";
import { type Reply, type ReplyBounds, RespError, RespFault, RespReader } from "./resp_reader.ts";

/** How connections to servers are made. */
export interface RedisAccess {
  /** Undefined: no TLS. */
  readonly tls: TlsTexts | undefined;
  /** Not there: over the network. */
  readonly connect?: ConnectSocket;
  /** Undefined: no login. */
  readonly login: RedisLogin | undefined;
  /** The number of the database. */
  readonly database: number;
}

export interface RedisLogin {
  /** Undefined: the default user. */
  readonly username: string | undefined;
  readonly password: string;
}

export type Argument = string | number;

/** Redis has no TLS on the port without. */
const PORT_ADVICE = ", and whether the port is one with TLS";
const CONNECT_MAX_MS = 10_000;
/** Without a byte of an answer. */
const SILENCE_MAX_MS = 20_000;
/** What short answers may hold. */
export const SHORT_REPLY: ReplyBounds = { maxBytes: 64 * 1024, maxItems: 100 };

interface Pending {
  readonly bounds: ReplyBounds;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: SourceError) => void;
}

/**
 * A connection to one server. Answers come in the order of the commands. Any fault ends it: who needs it
 * makes another one.
 */
export class RedisConnection {
  private readonly pending: Pending[] = [];
  private failure: SourceError | undefined;
  /** How often bytes have come: a silence is a number that stays. */
  private pieces = 0;

  private constructor(
    private readonly name: string,
    private readonly socket: Socket,
    private readonly clock: Pick<Clock, "sleep">,
  ) {
    const reader = new RespReader(
      () => this.pending[0]?.bounds,
      (reply) => this.pending.shift()!.resolve(reply),
    );
    socket.on("data", (piece: Buffer) => {
      this.pieces++;
      try {
        reader.take(piece);
      } catch (error) {
        if (!(error instanceof RespFault)) throw error;
        this.fail(faultOf(name, error));
      }
    });
    socket.on("error", (error) => this.fail(unreachable(name, error, PORT_ADVICE)));
    socket.on("close", () => this.fail(new SourceError("unavailable", `${name} has closed the connection`)));
  }

  /** Connects, logs in and selects the database. @throws {SourceError} */
  static async open(
    address: ServerAddress,
    { connect = connectSocket, database, login, tls }: RedisAccess,
    clock: Pick<Clock, "sleep">,
    signal: AbortSignal,
  ): Promise<RedisConnection> {
    const name = `Redis at ${address.host}:${address.port}`;
    let socket: Socket;
    try {
      socket = await connect(address, tls, CONNECT_MAX_MS, clock, signal);
    } catch (error) {
      throw unreachable(name, error, PORT_ADVICE);
    }
    const connection = new RedisConnection(name, socket, clock);
    try {
      if (login !== undefined) {
        const { username, password } = login;
        await connection.ask(["AUTH", ...(username === undefined ? [] : [username]), password]);
      }
      if (database !== 0) await connection.ask(["SELECT", database]);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  get isOpen(): boolean {
    return this.failure === undefined;
  }

  /** Sends a command whose answer is short. @throws {SourceError} Also where the answer is an error. */
  async ask(command: readonly Argument[]): Promise<Reply> {
    const [reply] = await this.send([command], [SHORT_REPLY]);
    return this.checked(reply!);
  }

  /**
   * Sends commands together. The answers may be errors.
   *
   * @param bounds What the answer to each may hold.
   * @param silenceMs How long the server may be silent.
   *
   * @throws {SourceError} The connection is of no more use then.
   */
  async send(
    commands: readonly (readonly Argument[])[],
    bounds: readonly ReplyBounds[],
    silenceMs = SILENCE_MAX_MS,
  ): Promise<Reply[]> {
    if (this.failure !== undefined) throw this.failure;
    const replies = commands.map((_, i) => {
      const { promise, resolve, reject } = Promise.withResolvers<Reply>();
      this.pending.push({ bounds: bounds[i]!, resolve, reject });
      return promise;
    });
    this.socket.write(encoded(commands));
    const answered = new AbortController();
    void this.watch(silenceMs, answered.signal);
    try {
      return await Promise.all(replies);
    } finally {
      answered.abort();
    }
  }

  /** An answer that is no error. @throws {SourceError} It is one. */
  checked(reply: Reply): Exclude<Reply, RespError> {
    if (reply instanceof RespError) throw redisError(this.name, reply.text);
    return reply;
  }

  /** Reads an answer. @throws {SourceError} It is not what it must be. */
  read<T>(reply: Reply, read: (reply: Reply) => T): T {
    try {
      return read(reply);
    } catch (error) {
      if (!(error instanceof RespFault)) throw error;
      const failure = faultOf(this.name, error);
      this.fail(failure);
      throw failure;
    }
  }

  /** Commands under way fail. */
  close(): void {
    this.fail(new SourceError("unavailable", `the connection to ${this.name} was closed`));
  }

  private async watch(silenceMs: number, answered: AbortSignal): Promise<void> {
    for (let before = -1; before !== this.pieces;) {
      before = this.pieces;
      await this.clock.sleep(silenceMs, answered);
      if (answered.aborted) return;
    }
    this.fail(
      new SourceError("unavailable", `${this.name} has not answered for ${silenceMs / 1000} seconds`),
    );
  }

  private fail(error: SourceError): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    this.socket.destroy();
    for (const { reject } of this.pending.splice(0)) reject(error);
  }
}

/** Who can ask for less finds in the cause whether that may help. */
function faultOf(name: string, fault: RespFault): SourceError {
  return new SourceError("garbage", `what ${name} answers ${fault.message}`, undefined, { cause: fault });
}

function encoded(commands: readonly (readonly Argument[])[]): string {
  return commands.map((command) =>
    `*${command.length}\r\n` +
    command.map((argument) => `$${Buffer.byteLength(`${argument}`)}\r\n${argument}\r\n`).join("")
  ).join("");
}
