/**
 * A server with scripted answers, over TCP or TLS, for a client that takes it for a PostgreSQL or a Kafka.
 */
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

export interface Tls {
  readonly cert: string;
  readonly key: string;
  /** Those that the server speaks; not there: it chooses none. */
  readonly ALPNProtocols?: string[];
}

/** The script for one connection. It reads the client's data piece by piece, and ends with the connection. */
export type Part = (conversation: Conversation) => Promise<void>;

export class Conversation {
  private pieces: Uint8Array[] = [];
  private wake: (() => void) | undefined;
  isOver = false;
  /** All that the client has sent. */
  readonly heard: Uint8Array[] = [];

  constructor(private readonly socket: Socket) {
    socket.on("data", (piece) => {
      this.pieces.push(piece);
      this.heard.push(piece);
      this.wake?.();
    });
    socket.on("close", () => {
      this.isOver = true;
      this.wake?.();
    });
    socket.on("error", () => {});
  }

  /** The next piece; empty once the client has gone. */
  async listen(): Promise<Uint8Array> {
    while (this.pieces.length === 0 && !this.isOver) {
      await new Promise<void>((resolve) => this.wake = resolve);
    }
    return this.pieces.shift() ?? new Uint8Array(0);
  }

  /** Sends, and waits until the client has room again. Returns false where the client has gone. */
  async say(bytes: Uint8Array): Promise<boolean> {
    if (this.isOver || this.socket.destroyed) return false;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      this.socket.write(bytes, (error) => {
        if (error) this.isOver = true;
        resolve();
      });
    });
    return !this.isOver;
  }
}

export class HostileServer implements AsyncDisposable {
  readonly conversations: Conversation[] = [];
  /** The errors that scripts have thrown. */
  readonly faults: unknown[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server, readonly port: number) {}

  static async start(part: Part, tls?: Tls, hostname = "127.0.0.1"): Promise<HostileServer> {
    let hostile: HostileServer | undefined = undefined;
    const serve = (socket: Socket) => hostile!.serve(socket, part);
    const server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
    await new Promise<void>((resolve) => server.listen(0, hostname, resolve));
    hostile = new HostileServer(server, (server.address() as { port: number }).port);
    return hostile;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private serve(socket: Socket, part: Part): void {
    this.sockets.add(socket);
    const conversation = new Conversation(socket);
    this.conversations.push(conversation);
    part(conversation).catch((error) => this.faults.push(error));
  }
}
