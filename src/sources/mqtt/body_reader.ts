import { Buffer } from "node:buffer";
import { TRACEPARENT } from "../../platform/telemetry/traceparent.ts";
import { WireFault } from "./wire_fault.ts";

/** Bytes of a number in the properties of MQTT 5, by the identifier of the property. */
const NUMBERS: Readonly<Record<number, 1 | 2 | 4>> = {
  0x01: 1,
  0x02: 4,
  0x11: 4,
  0x13: 2,
  0x17: 1,
  0x18: 4,
  0x19: 1,
  0x21: 2,
  0x22: 2,
  0x23: 2,
  0x24: 1,
  0x25: 1,
  0x27: 4,
  0x28: 1,
  0x29: 1,
  0x2a: 1,
};
/** Properties that are texts or bytes. */
const TEXTS = new Set([0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1a, 0x1c, 0x1f]);
const SUBSCRIPTION_IDENTIFIER = 0x0b;
const USER_PROPERTY = 0x26;

/**
 * Properties of a packet, by their identifiers. Of those that may repeat, the trace and the subscriptions are
 * kept.
 */
export interface Properties {
  readonly numbers: ReadonlyMap<number, number>;
  readonly texts: ReadonlyMap<number, string>;
  /** The user property `traceparent`, unchecked; undefined: there is none. */
  readonly traceparent?: string | undefined;
  /** The identifiers of subscriptions; undefined: there are none. */
  readonly subscriptions?: readonly number[] | undefined;
}

export const NO_PROPERTIES: Properties = { numbers: new Map(), texts: new Map() };

/** Reads the body of a packet: what follows its remaining length. */
export class BodyReader {
  at = 0;

  constructor(readonly bytes: Buffer) {}

  get rest(): number {
    return this.bytes.length - this.at;
  }

  /** @throws {WireFault}, as all that follow. */
  uint8(): number {
    return this.bytes[this.take(1)]!;
  }

  uint16(): number {
    return this.bytes.readUInt16BE(this.take(2));
  }

  uint32(): number {
    return this.bytes.readUInt32BE(this.take(4));
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.uint8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new WireFault("sends a number that does not end");
  }

  /** UTF-8; what is not is replaced by U+FFFD. */
  text(): string {
    const length = this.uint16();
    const at = this.take(length);
    return this.bytes.toString("utf8", at, at + length);
  }

  properties(): Properties {
    const end = this.propertiesEnd();
    if (this.at === end) return NO_PROPERTIES;
    const numbers = new Map<number, number>();
    const texts = new Map<number, string>();
    let traceparent: string | undefined;
    let subscriptions: number[] | undefined;
    while (this.at < end) {
      const id = this.varint();
      const size = NUMBERS[id];
      if (size !== undefined) {
        if (numbers.has(id)) throw new WireFault(`sends the property ${id} twice`);
        numbers.set(id, size === 1 ? this.uint8() : size === 2 ? this.uint16() : this.uint32());
      } else if (TEXTS.has(id)) texts.set(id, this.text());
      else if (id === USER_PROPERTY) {
        const isTrace = this.textIs(TRACEPARENT);
        if (isTrace && traceparent === undefined) traceparent = this.text();
        else this.skipText();
      } else if (id === SUBSCRIPTION_IDENTIFIER) (subscriptions ??= []).push(this.varint());
      else throw new WireFault(`sends a property ${id}, which MQTT 5 does not have`);
    }
    if (this.at !== end) throw new WireFault("sends properties that are longer than it says");
    return { numbers, texts, traceparent, subscriptions };
  }

  private propertiesEnd(): number {
    const length = this.varint();
    if (length > this.rest) throw new WireFault("sends properties that are cut off");
    return this.at + length;
  }

  /** Whether the text that comes is this one, of ASCII. It is gone over. */
  private textIs(text: string): boolean {
    const length = this.uint16();
    const at = this.take(length);
    return length === text.length && this.bytes.toString("latin1", at, at + length) === text;
  }

  private skipText(): void {
    this.take(this.uint16());
  }

  private take(count: number): number {
    const { at } = this;
    if (count > this.rest) throw new WireFault("sends a packet that is shorter than its contents");
    this.at += count;
    return at;
  }
}
