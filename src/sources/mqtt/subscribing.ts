import type { Buffer } from "node:buffer";
import { SourceError } from "../../contract/source.ts";
import { BodyReader } from "./body_reader.ts";
import type { MqttConnection } from "./mqtt_connection.ts";
import { sourceErrorOf } from "./mqtt_errors.ts";
import type { WantedQos } from "./mqtt_url.ts";
import { SUBACK } from "./packet_types.ts";
import { subscribePacket } from "./packet_writer.ts";
import { reasonText } from "./reason_codes.ts";
import type { Subscriptions } from "./subscriptions.ts";
import { WireFault } from "./wire_fault.ts";

const PACKET_ID = 1;
const UNSPECIFIED_ERROR = 0x80;

/**
 * Subscribes to all filters, and checks what the broker grants.
 *
 * @param retainHandling See {@link subscribePacket}.
 *
 * @throws {SourceError}
 */
export async function subscribe(
  connection: MqttConnection,
  subscriptions: Subscriptions,
  qos: WantedQos,
  retainHandling: 0 | 1 | 2,
  signal: AbortSignal,
): Promise<void> {
  const { filters, overlap } = subscriptions;
  assertTold(connection, subscriptions);
  // The filters of one packet have one identifier.
  const packets = overlap === undefined ? [filters] : filters.map((filter) => [filter]);
  for (const together of packets) {
    const id = subscriptions.idOf(together[0]!);
    const bytes = subscribePacket(connection.level, PACKET_ID, together, qos, retainHandling, id);
    const { body } = await connection.request(bytes, SUBACK, signal);
    assertGranted(connection, together, grantedBy(connection, body, together.length), qos);
  }
}

/** Checks that copies of a message can be told apart, where there may be some. @throws {SourceError} */
export function assertTold(connection: MqttConnection, { overlap }: Subscriptions): void {
  if (overlap === undefined || connection.tellsSubscriptions) return;
  throw new SourceError(
    "refused",
    `${connection.name} may send a message that both ${overlap[0]} and ${overlap[1]} match twice, and does ` +
      "not tell for which of them (subscription identifiers, of MQTT 5): it would count twice; name " +
      "filters that match no topic together",
  );
}

/** @throws {SourceError} */
function assertGranted(
  { level, name }: MqttConnection,
  filters: readonly string[],
  granted: readonly number[],
  qos: WantedQos,
): void {
  for (const [i, code] of granted.entries()) {
    const filter = filters[i]!;
    if (code >= UNSPECIFIED_ERROR) {
      // MQTT 3.1.1 has one code for all reasons, which is most often a missing right.
      const reason = level === 4 ? "check the filter and the rights of the user" : reasonText(code);
      throw new SourceError("refused", `${name} refuses the subscription to ${filter}: ${reason}`);
    }
    if (code < qos) {
      throw new SourceError(
        "refused",
        `${name} grants ${filter} with QoS ${code} only, where qos=${qos} is wanted: ` +
          (code === 1 ? "set qos=1 in the URL" : "messages would be lost; allow the user QoS 1"),
      );
    }
  }
}

/** @throws {SourceError} */
function grantedBy(connection: MqttConnection, body: Buffer, count: number): number[] {
  try {
    const reader = new BodyReader(body);
    if (reader.uint16() !== PACKET_ID) throw new WireFault("answers a SUBSCRIBE that was not sent");
    if (connection.level === 5) reader.properties();
    const codes = Array.from({ length: reader.rest }, () => reader.uint8());
    if (codes.length !== count) throw new WireFault("answers a SUBSCRIBE with another number of filters");
    return codes;
  } catch (error) {
    const failure = sourceErrorOf(connection.name, error);
    connection.fail(failure);
    throw failure;
  }
}
