import type { Buffer } from "node:buffer";
import { commandTopic } from "../../../codec/sparkplug/rebirth_command.ts";
import { SourceError } from "../../../contract/source.ts";
import { BodyReader } from "../body_reader.ts";
import type { MqttConnection } from "../mqtt_connection.ts";
import { sourceErrorOf } from "../mqtt_errors.ts";
import { publishPacket } from "../packet_writer.ts";
import { PUBACK } from "../packet_types.ts";
import { reasonText } from "../reason_codes.ts";

const PACKET_ID = 2;
const REFUSED_FROM = 0x80;
const NOT_AUTHORIZED = 0x87;
/** A node that there is not. */
const NOBODY = "vabus-check";

/**
 * Tries whether nodes may be asked for their births: publishes a command to a node that there is not. Its
 * payload is empty, which is a Sparkplug payload without metrics, so that whoever reads it has nothing to do.
 * Nothing of it stays at the broker.
 *
 * @param filters Those of the subscriptions, without groups of shared ones.
 * @returns What is known then, in a few words.
 * @throws {SourceError} where it is refused
 */
export async function tryCommandRight(
  connection: MqttConnection,
  filters: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const { level, name } = connection;
  if (level === 4) {
    return "MQTT 3.1.1 does not tell whether nodes may be asked for their births: that needs the right to " +
      "publish on spBv1.0/+/NCMD/+";
  }
  const topics = [...new Set(filters.map(groupOf))].map((group) => commandTopic(group, NOBODY));
  for (const topic of topics) {
    const message = { topic, payload: "", isRetained: false };
    const { body } = await connection.request(publishPacket(level, message, PACKET_ID), PUBACK, signal);
    const code = reasonOf(connection, body);
    if (code < REFUSED_FROM) continue;
    throw new SourceError(
      "refused",
      `${name} refuses a message on ${topic}, so nodes cannot be asked for their births, and data whose ` +
        "births were missed would stay dead letters: " + (code === NOT_AUTHORIZED
          ? "not authorized; grant the user the right to publish on spBv1.0/+/NCMD/+"
          : reasonText(code)),
    );
  }
  return "nodes may be asked for their births";
}

/** The group that a filter names, else one that there is not. */
function groupOf(filter: string): string {
  const group = filter.split("/")[1];
  return group === undefined || group === "+" || group === "#" ? NOBODY : group;
}

/** 0 where all is well: the packet then ends behind its id. @throws {SourceError} */
function reasonOf(connection: MqttConnection, body: Buffer): number {
  try {
    const reader = new BodyReader(body);
    reader.uint16();
    return reader.rest > 0 ? reader.uint8() : 0;
  } catch (error) {
    const failure = sourceErrorOf(connection.name, error);
    connection.fail(failure);
    throw failure;
  }
}
