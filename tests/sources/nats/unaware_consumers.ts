import { Buffer } from "node:buffer";
import { type ConnectSocket, connectSocket } from "../../../src/platform/net/server_socket.ts";

const PULL = /^PUB \$JS\.API\.CONSUMER\.MSG\.NEXT\.\S+\.(\S+) (\S+) /;
const NO_MESSAGES = "NATS/1.0 404 No Messages\r\n\r\n";

/**
 * Connections to a real server that answers as one does that has not told its consumers of the latest
 * messages yet. A consumer that is made afterwards knows them.
 */
export class UnawareConsumers {
  private readonly seen = new Set<string>();
  private readonly unaware = new Set<string>();

  /** How many were asked for messages. */
  get count(): number {
    return this.seen.size;
  }

  /** The consumers there are get no more messages. */
  tellNothing(): void {
    for (const name of this.seen) this.unaware.add(name);
  }

  readonly connect: ConnectSocket = async (...asked) => {
    const socket = await connectSocket(...asked);
    const write = socket.write.bind(socket) as (data: string | Uint8Array) => boolean;
    socket.write = (data: string | Uint8Array) => {
      const [, consumer = "", inbox] = PULL.exec(typeof data === "string" ? data : "") ?? [];
      if (consumer !== "") this.seen.add(consumer);
      if (!this.unaware.has(consumer)) return write(data);
      const { length } = NO_MESSAGES;
      return socket.emit("data", Buffer.from(`HMSG ${inbox} 2 ${length} ${length}\r\n${NO_MESSAGES}\r\n`));
    };
    return socket;
  };
}
