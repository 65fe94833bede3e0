import { BodyReader, NO_PROPERTIES } from "./body_reader.ts";
import type { Publication } from "./publication.ts";
import type { Packet } from "./packet_cutter.ts";
import type { ProtocolLevel } from "./packet_types.ts";
import { WireFault } from "./wire_fault.ts";

const TOPIC_ALIAS = 0x23;
const REPLACED = "\ufffd";
const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads the PUBLISH packets of one connection, whose topics the broker may replace by numbers. */
export class PublicationReader {
  private readonly aliases = new Map<number, { readonly topic: string; readonly isUtf8: boolean }>();

  /** @param aliasMaximum The greatest number that the broker may use for a topic. */
  constructor(private readonly level: ProtocolLevel, private readonly aliasMaximum: number) {}

  /** @throws {WireFault} */
  read({ body, cutBytes, flags }: Packet): Publication {
    const qos = flags >>> 1 & 3;
    if (qos === 3) throw new WireFault("sends a PUBLISH with QoS 3");
    const reader = new BodyReader(body);
    const written = reader.text();
    const isUtf8 = !written.includes(REPLACED) || isStrict(body.subarray(2, reader.at));
    const id = qos === 0 ? 0 : reader.uint16();
    if (qos > 0 && id === 0) throw new WireFault("sends a PUBLISH with the packet id 0");
    const properties = this.level === 5 ? reader.properties() : NO_PROPERTIES;
    const alias = properties.numbers.get(TOPIC_ALIAS);
    const topic = alias === undefined ? { topic: written, isUtf8 } : this.aliased(alias, written, isUtf8);
    if (topic.topic === "") throw new WireFault("sends a PUBLISH without a topic");
    return {
      ...topic,
      payload: body.subarray(reader.at),
      length: reader.rest + cutBytes,
      qos: qos as 0 | 1 | 2,
      id,
      isRepeated: (flags & 0x08) !== 0,
      isRetained: (flags & 0x01) !== 0,
      traceparent: properties.traceparent,
      subscriptions: properties.subscriptions,
    };
  }

  /** @throws {WireFault} */
  private aliased(alias: number, topic: string, isUtf8: boolean) {
    if (alias === 0 || alias > this.aliasMaximum) {
      throw new WireFault(`uses the topic alias ${alias}, where 1 to ${this.aliasMaximum} are allowed`);
    }
    if (topic !== "") {
      const named = { topic, isUtf8 };
      this.aliases.set(alias, named);
      return named;
    }
    const known = this.aliases.get(alias);
    if (known === undefined) throw new WireFault(`uses the topic alias ${alias}, which it has not explained`);
    return known;
  }
}

function isStrict(bytes: Uint8Array): boolean {
  try {
    STRICT.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
