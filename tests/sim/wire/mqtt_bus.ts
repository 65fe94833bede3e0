import { Buffer } from "node:buffer";
import type { Source } from "../../../src/contract/source.ts";
import type { MqttPacket } from "../../support/mqtt_packets.ts";
import { mqttPacket, MqttPackets, uint16 } from "../../support/mqtt_packets.ts";
import { createMqttSource } from "../../sources/mqtt/rig.ts";
import type { Guest } from "./link.ts";
import type { ServerEnd } from "./sim_network.ts";
import { type BusSurroundings, SIM_ADDRESS, type SourceParts, type WireBus } from "./wire_bus.ts";
import type { WireEvent } from "./wire_event.ts";
import type { WireRates } from "./wire_rates.ts";

const [CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP] = [1, 2, 3, 4, 5, 6, 7];
const [SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT] = [8, 9, 12, 13, 14];
const REPEATED = 8;

/** A message that was given a packet id. */
interface Delivery {
  readonly event: WireEvent;
  isSent: boolean;
  /** Whether the client has it, of QoS 2: only the release of its packet id is outstanding. */
  isReceived: boolean;
}

/** What a broker keeps of a client. */
interface Session {
  isSubscribed: boolean;
  /** Whether the client has it on disk: it has acknowledged a message. */
  isKnown: boolean;
  readonly inFlight: Map<number, Delivery>;
  readonly queue: WireEvent[];
}

/** A client that is connected. */
interface Client extends Guest {
  readonly end: ServerEnd;
  level: number;
  /** Whether the session ends with the connection. */
  isPassing: boolean;
}

/** A broker with one client, which sends again what was not acknowledged. */
export class MqttBus implements WireBus {
  readonly countsRepeats: boolean;
  isBegun = false;
  /** How often a session was lost that messages may have waited in. */
  private sessionsLost = 0;
  /**
   * Whether a session was lost whose client could not see that: it had died before it had the session on
   * disk, or before it had ended the empty one in its place.
   */
  private hasHiddenLoss = false;
  /** What is published once the client has subscribed for the first time. Undefined: it has. */
  private early: WireEvent[] | undefined = [];
  private session: Session | undefined;
  private client: Client | undefined;
  /** How many messages it sends before one is acknowledged. */
  private readonly inFlightMax: number;
  /** The newest version of MQTT that it has. */
  private readonly level: number;

  constructor(private readonly surroundings: BusSurroundings, private readonly qos: 1 | 2) {
    const { dice } = surroundings;
    this.countsRepeats = qos === 1;
    this.inFlightMax = dice.pick([2, 5, 20]);
    this.level = dice.pick([4, 5]);
  }

  publish(event: WireEvent): void {
    if (this.early !== undefined) this.early.push(event);
    else if (this.session?.isSubscribed) {
      this.session.queue.push(event);
      this.send();
    } else event.isGone = true;
  }

  welcome(end: ServerEnd): Guest {
    const packets = new MqttPackets();
    const client: Client = {
      end,
      level: 0,
      isPassing: false,
      take: (bytes) => {
        for (const packet of packets.take(bytes)) if (end.isOpen) this.take(client, packet);
      },
      left: () => this.left(client),
    };
    return client;
  }

  stir(rates: WireRates): boolean {
    const { dice, trace } = this.surroundings;
    // As old brokers do in the same connection. With QoS 1 such a broker may take the second acknowledgement
    // for that of the next message with the same packet id, which no client can prevent.
    if (dice.chance(rates.sentAgain) && this.client?.level === 4 && this.qos === 2) this.sendAgain();
    if (dice.chance(rates.historyLost)) {
      trace.note("broker", "forgets the session");
      this.forget();
      return true;
    }
    return dice.chance(rates.serverRestarts);
  }

  mayTell(lost: number, missing: readonly WireEvent[]): boolean {
    // A lost session counts as one lost event: nobody knows how many it had.
    return lost <= this.sessionsLost && (lost > 0 || missing.length === 0 || this.hasHiddenLoss);
  }

  isRead(): boolean {
    const { session } = this;
    return session?.isSubscribed === true && session.queue.length === 0 && session.inFlight.size === 0;
  }

  source({ clock, connect, endsWhenRead }: SourceParts): Source {
    const access = { ...SIM_ADDRESS, tls: undefined, connect };
    return createMqttSource(SIM_ADDRESS.port, "sim", { access, clock, endsWhenRead, qos: this.qos });
  }

