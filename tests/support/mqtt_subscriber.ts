import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Buffer } from "node:buffer";
import { type MqttPacket, mqttPacket, MqttPackets, readPublish, uint16 } from "./mqtt_packets.ts";

/** A client that subscribes by MQTT 3.1.1, with QoS 0. */
export class MqttSubscriber implements AsyncDisposable {
  private readonly subscribed = Promise.withResolvers<void>();

  private constructor(
    private readonly socket: Socket,
    private readonly filter: string,
    private readonly take: (topic: string, payload: Uint8Array) => void,
  ) {
    const packets = new MqttPackets();
    socket.on("data", (bytes: Buffer) => packets.take(bytes).forEach((packet) => this.receive(packet)));
    socket.on("error", (error) => this.subscribed.reject(error));
  }

  /** @param take Called for each message. */
  static async connect(
    port: number,
    filter: string,
    take: (topic: string, payload: Uint8Array) => void,
  ): Promise<MqttSubscriber> {
    const socket = connect({ host: "127.0.0.1", port });
    await once(socket, "connect");
    const subscriber = new MqttSubscriber(socket, filter, take);
    socket.write(mqttPacket(1, 0, "MQTT", 4, 0x02, uint16(0), `subscriber-${crypto.randomUUID()}`));
    await subscriber.subscribed.promise;
    return subscriber;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.socket.destroyed ? undefined : once(this.socket, "close");
    this.socket.end(mqttPacket(14, 0));
    await closed;
  }

  private receive(packet: MqttPacket): void {
    if (packet.type === 2) this.socket.write(mqttPacket(8, 2, uint16(1), this.filter, 0));
    else if (packet.type === 9) this.subscribed.resolve();
    else if (packet.type === 3) {
      const { payload, topic } = readPublish(packet, 4);
      this.take(topic, payload);
    }
  }
}
