import { connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { Buffer } from "node:buffer";
import { type MqttPacket, MqttPackets, readPublish } from "./mqtt_packets.ts";

/** Stands between a client of MQTT 5 and its broker, and counts what the broker sends again. */
export class MqttRecorder implements AsyncDisposable {
  /** How many messages the broker has marked as sent before, by what they are counted by. */
  readonly repeated = new Map<string, number>();
  /** All messages that the broker has sent. */
  sent = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
    private readonly keyOf: (payload: Buffer) => string,
  ) {}

  /** @param keyOf What a message is counted by. */
  static async start(brokerPort: number, keyOf: (payload: Buffer) => string): Promise<MqttRecorder> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const recorder = new MqttRecorder(server, (server.address() as { port: number }).port, keyOf);
    server.on("connection", (near) => recorder.join(near, connect({ host: "127.0.0.1", port: brokerPort })));
    return recorder;
  }

  /** Messages that the broker has sent again, in all. */
  get repeats(): number {
    return [...this.repeated.values()].reduce((sum, count) => sum + count, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.server, "close");
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private join(near: Socket, far: Socket): void {
    const packets = new MqttPackets();
    for (const [one, other] of [[near, far], [far, near]] as const) {
      this.sockets.add(one);
      one.on("data", (bytes: Buffer) => {
        if (one === far) packets.take(bytes).forEach((packet) => this.note(packet));
        // As slow as the slower side.
        if (!other.write(bytes)) {
          one.pause();
          other.once("drain", () => one.resume());
        }
      });
      one.on("error", () => {});
      one.on("close", () => {
        this.sockets.delete(one);
        // What it has sent still arrives, as it does from a real network.
        other.end();
      });
    }
  }

  private note(packet: MqttPacket): void {
    if (packet.type !== 3) return;
    this.sent++;
    const { isRepeated, payload } = readPublish(packet, 5);
    if (!isRepeated) return;
    const key = this.keyOf(payload);
    this.repeated.set(key, (this.repeated.get(key) ?? 0) + 1);
  }
}