  /** The session is gone, and what it had of messages. */
  private forget(): void {
    const { session } = this;
    if (session?.isSubscribed) {
      this.sessionsLost++;
      this.hasHiddenLoss ||= !session.isKnown;
    }
    for (const event of session?.queue ?? []) event.isGone = true;
    for (const { event } of session?.inFlight.values() ?? []) event.isGone = true;
    this.session = undefined;
    this.client = undefined;
  }

  private left(client: Client): void {
    if (this.client !== client) return;
    if (client.isPassing) this.forget();
    this.client = undefined;
  }

  private take(client: Client, packet: MqttPacket): void {
    const { body, type } = packet;
    if (type === CONNECT) return this.connect(client, body);
    if (type === DISCONNECT) {
      // A new time to keep the session, which is none.
      client.isPassing ||= body.length > 1;
      client.end.close();
      return this.left(client);
    }
    // A client that was thrown out.
    if (client !== this.client) return;
    const properties = client.level === 5 ? [0] : [];
    if (type === SUBSCRIBE) {
      client.end.send(mqttPacket(SUBACK, 0, body.subarray(0, 2), ...properties, this.qos));
      this.session!.isSubscribed = true;
      this.session!.queue.push(...this.early ?? []);
      this.early = undefined;
      this.send();
    } else if (type === PINGREQ) client.end.send(mqttPacket(PINGRESP, 0));
    else if (type !== PUBLISH) this.acknowledged(type, body.readUInt16BE(0));
  }

  private connect(client: Client, body: Buffer): void {
    const [level, flags] = [body[6]!, body[7]!];
    client.level = level;
    if (level > this.level) {
      client.end.send(mqttPacket(CONNACK, 0, 0, 1));
      return client.end.close();
    }
    if (this.client !== undefined) {
      const { client: other } = this;
      other.end.close();
      this.left(other);
    }
    const isClean = (flags & 2) !== 0;
    if (isClean) this.forget();
    const isPresent = this.session !== undefined;
    if (this.session?.isSubscribed === false) this.hasHiddenLoss = true;
    this.session ??= { isSubscribed: false, isKnown: false, inFlight: new Map(), queue: [] };
    this.client = client;
    client.isPassing = isClean;
    const properties = level === 5 ? [0] : [];
    client.end.send(mqttPacket(CONNACK, 0, isPresent ? 1 : 0, 0, ...properties));
    this.surroundings.trace.note("broker", `accepts a client, session ${isPresent ? "present" : "new"}`);
    this.sendAgain();
    this.send();
  }

  private acknowledged(type: number, id: number): void {
    const session = this.session!;
    const { inFlight } = session;
    session.isKnown = true;
    const delivery = inFlight.get(id);
    this.surroundings.trace.note("broker", `hears ${type} of ${id}`);
    if (type === PUBREC) {
      if (delivery !== undefined) delivery.isReceived = true;
      this.client!.end.send(mqttPacket(PUBREL, 2, uint16(id)));
    } else if (type === PUBACK || (type === PUBCOMP && delivery?.isReceived)) {
      inFlight.delete(id);
      this.send();
    }
  }

  /** Sends again all that was not acknowledged. */
  private sendAgain(): void {
    for (const [id, delivery] of this.session?.inFlight ?? []) {
      if (delivery.isReceived) this.client!.end.send(mqttPacket(PUBREL, 2, uint16(id)));
      else this.deliver(id, delivery);
    }
  }

  /** Sends what waits, as far as the client may have more. */
  private send(): void {
    const { client, session } = this;
    if (client === undefined || session === undefined) return;
    for (let id = 1; id <= this.inFlightMax && session.queue.length > 0; id++) {
      if (session.inFlight.has(id)) continue;
      const delivery = { event: session.queue.shift()!, isSent: false, isReceived: false };
      session.inFlight.set(id, delivery);
      this.deliver(id, delivery);
    }
  }

  private deliver(id: number, delivery: Delivery): void {
    const { end, level } = this.client!;
    const { event } = delivery;
    const flags = this.qos << 1 | (delivery.isSent ? REPEATED : 0);
    const properties = level === 5 ? [0] : [];
    this.surroundings.trace.note(
      "broker",
      `sends ${event.name} as ${id}${delivery.isSent ? ", again" : ""}`,
    );
    end.send(mqttPacket(PUBLISH, flags, "plant/a", uint16(id), ...properties, Buffer.from(event.text)));
    delivery.isSent = true;
    event.sentCount++;
  }
}
