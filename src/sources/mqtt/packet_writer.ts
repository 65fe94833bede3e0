import { Buffer } from "node:buffer";
import {
  CONNECT,
  DISCONNECT,
  PINGREQ,
  type ProtocolLevel,
  PUBLISH,
  PUBREL,
  SUBSCRIBE,
} from "./packet_types.ts";

const SESSION_EXPIRY = 0x11;
const RECEIVE_MAXIMUM = 0x21;
const TOPIC_ALIAS_MAXIMUM = 0x22;
const SUBSCRIPTION_IDENTIFIER = 0x0b;

/** A message that is published under the name of this client: retained, and with QoS 1 where it is a will. */
export interface Announcement {
  readonly topic: string;
  readonly payload: string;
  readonly isRetained: boolean;
}

/** What a CONNECT says. */
export interface ConnectOptions {
  readonly level: ProtocolLevel;
  readonly clientId: string;
  /** Whether a session of that client is ended first. */
  readonly isClean: boolean;
  /** Seconds. MQTT 3.1.1 keeps what is not clean for ever. */
  readonly sessionExpiry: number;
  /** Messages with QoS 1 and 2 at most that the broker sends before one of them is acknowledged. */
  readonly receiveMaximum: number;
  readonly topicAliasMaximum: number;
  /** Seconds. */
  readonly keepAlive: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly will: Announcement | undefined;
}

export function connectPacket(options: ConnectOptions): Buffer {
  const { level, will, username, password } = options;
  const flags = (options.isClean ? 0x02 : 0) | (will === undefined ? 0 : 0x0c) |
    (will?.isRetained ? 0x20 : 0) | (password === undefined ? 0 : 0x40) | (username === undefined ? 0 : 0x80);
  const properties = level === 5
    ? withLength(Buffer.concat([
      Buffer.of(SESSION_EXPIRY),
      uint32(options.sessionExpiry),
      Buffer.of(RECEIVE_MAXIMUM),
      uint16(options.receiveMaximum),
      Buffer.of(TOPIC_ALIAS_MAXIMUM),
      uint16(options.topicAliasMaximum),
    ]))
    : NOTHING;
  const willParts = will === undefined
    ? []
    : [level === 5 ? Buffer.of(0) : NOTHING, text(will.topic), text(will.payload)];
  return packet(CONNECT << 4, [
    text("MQTT"),
    Buffer.of(level, flags),
    uint16(options.keepAlive),
    properties,
    text(options.clientId),
    ...willParts,
    ...(username === undefined ? [] : [text(username)]),
    ...(password === undefined ? [] : [text(password)]),
  ]);
}

/**
 * @param retainHandling Of MQTT 5: whether retained messages are sent: 0 = yes, 1 = only for a subscription
 * that is new, 2 = no.
 * @param subscription Of MQTT 5: what the broker names the subscription by, with each message; undefined: it
 * does not.
 */
export function subscribePacket(
  level: ProtocolLevel,
  id: number,
  filters: readonly string[],
  qos: number,
  retainHandling: 0 | 1 | 2,
  subscription?: number,
): Buffer {
  const options = level === 5 ? qos | retainHandling << 4 : qos;
  const properties = subscription === undefined
    ? NOTHING
    : Buffer.concat([Buffer.of(SUBSCRIPTION_IDENTIFIER), varint(subscription)]);
  return packet(SUBSCRIBE << 4 | 0x02, [
    uint16(id),
    level === 5 ? withLength(properties) : NOTHING,
    ...filters.flatMap((filter) => [text(filter), Buffer.of(options)]),
  ]);
}

/** A message to publish. */
export interface OwnMessage {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly isRetained: boolean;
}

/** @param id With it the message has QoS 1. Without it nobody acknowledges the message. */
export function publishPacket(
  level: ProtocolLevel,
  { topic, payload, isRetained }: OwnMessage,
  id?: number,
): Buffer {
  return packet(PUBLISH << 4 | (id === undefined ? 0 : 0x02) | (isRetained ? 0x01 : 0), [
    text(topic),
    id === undefined ? NOTHING : uint16(id),
    level === 5 ? Buffer.of(0) : NOTHING,
    typeof payload === "string" ? Buffer.from(payload) : payload,
  ]);
}

/** An acknowledgement: the type of its packet, and the packet id. */
export interface Acknowledgement {
  readonly type: number;
  readonly id: number;
}

export function acknowledgements(all: readonly Acknowledgement[]): Buffer {
  const bytes = Buffer.allocUnsafe(4 * all.length);
  for (const [i, { type, id }] of all.entries()) {
    bytes[4 * i] = type << 4 | (type === PUBREL ? 0x02 : 0);
    bytes[4 * i + 1] = 2;
    bytes.writeUInt16BE(id, 4 * i + 2);
  }
  return bytes;
}

export const PING = Buffer.of(PINGREQ << 4, 0);

/** @param endsSession Whether a session of MQTT 5 ends with the connection. */
export function disconnectPacket(level: ProtocolLevel, endsSession: boolean): Buffer {
  if (level === 4 || !endsSession) return Buffer.of(DISCONNECT << 4, 0);
  return packet(DISCONNECT << 4, [
    Buffer.of(0),
    withLength(Buffer.concat([Buffer.of(SESSION_EXPIRY), uint32(0)])),
  ]);
}

const NOTHING = Buffer.alloc(0);

function packet(firstByte: number, parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(firstByte), withLength(body)]);
}

function withLength(bytes: Buffer): Buffer {
  return Buffer.concat([varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push(rest % 128 | (rest > 127 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.from(bytes);
}

function uint16(value: number): Buffer {
  return Buffer.of(value >>> 8, value & 0xff);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint16(bytes.length), bytes]);
}
