import { BodyReader } from "../../../src/sources/mqtt/body_reader.ts";
import { MqttPartition } from "../../../src/sources/mqtt/mqtt_partition.ts";
import { readPosition } from "../../../src/sources/mqtt/mqtt_position.ts";
import { MqttSession } from "../../../src/sources/mqtt/mqtt_session.ts";
import { PacketIds } from "../../../src/sources/mqtt/packet_ids.ts";
import { PUBCOMP, PUBREL } from "../../../src/sources/mqtt/packet_types.ts";
import { acknowledgements } from "../../../src/sources/mqtt/packet_writer.ts";
import { JetStream } from "../../../src/sources/nats/jetstream.ts";
import { NatsPartition } from "../../../src/sources/nats/nats_partition.ts";
import { StreamSession } from "../../../src/sources/nats/stream_session.ts";
import { RedisPartition } from "../../../src/sources/redis/redis_partition.ts";
import { positionIn } from "../../../src/sources/redis/stream_position.ts";
import { replace } from "../broken/replace.ts";
import type { WireKind } from "./wire_kind.ts";

/** A mistake that a programmer could make, injected from outside of the product. */
export interface BrokenWire {
  readonly name: string;
  readonly kind: WireKind;
  /** A seed that finds the mistake, tried first. If it no longer does, the test says which seed does. */
  readonly foundBy: number;
  /** Changes the product's own parts; returns what undoes it. */
  readonly parts: () => () => void;
}

/** Messages are acknowledged as soon as they are read. */
function acknowledgeAtOnce(): () => void {
  return replace(MqttPartition, "take", (take) =>
    function (...values) {
      const outcome = take.apply(this, values);
      void this.session.committed(readPosition(outcome.next)!.step);
      return outcome;
    });
}

/** What the simulation must find out, for each way in which events come again. */
export const BROKEN_WIRES: readonly BrokenWire[] = [
  {
    name: "a message of QoS 1 is acknowledged before the checkpoint",
    kind: "mqtt-qos1",
    foundBy: 2,
    parts: acknowledgeAtOnce,
  },
  {
    name: "a message of QoS 2 is acknowledged before the checkpoint",
    kind: "mqtt-qos2",
    foundBy: 2,
    parts: acknowledgeAtOnce,
  },
  {
    name: "the packet ids are forgotten at a restart",
    kind: "mqtt-qos2",
    foundBy: 3,
    parts: () =>
      replace(MqttSession, "connect", (connect) =>
        function (from, signal) {
          return connect.call(this, from?.ids && { ...from, ids: new PacketIds() }, signal);
        }),
  },
  {
    name: "the release of a packet id is acknowledged before the checkpoint",
    kind: "mqtt-qos2",
    foundBy: 2,
    parts: () =>
      replace(MqttSession, "take", (take) =>
        function (packet, publications) {
          take.call(this, packet, publications);
          if (packet.type !== PUBREL) return;
          const id = new BodyReader(packet.body).uint16();
          this.connection?.send(acknowledgements([{ type: PUBCOMP, id }]));
        }),
  },
  {
    name: "an empty session is taken for the one before",
    kind: "mqtt-qos1",
    foundBy: 70_002,
    parts: () => replace(MqttSession, "isQuiet", () => () => Promise.resolve(false)),
  },
  {
    name: "a lost session is not told",
    kind: "mqtt-qos1",
    foundBy: 13,
    parts: () =>
      replace(MqttPartition, "lost", (lost) =>
        function (step) {
          return { ...lost.call(this, step), lost: 0 };
        }),
  },
  {
    name: "messages that limits have removed from a stream are not counted",
    kind: "nats",
    foundBy: 24,
    parts: () => replace(StreamSession, "missingBetween", () => () => 0),
  },
  {
    name: "a consumer begins one message too late",
    kind: "nats",
    foundBy: 1,
    parts: () =>
      replace(JetStream, "createConsumer", (create) =>
        function (start) {
          return create.call(this, "sequence" in start ? { sequence: start.sequence + 1 } : start);
        }),
  },
  {
    name: "a stream that was made anew is taken for the one before",
    kind: "nats",
    foundBy: 1,
    parts: () => {
      const undo = [
        replace(NatsPartition, "enter", () => () => Promise.resolve(undefined)),
        replace(NatsPartition, "tellLost", () => () => {}),
        replace(StreamSession, "endOfKnown", () => (position) => Promise.resolve(position)),
      ];
      return () => undo.forEach((one) => one());
    },
  },
  {
    name: "entries that were trimmed from a stream are not counted",
    kind: "redis",
    foundBy: 15,
    parts: () =>
      replace(RedisPartition, "advance", (advance) =>
        function (...values) {
          return { ...advance.apply(this, values), lost: 0 };
        }),
  },
  {
    name: "entries are trimmed by the handler before the checkpoint",
    kind: "redis",
    foundBy: 40,
    parts: () =>
      replace(RedisPartition, "readOn", (readOn) =>
        async function (...values) {
          const outcome = await readOn.apply(this, values);
          if (outcome.kind === "events") {
            this.surroundings.trimmer?.trim(this.key, positionIn(outcome.next)!.id);
          }
          return outcome;
        }),
  },
];
