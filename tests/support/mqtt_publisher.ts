import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Buffer } from "node:buffer";
import { type MqttPacket, mqttPacket, MqttPackets, uint16 } from "./mqtt_packets.ts";

/** A message to publish. */
export interface Outgoing {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly qos?: 0 | 1 | 2;
  readonly retain?: boolean;
}

/** Messages with QoS 1 and 2 that are under way at once. */
const WINDOW = 1000;

/** A client that publishes by MQTT 3.1.1. */
export class MqttPublisher implements AsyncDisposable {
  private readonly unanswered = new Set<number>();
  private lastId = 0;
  private readonly connected = Promise.withResolvers<void>();
  private moved = Promise.withResolvers<void>();
  private fault: Error | undefined;

  private constructor(private readonly socket: Socket) {
    const packets = new MqttPackets();
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => packets.take(bytes).forEach((packet) => this.take(packet)));
    socket.on("error", (error) => this.end(error));
    socket.on("close", () => this.end(new Error("the broker has closed the connection")));
  }

  /** @param login `user:password` */
  static async connect(port: number, login?: string): Promise<MqttPublisher> {
    const socket = connect({ host: "127.0.0.1", port });
    await once(socket, "connect");
    const publisher = new MqttPublisher(socket);
    const flags = login === undefined ? 0x02 : 0xc2;
    const id = `publisher-${crypto.randomUUID()}`;
    socket.write(mqttPacket(1, 0, "MQTT", 4, flags, uint16(0), id, ...login?.split(":") ?? []));
    await publisher.connected.promise;
    return publisher;
  }

  /** Resolves once the broker has taken over all messages. @throws where the connection has ended */
  async publish(messages: readonly Outgoing[]): Promise<void> {
    for (const { payload, qos = 1, retain = false, topic } of messages) {
      while (this.unanswered.size >= WINDOW) await this.progress();
      const id = qos === 0 ? [] : [uint16(this.nextId())];
      this.socket.write(mqttPacket(3, qos << 1 | (retain ? 1 : 0), topic, ...id, Buffer.from(payload)));
    }
    while (this.unanswered.size > 0) await this.progress();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.socket.destroyed ? undefined : once(this.socket, "close");
    this.socket.end(mqttPacket(14, 0));
    await closed;
  }

  private async progress(): Promise<void> {
    if (this.fault !== undefined) throw this.fault;
    await this.moved.promise;
  }

  private nextId(): number {
    do this.lastId = this.lastId % 65_535 + 1; while (this.unanswered.has(this.lastId));
    this.unanswered.add(this.lastId);
    return this.lastId;
  }

  private take({ body, type }: MqttPacket): void {
    if (type === 2) {
      if (body[1] === 0) this.connected.resolve();
      else this.end(new Error(`the broker refuses the publisher: ${body[1]}`));
    } else if (type === 5) this.socket.write(mqttPacket(6, 2, body.subarray(0, 2)));
    else if (type === 4 || type === 7) {
      this.unanswered.delete(body.readUInt16BE(0));
      this.announce();
    }
  }

  private end(error: Error): void {
    this.fault ??= error;
    this.connected.reject(this.fault);
    this.connected.promise.catch(() => {});
    this.announce();
  }

  private announce(): void {
    this.moved.resolve();
    this.moved = Promise.withResolvers();
  }
}
