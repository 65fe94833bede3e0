import { connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { createServer as createTlsServer } from "node:tls";
import type { Buffer } from "node:buffer";
import type { MqttExchanges } from "./mqtt_exchanges.ts";
import { MqttPackets } from "./mqtt_packets.ts";

/** Stands between a client of MQTT and its broker, and shows their packets to an observer. */
export class MqttRecorder implements AsyncDisposable {
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
    private readonly exchanges: MqttExchanges,
  ) {}

  /** @param tls Paths of certificate and key, where the client comes by TLS, which then ends here. */
  static async start(
    brokerPort: number,
    exchanges: MqttExchanges,
    tls?: { readonly certFile: string; readonly keyFile: string },
  ): Promise<MqttRecorder> {
    const server = tls === undefined ? createServer() : createTlsServer({
      cert: await Deno.readTextFile(tls.certFile),
      key: await Deno.readTextFile(tls.keyFile),
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const recorder = new MqttRecorder(server, (server.address() as { port: number }).port, exchanges);
    const joined = tls === undefined ? "connection" : "secureConnection";
    server.on(joined, (near) => recorder.accept(near, brokerPort));
    return recorder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.server, "close");
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private accept(near: Socket, brokerPort: number): void {
    const far = connect({ host: "127.0.0.1", port: brokerPort });
    for (const socket of [near, far]) {
      this.sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.sockets.delete(socket));
    }
    // The broker may be down.
    const refused = () => near.destroy();
    far.once("close", refused);
    far.once("connect", () => {
      far.off("close", refused);
      if (near.destroyed) far.destroy();
      else this.join(near, far);
    });
  }

  private join(near: Socket, far: Socket): void {
    const { exchanges } = this;
    const ways = [
      [near, far, exchanges.fromClient.bind(exchanges)],
      [far, near, exchanges.fromBroker.bind(exchanges)],
    ] as const;
    for (const [one, other, note] of ways) {
      const packets = new MqttPackets();
      one.on("data", (bytes: Buffer) => {
        packets.take(bytes).forEach(note);
        // As slow as the slower side.
        if (!other.write(bytes)) {
          one.pause();
          other.once("drain", () => one.resume());
        }
      });
      // What it has sent still arrives, as it does from a real network.
      one.on("close", () => other.end());
    }
  }
}
