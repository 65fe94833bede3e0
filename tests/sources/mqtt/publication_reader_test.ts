import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readRecords } from "../../../src/codec/bus_records.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { UpstreamTraces } from "../../../src/event/upstream_traces.ts";
import { PublicationReader } from "../../../src/sources/mqtt/publication_reader.ts";
import { lengthOf, mqttPacket, MqttPackets } from "../../support/mqtt_packets.ts";

const USER_PROPERTY = 0x26;
const TRACEPARENT = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;

function text(value: string): Buffer {
  return Buffer.concat([Buffer.of(value.length >> 8, value.length & 255), Buffer.from(value)]);
}

/** A PUBLISH of MQTT 5 as its reader sees it. */
function publicationOf(properties: readonly (readonly [name: string, value: string])[]) {
  const block = Buffer.concat(
    properties.flatMap(([name, value]) => [Buffer.of(USER_PROPERTY), text(name), text(value)]),
  );
  const [packet] = new MqttPackets().take(
    mqttPacket(3, 0, "plant/press", lengthOf(block.length), block, Buffer.from("{}")),
  );
  return new PublicationReader(5, 10).read({ ...packet!, cutBytes: 0 });
}

Deno.test("a message of MQTT 5 names its trace by a user property, the first of that name", () => {
  assert.equal(publicationOf([]).traceparent, undefined);
  assert.equal(publicationOf([["Traceparent", "x"], ["traceparents", "y"]]).traceparent, undefined);
  const publication = publicationOf([["other", "x"], ["traceparent", TRACEPARENT], ["traceparent", "z"]]);
  assert.equal(publication.traceparent, TRACEPARENT);
  assert.equal(publication.payload.toString(), "{}");
});

Deno.test("the traces of records are noted where somebody asks for them", () => {
  const bytes = new TextEncoder().encode('{"name":"a","value":1,"timestamp":1}');
  const record = { topic: "t", bytes, problem: undefined, arrivedMs: 0, busMs: undefined, key: undefined };
  const batch = new EventBatch();
  const records = [{ ...record, traceparent: TRACEPARENT }, record];
  readRecords(records, batch, undefined);
  assert.equal(batch.upstream, undefined);
  batch.upstream = new UpstreamTraces();
  readRecords(records, batch, undefined);
  assert.deepEqual([batch.count, batch.upstream.texts()], [2, [TRACEPARENT]]);
});
