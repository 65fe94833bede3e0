import type { Buffer } from "node:buffer";
import { type MqttPacket, readPublish } from "./mqtt_packets.ts";

const CONNECT = 1;
const PUBLISH = 3;
const PUBREC = 5;
const PUBREL = 6;
const PUBCOMP = 7;

/** How far the exchange of a message with QoS 2 has come, by what was on the wire. */
type Stage = "sent" | "received" | "released" | "completed";

interface Exchange {
  readonly message: string;
  readonly id: number;
  stage: Stage;
}

/** How often a broker has sent messages that are counted by the same key. */
export interface Sendings {
  /** Distinct messages. */
  messages: number;
  /** Sendings of messages that the broker had sent before. */
  repeats: number;
  /**
   * Sendings with QoS 2 that began another exchange for a message after its receiver had completed the one
   * before: by the protocol it is a new message, so it counts again.
   */
  again: number;
  /**
   * Those that began another exchange while the one before was not completed: whether it counts again hangs
   * on what the receiver had on disk when it died.
   */
  perhapsAgain: number;
}

/**
 * What a broker sends to one client, and what the client answers. No two messages have the same payload.
 *
 * With QoS 2 a message is sent in an exchange of four packets: PUBLISH, PUBREC, PUBREL, PUBCOMP. The broker
 * may send the first one again, with the same packet id and marked, until it has sent the third one.
 */
export class MqttExchanges {
  /** Messages that the broker has sent, repetitions included. */
  sent = 0;
  /** Connections that the client has begun. */
  connections = 0;
  /** Of MQTT, as the client speaks it. */
  private version: 4 | 5 = 5;
  private readonly sendings = new Map<string, Sendings>();
  /** The last exchange of each message, and of each packet id. */
  private readonly ofMessage = new Map<string, Exchange>();
  private readonly ofId = new Map<number, Exchange>();

  /** @param keyOf What a message is counted by. */
  constructor(private readonly keyOf: (payload: Buffer) => string) {}

  get byKey(): ReadonlyMap<string, Readonly<Sendings>> {
    return this.sendings;
  }

  /** Of all keys. */
  get total(): Readonly<Sendings> {
    const total: Sendings = { messages: 0, repeats: 0, again: 0, perhapsAgain: 0 };
    for (const sendings of this.sendings.values()) {
      for (const what of Object.keys(total) as (keyof Sendings)[]) total[what] += sendings[what];
    }
    return total;
  }

  fromBroker(packet: MqttPacket): void {
    if (packet.type === PUBLISH) this.publish(packet);
    else if (packet.type === PUBREL) this.move(packet, "received", "released");
  }

  fromClient(packet: MqttPacket): void {
    if (packet.type === CONNECT) {
      this.connections++;
      this.version = packet.body[6] === 4 ? 4 : 5;
    } else if (packet.type === PUBREC) this.move(packet, "sent", "received");
    else if (packet.type === PUBCOMP) this.move(packet, "released", "completed");
  }

  private move({ body }: MqttPacket, from: Stage, to: Stage): void {
    const exchange = this.ofId.get(body.readUInt16BE(0));
    if (exchange?.stage === from) exchange.stage = to;
  }

  private publish(packet: MqttPacket): void {
    const { id, isRepeated, payload, qos } = readPublish(packet, this.version);
    const key = this.keyOf(payload);
    const sendings = this.sendings.get(key) ?? { messages: 0, repeats: 0, again: 0, perhapsAgain: 0 };
    this.sendings.set(key, sendings);
    this.sent++;
    const message = payload.toString();
    const before = this.ofMessage.get(message);
    if (before === undefined) sendings.messages++;
    else sendings.repeats++;
    const isSameExchange = qos === 2 && isRepeated && before?.id === id &&
      (before.stage === "sent" || before.stage === "received") && this.ofId.get(id) === before;
    if (isSameExchange) return;
    if (before !== undefined && qos === 2) {
      sendings[before.stage === "completed" ? "again" : "perhapsAgain"]++;
    }
    const exchange: Exchange = { message, id, stage: "sent" };
    this.ofMessage.set(message, exchange);
    if (qos === 2) this.ofId.set(id, exchange);
  }
}
