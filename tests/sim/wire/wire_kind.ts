import { MqttBus } from "./mqtt_bus.ts";
import { NatsBus } from "./nats_bus.ts";
import { RedisBus } from "./redis_bus.ts";
import type { BusSurroundings, WireBus } from "./wire_bus.ts";

/**
 * The ways in which events come again after a crash, each on the buses that have it (`Partition.replay`):
 * `from-position` by the ids of entries or the sequence of a stream, where gaps and a stream made anew must
 * be seen; `redelivers-unacknowledged`, counted as often as the broker repeats, or by packet ids once. What a
 * log of a VaBus does is simulated by `../sim_bus.ts`.
 */
export const WIRE_KINDS = ["mqtt-qos1", "mqtt-qos2", "nats", "redis"] as const;

export type WireKind = (typeof WIRE_KINDS)[number];

export function createWireBus(kind: WireKind, surroundings: BusSurroundings): WireBus {
  switch (kind) {
    case "mqtt-qos1":
      return new MqttBus(surroundings, 1);
    case "mqtt-qos2":
      return new MqttBus(surroundings, 2);
    case "nats":
      return new NatsBus(surroundings);
    case "redis":
      return new RedisBus(surroundings);
  }
}

/** The one command that plays a seed again and tells all that happens in it. */
export function wireReplayCommand(kind: WireKind, seed: number): string {
  return `make sim ARGS="--bus ${kind} --seed ${seed} --verbose"`;
}
