import { Buffer } from "node:buffer";

/** A packet of MQTT as it is on the wire. Shares no code with the product. */
export interface MqttPacket {
  /** CONNECT = 1, CONNACK = 2, PUBLISH = 3 and so on. */
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
}

/** Cuts a stream into packets. */
export class MqttPackets {
  private rest = Buffer.alloc(0);

  /** The packets that are complete now. */
  take(piece: Uint8Array): MqttPacket[] {
    this.rest = Buffer.concat([this.rest, piece]);
    const packets: MqttPacket[] = [];
    let at = 0;
    for (;;) {
      let [length, size, bytes] = [0, 1, 0];
      do {
        bytes = this.rest[at + size] ?? -1;
        length += (bytes & 0x7f) * 128 ** (size++ - 1);
      } while (bytes >= 0x80);
      if (bytes < 0 || at + size + length > this.rest.length) break;
      const body = this.rest.subarray(at + size, at + size + length);
      packets.push({ type: this.rest[at]! >> 4, flags: this.rest[at]! & 15, body });
      at += size + length;
    }
    this.rest = this.rest.subarray(at);
    return packets;
  }
}

/** A packet with a body of these parts. A text has its length before it. */
export function mqttPacket(
  type: number,
  flags: number,
  ...parts: readonly (string | number | Uint8Array)[]
): Buffer {
  const body = Buffer.concat(parts.map((part) => {
    if (typeof part === "number") return Buffer.of(part);
    if (typeof part !== "string") return part;
    const text = Buffer.from(part);
    return Buffer.concat([uint16(text.length), text]);
  }));
  return Buffer.concat([Buffer.of(type << 4 | flags), lengthOf(body.length), body]);
}

/** A remaining length, whatever follows. */
export function lengthOf(length: number): Buffer {
  const bytes: number[] = [];
  for (let rest = length;; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.of(...bytes, rest);
    bytes.push(rest % 128 + 128);
  }
}

export function uint16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 255);
}

/** The parts of a PUBLISH of MQTT 3.1.1, or of MQTT 5 with less than 128 bytes of properties. */
export function readPublish({ body, flags }: MqttPacket, version: 4 | 5) {
  const qos = flags >> 1 & 3;
  const topicEnd = 2 + body.readUInt16BE(0);
  const idEnd = qos === 0 ? topicEnd : topicEnd + 2;
  return {
    topic: body.toString("utf8", 2, topicEnd),
    qos,
    id: qos === 0 ? 0 : body.readUInt16BE(topicEnd),
    isRepeated: (flags & 8) !== 0,
    payload: body.subarray(version === 5 ? idEnd + 1 + body[idEnd]! : idEnd),
  };
}
