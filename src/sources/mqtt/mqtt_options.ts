import { createHash } from "node:crypto";
import type { BusRecordReader } from "../../codec/bus_records.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { BrokerAccess } from "./mqtt_connection.ts";
import type { WantedQos } from "./mqtt_url.ts";
import type { SparkplugOptions } from "./sparkplug/sparkplug_partition.ts";

/** What an MQTT source is made of. */
export interface MqttOptions {
  /** The URL without credentials. */
  readonly name: string;
  readonly access: BrokerAccess;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly filters: readonly string[];
  readonly qos: WantedQos;
  /** Whether retained messages are left out. */
  readonly startsAtEnd: boolean;
  /** Where the handler says whether it is there; undefined: nowhere. */
  readonly statusTopic: string | undefined;
  /** `INSTANCE_ID` */
  readonly instance: string;
  /** Whether the handler reads what there is and ends. */
  readonly endsWhenRead: boolean;
  /** Undefined: records are events as they are. */
  readonly reader: BusRecordReader | undefined;
  /** Undefined: records are no Sparkplug messages. */
  readonly sparkplug: Pick<SparkplugOptions, "mapping" | "path"> | undefined;
  readonly clock: Clock;
}

/** The topics on which handlers say whether they are there. What comes on them is no event. */
export const STATUS_TOPICS = "vabus/status/";

/** @param wanted `none`, or a topic; undefined: the usual one. */
export function statusTopicOf(wanted: string | undefined, instance: string): string | undefined {
  if (wanted === "none") return undefined;
  return wanted ?? STATUS_TOPICS + encodeURIComponent(instance);
}

/**
 * The name of the session at the broker. It is another one for each broker and set of filters, so that one
 * handler may read several.
 */
export function clientIdOf({ instance, name }: Pick<MqttOptions, "instance" | "name">): string {
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 8);
  return `vabus-${encodeURIComponent(instance)}-${hash}`;
}
