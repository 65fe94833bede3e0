import { createHash } from "node:crypto";
import { join } from "node:path";
import { readerFor } from "../../codec/mapping/record_reader.ts";
import type { Changing, SourceSurroundings } from "../../contract/connector.ts";
import type { Source } from "../../contract/source.ts";
import { systemClock } from "../../platform/clock/clock.ts";
import type { MqttConfig } from "./connector.ts";
import { type MqttOptions, statusTopicOf } from "./mqtt_options.ts";
import { MqttSource } from "./mqtt_source.ts";
import { knownMqttUrl } from "./mqtt_url.ts";

export function create(config: MqttConfig, surroundings: SourceSurroundings): Changing<Source, MqttConfig> {
  const source = new MqttSource(optionsOf(config, surroundings));
  return { part: source, change: (next) => source.change(optionsOf(next, surroundings)) };
}

function optionsOf(
  { events, password, tls, url, username }: MqttConfig,
  { endsWhenRead, instance, name, stateDir }: SourceSurroundings,
): MqttOptions {
  const reader = readerFor(events);
  const { address, filters, host, port, qos, start, status } = knownMqttUrl(url);
  return {
    name: name ?? address,
    access: { host, port, tls },
    username,
    password,
    filters,
    qos,
    startsAtEnd: start === "newest",
    statusTopic: statusTopicOf(status, instance),
    instance,
    endsWhenRead,
    reader,
    sparkplug: reader?.mapping.format === "sparkplug"
      ? { mapping: reader.mapping, path: join(stateDir, birthsFileName(name ?? address)) }
      : undefined,
    clock: systemClock,
  };
}

/** Each source has a file of its own. */
function birthsFileName(name: string): string {
  return `births-${createHash("sha256").update(name).digest("hex").slice(0, 16)}.sqlite`;
}
