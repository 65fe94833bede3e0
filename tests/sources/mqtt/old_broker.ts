import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { mqttPacket } from "../../support/mqtt_packets.ts";

/** A real broker as if it were one of MQTT 3.1.1: it refuses what is newer. */
export class OldBroker implements AsyncDisposable {
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server, readonly port: number) {}

  /** @param isSilent Whether it closes the connection without a word, as some do. */
  static async start(brokerPort: number, isSilent = false): Promise<OldBroker> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const broker = new OldBroker(server, (server.address() as { port: number }).port);
    server.on("connection", (near) => {
      broker.sockets.add(near);
      near.on("error", () => {});
      near.once("data", (first: Buffer) => {
        // Behind one byte of the length, "MQTT" with its own length, and the version.
        const version = first[first.indexOf("MQTT") + 4];
        if (version === 5) return void near.end(isSilent ? "" : mqttPacket(2, 0, 0, 1));
        const far = connect({ host: "127.0.0.1", port: brokerPort });
        broker.sockets.add(far);
        far.on("error", () => {});
        far.write(first);
        near.pipe(far).pipe(near);
      });
    });
    return broker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.server, "close");
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}
