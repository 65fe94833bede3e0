/** Types of packets: the upper four bits of their first byte. */
export const CONNECT = 1;
export const CONNACK = 2;
export const PUBLISH = 3;
export const PUBACK = 4;
export const PUBREC = 5;
export const PUBREL = 6;
export const PUBCOMP = 7;
export const SUBSCRIBE = 8;
export const SUBACK = 9;
export const PINGREQ = 12;
export const PINGRESP = 13;
export const DISCONNECT = 14;

const NAMES: Readonly<Record<number, string>> = {
  1: "CONNECT",
  2: "CONNACK",
  3: "PUBLISH",
  4: "PUBACK",
  5: "PUBREC",
  6: "PUBREL",
  7: "PUBCOMP",
  8: "SUBSCRIBE",
  9: "SUBACK",
  10: "UNSUBSCRIBE",
  11: "UNSUBACK",
  12: "PINGREQ",
  13: "PINGRESP",
  14: "DISCONNECT",
  15: "AUTH",
};

/** Protocol levels: 5 is MQTT 5, and 4 is MQTT 3.1.1. */
export type ProtocolLevel = 4 | 5;

/** Such as "a PUBLISH", or "an AUTH". */
export function aPacket(type: number): string {
  const name = NAMES[type] ?? `packet of type ${type}`;
  return `${/^[AU]/.test(name) ? "an" : "a"} ${name}`;
}

export function versionName(level: ProtocolLevel): string {
  return level === 5 ? "MQTT 5" : "MQTT 3.1.1";
}
