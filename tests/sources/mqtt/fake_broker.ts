import { Buffer } from "node:buffer";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { type MqttPacket, mqttPacket, MqttPackets, uint16 } from "../../support/mqtt_packets.ts";

export const CONNECT = 1;
export const PUBACK = 4;
export const PUBREC = 5;
export const PUBCOMP = 7;
export const SUBSCRIBE = 8;
export const PINGREQ = 12;

/** What a fake broker does where a test does not say otherwise. */
export interface Manners {
  /** The answer to a CONNECT. */
  readonly connack?: (connect: MqttPacket) => Uint8Array;
  /** The version of MQTT whose clients are hung up on, without an answer. */
  readonly hangsUpOn?: 5;
  /** The code for each filter of a SUBSCRIBE; default: what is wanted. */
  readonly granted?: number;
  /** Sent as soon as the client has subscribed. */
  readonly afterSubscribe?: () => Uint8Array;
  /** Whether pings are left to the test. */
  readonly isSlow?: boolean;
  /** Whether the connection is closed behind what is sent. */
  readonly isBrief?: boolean;
}

/** A connection of the product. */
export class FakeClient {
  /** Everything it has sent, in order. */
  readonly heard: MqttPacket[] = [];
  /** The version of MQTT that it speaks: 4 or 5. */
  version = 0;
  private moved = Promise.withResolvers<void>();

  constructor(private readonly socket: Socket, manners: Manners) {
    const packets = new MqttPackets();
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      for (const packet of packets.take(bytes)) {
        this.heard.push(packet);
        this.answer(packet, manners);
      }
      this.moved.resolve();
      this.moved = Promise.withResolvers();
    });
  }

  send(...packets: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(packets));
  }

  /** Resolves when the client has sent so many packets of a type. */
  async hears(type: number, count = 1): Promise<MqttPacket[]> {
    for (;;) {
      const found = this.ofType(type);
      if (found.length >= count) return found;
      await this.moved.promise;
    }
  }

  ofType(type: number): MqttPacket[] {
    return this.heard.filter((packet) => packet.type === type);
  }

  /** The ids of the packets of a type. */
  ids(type: number): number[] {
    return this.ofType(type).map(({ body }) => body.readUInt16BE(0));
  }

  cut(): void {
    this.socket.destroy();
  }

  /** Whether the connection has ended, on either side. */
  get isGone(): boolean {
    return this.socket.destroyed;
  }

  private answer(packet: MqttPacket, manners: Manners): void {
    const { afterSubscribe, connack, granted, hangsUpOn, isBrief, isSlow } = manners;
    const { body, type } = packet;
    if (type === CONNECT) {
      this.version = body[6]!;
      if (this.version === hangsUpOn) return void this.socket.end();
      const present = (body[7]! & 2) === 0;
      this.send(connack?.(packet) ?? accepted(this.version, present));
      if (isBrief && connack !== undefined) this.socket.end();
    } else if (type === SUBSCRIBE) {
      const properties = this.version === 5 ? [0] : [];
      const qos = body[body.length - 1]! & 3;
      this.send(mqttPacket(9, 0, body.subarray(0, 2), ...properties, granted ?? qos));
      if (afterSubscribe !== undefined) this.send(afterSubscribe());
      if (isBrief) this.socket.end();
    } else if (type === PINGREQ && !isSlow) this.send(pingresp());
  }
}

/** A CONNACK. */
export function accepted(version: number, isSessionPresent: boolean): Buffer {
  return mqttPacket(2, 0, isSessionPresent ? 1 : 0, 0, ...(version === 5 ? [0] : []));
}

/** A PUBLISH for a client of MQTT 5. @param flags 8: sent before; 1: retained. */
export function publish(id: number, qos: number, payload: string, flags = 0, topic = "plant/a"): Buffer {
  const ids = qos === 0 ? [] : [uint16(id)];
  return mqttPacket(3, qos << 1 | flags, topic, ...ids, 0, Buffer.from(payload));
}

export function pingresp(): Buffer {
  return mqttPacket(13, 0);
}

export function pubrel(id: number): Buffer {
  return mqttPacket(6, 2, uint16(id));
}

/** A broker that does what a test says, for a client of filters with one level of options. */
export class FakeBroker implements AsyncDisposable {
  readonly clients: FakeClient[] = [];
  manners: Manners = {};
  private readonly sockets = new Set<Socket>();
  private joined = Promise.withResolvers<void>();

  private constructor(private readonly server: Server, readonly port: number) {
    server.on("connection", (socket) => {
      this.sockets.add(socket);
      this.clients.push(new FakeClient(socket, this.manners));
      this.joined.resolve();
      this.joined = Promise.withResolvers();
    });
  }

  static async start(manners: Manners = {}): Promise<FakeBroker> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const broker = new FakeBroker(server, (server.address() as { port: number }).port);
    broker.manners = manners;
    return broker;
  }

  /** The newest connection, once there are so many. */
  async client(count: number): Promise<FakeClient> {
    while (this.clients.length < count) await this.joined.promise;
    return this.clients[count - 1]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.server, "close");
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}
