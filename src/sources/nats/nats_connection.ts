import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { SourceError } from "../../contract/source.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import {
  type ConnectSocket,
  connectSocket,
  type ServerAddress,
  startTls,
  type TlsTexts,
} from "../../platform/net/server_socket.ts";
import { unreachable } from "../unreachable_server.ts";
import { serverError } from "./nats_errors.ts";
import { greetingOf, type NatsLogin } from "./nats_login.ts";
import { NatsFault, type NatsFrame, type NatsMessage, NatsParser } from "./nats_parser.ts";

/** How connections to servers are made. */
export interface NatsAccess {
  /** Undefined: no TLS. */
  readonly tls: TlsTexts | undefined;
  /** Not there: over the network. */
  readonly connect?: ConnectSocket;
  /** Undefined: no login. */
  readonly login: NatsLogin | undefined;
}

/** What a server says of itself. */
interface ServerInfo {
  readonly headers?: unknown;
  readonly jetstream?: unknown;
  readonly nonce?: unknown;
  readonly tls_required?: unknown;
  readonly tls_available?: unknown;
}

const CONNECT_MAX_MS = 10_000;
const ANSWER_MAX_MS = 15_000;
/** The subscriptions: to answers, and to what is pulled. */
const [ANSWERS, PULLED] = [1, 2];

interface Waiting {
  readonly resolve: (message: NatsMessage) => void;
  readonly reject: (error: SourceError) => void;
}

/** A connection to one server. Any fault ends it: who needs it makes another one. */
export class NatsConnection {
  /** Gets the messages that are pulled. */
  onPulled: (message: NatsMessage) => void = () => {};
  /** Is told why the connection is of no more use. */
  onFailed: (error: SourceError) => void = () => {};
  private readonly inbox = `_INBOX.${crypto.randomUUID().replaceAll("-", "")}`;
  private readonly waiting = new Map<string, Waiting>();
  private failure: SourceError | undefined;
  private info: ServerInfo | undefined;
  private socket: Socket;
  private parser: NatsParser;
  private next = 0;
  private greeted: PromiseWithResolvers<void>;

  private constructor(readonly name: string, socket: Socket, private readonly clock: Pick<Clock, "sleep">) {
    this.socket = socket;
    this.parser = new NatsParser((frame) => this.received(frame));
    this.greeted = Promise.withResolvers<void>();
    this.listenTo(socket);
  }

