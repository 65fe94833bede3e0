import type { WantedQos } from "./mqtt_url.ts";
import { PacketIds } from "./packet_ids.ts";

/**
 * How far a session was read. MQTT has no offsets. So the steps of the session are numbered as they come: a
 * message is one, and the release of a packet id of QoS 2 is one.
 *
 * As text: `q2 1234 17-20,25`, the quality of service of the subscriptions, the number of the next step, and
 * the packet ids. Instead of ids, `new` says that the session is not made yet. Behind them, `connecting` is
 * written before the handler connects. What Sparkplug adds behind a semicolon is passed over: the format of
 * the records may have been another one.
 */
export interface MqttPosition {
  readonly qos: WantedQos;
  /** Number of the next step. It goes on over sessions. */
  readonly step: number;
  /**
   * Packet ids of messages of QoS 2 that were taken in and not yet released by the broker. Undefined: the
   * session is not made yet, and its subscriptions neither.
   */
  readonly ids: PacketIds | undefined;
  /**
   * Whether a connection may have been begun since, that came to nothing. Where the broker had lost the
   * session, it may have made an empty one then.
   */
  readonly isConnecting: boolean;
}

const FORM = /^q([12]) (\d{1,15})(?: (new|[\d,-]+))?( connecting)?(?:; .*)?$/;

export function positionText({ qos, step, ids, isConnecting }: MqttPosition): string {
  const text = `q${qos} ${step} ${ids === undefined ? "new" : ids}`.trimEnd();
  return isConnecting ? `${text} connecting` : text;
}

/** Undefined: it is no position of an MQTT session. */
export function readPosition(text: string): MqttPosition | undefined {
  const [, qos, step, idsText = "", connecting] = FORM.exec(text) ?? [];
  if (step === undefined) return undefined;
  const ids = idsText === "new" ? undefined : PacketIds.parse(idsText);
  if (ids === undefined && idsText !== "new") return undefined;
  return { qos: qos === "1" ? 1 : 2, step: Number(step), ids, isConnecting: connecting !== undefined };
}
