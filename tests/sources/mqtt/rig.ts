import { systemClock } from "../../../src/platform/clock/clock.ts";
import { type MqttOptions, statusTopicOf } from "../../../src/sources/mqtt/mqtt_options.ts";
import { MqttSource } from "../../../src/sources/mqtt/mqtt_source.ts";

/** A source of the broker on that port. Its session is its own, by the name of the instance. */
export function createMqttSource(
  port: number,
  instance: string,
  options: Partial<MqttOptions> = {},
): MqttSource {
  return new MqttSource(mqttOptions(port, instance, options));
}

export function mqttOptions(
  port: number,
  instance: string,
  options: Partial<MqttOptions> = {},
): MqttOptions {
  const filters = options.filters ?? ["plant/#"];
  return {
    name: `mqtt://127.0.0.1:${port}/${filters.join(";")}`,
    access: { host: "127.0.0.1", port, tls: undefined },
    username: undefined,
    password: undefined,
    filters,
    qos: 1,
    startsAtEnd: false,
    statusTopic: statusTopicOf(undefined, instance),
    instance,
    endsWhenRead: false,
    reader: undefined,
    sparkplug: undefined,
    clock: systemClock,
    ...options,
  };
}

/** The payload of an event named e`number`. */
export function eventText(number: number): string {
  return JSON.stringify({ name: `e${number}`, value: number, timestamp: 1000 });
}