  /** Connects, goes over to TLS and logs in. @throws {SourceError} */
  static async open(
    address: ServerAddress,
    access: NatsAccess,
    clock: Pick<Clock, "sleep">,
    signal: AbortSignal,
  ): Promise<NatsConnection> {
    const { connect = connectSocket } = access;
    const name = `NATS at ${address.host}:${address.port}`;
    let socket: Socket;
    try {
      socket = await connect(address, undefined, CONNECT_MAX_MS, clock, signal);
    } catch (error) {
      throw unreachable(name, error);
    }
    const connection = new NatsConnection(name, socket, clock);
    try {
      await connection.within(CONNECT_MAX_MS, connection.greeted.promise);
      await connection.secure(address.host, access.tls, signal);
      await connection.logIn(access.login);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  get isOpen(): boolean {
    return this.failure === undefined;
  }

  /** Where what is pulled has to be sent to. @param request Its number, which statuses come with. */
  pullInbox(request: number): string {
    return `${this.inbox}.p.${request}`;
  }

  /** Publishes a message. */
  publish(subject: string, reply: string, body: string): void {
    if (this.failure !== undefined) return;
    this.socket.write(`PUB ${subject} ${reply} ${Buffer.byteLength(body)}\r\n${body}\r\n`);
  }

  /** Publishes a message, and waits for its answer. @throws {SourceError} */
  async request(subject: string, body: string): Promise<NatsMessage> {
    const inbox = `${this.inbox}.a.${this.next++}`;
    const { promise, resolve, reject } = Promise.withResolvers<NatsMessage>();
    this.waiting.set(inbox, { resolve, reject });
    this.publish(subject, inbox, body);
    try {
      return await this.within(ANSWER_MAX_MS, promise);
    } finally {
      this.waiting.delete(inbox);
    }
  }

  /** Waits, and ends the connection where that takes too long. @throws {SourceError} */
  async within<T>(maxMs: number, work: Promise<T>): Promise<T> {
    // What has failed before tells nobody any more.
    if (this.failure !== undefined) {
      work.catch(() => {});
      throw this.failure;
    }
    const over = new AbortController();
    void this.clock.sleep(maxMs, over.signal).then(() => {
      if (over.signal.aborted) return;
      this.fail(new SourceError("unavailable", `${this.name} has not answered for ${maxMs / 1000} seconds`));
    });
    try {
      return await work;
    } finally {
      over.abort();
    }
  }

  /** An answer that is not what it must be ends the connection. */
  garbage(problem: string): SourceError {
    const error = new SourceError("garbage", `what ${this.name} sends ${problem}`);
    this.fail(error);
    return error;
  }

  /** What is under way fails. */
  close(): void {
    this.fail(new SourceError("unavailable", `the connection to ${this.name} was closed`));
  }

  private listenTo(socket: Socket): void {
    socket.on("data", (piece: Buffer) => {
      // What was in the clear is no longer listened to once there is TLS.
      if (socket !== this.socket) return;
      try {
        this.parser.take(piece);
      } catch (error) {
        if (!(error instanceof NatsFault)) throw error;
        this.garbage(error.message);
      }
    });
    socket.on("error", (error) => this.fail(unreachable(this.name, error)));
    socket.on(
      "close",
      () => this.fail(new SourceError("unavailable", `${this.name} has closed the connection`)),
    );
  }

  private async secure(host: string, tls: TlsTexts | undefined, signal: AbortSignal): Promise<void> {
    const { tls_available, tls_required } = this.info!;
    if (tls === undefined) {
      if (tls_required !== true) return;
      throw new SourceError("refused", `${this.name} wants TLS: give VABUS_URL as natss://`);
    }
    if (tls_required !== true && tls_available !== true) {
      throw new SourceError(
        "refused",
        `${this.name} has no TLS: give VABUS_URL as nats://, or set up TLS there`,
      );
    }
    const plain = this.socket;
    plain.removeAllListeners("data");
    try {
      this.socket = await startTls(plain, host, tls, CONNECT_MAX_MS, this.clock, signal);
    } catch (error) {
      throw unreachable(this.name, error);
    }
    this.parser = new NatsParser((frame) => this.received(frame));
    this.listenTo(this.socket);
  }

  private async logIn(login: NatsLogin | undefined): Promise<void> {
    const { nonce } = this.info!;
    const greeting = {
      verbose: false,
      pedantic: false,
      headers: true,
      no_responders: true,
      echo: false,
      protocol: 1,
      lang: "typescript",
      version: "1",
      name: "vabus-data-handler",
      tls_required: "encrypted" in this.socket,
      ...greetingOf(login, typeof nonce === "string" ? nonce : undefined),
    };
    this.greeted = Promise.withResolvers<void>();
    this.socket.write(
      `CONNECT ${JSON.stringify(greeting)}\r\nSUB ${this.inbox}.a.* ${ANSWERS}\r\n` +
        `SUB ${this.inbox}.p.* ${PULLED}\r\nPING\r\n`,
    );
    await this.within(CONNECT_MAX_MS, this.greeted.promise);
  }

  private received(frame: NatsFrame): void {
    switch (frame.kind) {
      case "message":
        return this.delivered(frame.message);
      case "info":
        return this.introduced(frame.json);
      case "error":
        return this.refused(frame.text);
      case "ping":
        if (this.failure === undefined) this.socket.write("PONG\r\n");
        return;
      case "pong":
        return this.greeted.resolve();
    }
  }

  private delivered(message: NatsMessage): void {
    if (message.subscription === PULLED) return this.onPulled(message);
    this.waiting.get(message.subject)?.resolve(message);
  }

  private introduced(json: string): void {
    let info: unknown;
    try {
      info = JSON.parse(json);
    } catch {
      throw new NatsFault("is no greeting of NATS");
    }
    if (typeof info !== "object" || info === null) throw new NatsFault("is no greeting of NATS");
    // Later ones tell of other servers.
    if (this.info !== undefined) return;
    this.info = info;
    this.greeted.resolve();
  }

  /** A right that is missing ends what is under way. Other errors end the connection. */
  private refused(text: string): void {
    const error = serverError(this.name, text);
    if (!/^'?Permissions Violation/i.test(text)) return this.fail(error);
    for (const { reject } of this.waiting.values()) reject(error);
    this.greeted.reject(error);
    this.onFailed(error);
  }

  private fail(error: SourceError): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    this.socket.destroy();
    for (const { reject } of this.waiting.values()) reject(error);
    this.greeted.promise.catch(() => {});
    this.greeted.reject(error);
    this.onFailed(error);
  }
}
