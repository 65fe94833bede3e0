import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import Decoder from "kafkajs/src/protocol/decoder.js";
import { gate } from "../../../src/platform/net/frame_gate.ts";
import "../../../src/sinks/kafka/kafka_decoder.ts";
import { KafkaFrames } from "../../../src/sinks/kafka/kafka_frames.ts";
import type { SinkError } from "../../../src/contract/sink.ts";
import { FakeSocket } from "../fake_socket.ts";

const API_VERSIONS = 18;
const METADATA = 3;
const FETCH = 1;
const MIB = 1024 * 1024;

function request(api: number): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.writeInt32BE(16);
  bytes.writeInt16BE(api, 4);
  return bytes;
}

function head(size: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(size);
  return bytes;
}

/** What the gate says to an answer that begins so, after these requests. */
function verdict(requests: readonly number[], answer: Buffer): string {
  const socket = new FakeSocket();
  gate(socket.asSocket, new KafkaFrames("broker:9092"));
  for (const api of requests) socket.asSocket.write(request(api));
  socket.asSocket.emit("data", answer);
  return socket.destroyedBy === undefined ? "passes" : (socket.destroyedBy as SinkError).message;
}

Deno.test("a broker may answer as much as was asked for, and no more", () => {
  assert.match(verdict([], head(10)), /broker:9092 sends an answer to no request/);
  assert.match(verdict([API_VERSIONS], head(2 ** 31 - 1)), /announces an answer of 2147483647 bytes/);
  assert.match(verdict([API_VERSIONS], head(MIB)), /announces/);
  assert.equal(verdict([API_VERSIONS], head(10_000)), "passes");
  assert.equal(verdict([API_VERSIONS, METADATA], head(MIB)), "passes");
  assert.match(verdict([API_VERSIONS, METADATA], head(100 * MIB)), /announces/);
  assert.equal(verdict([API_VERSIONS, FETCH], head(100 * MIB)), "passes");
  for (const size of [-1, -(2 ** 31), 0, 3]) {
    assert.match(verdict([FETCH], head(size)), /does not speak Kafka/);
  }
  const answer = Buffer.concat([head(4), Buffer.alloc(4)]);
  assert.equal(verdict([METADATA, METADATA], Buffer.concat([answer, answer])), "passes");
  assert.match(verdict([METADATA], Buffer.concat([answer, answer])), /sends an answer to no request/);
  // Of another protocol: `HTTP`, and TLS's alert.
  assert.match(
    verdict([API_VERSIONS], Buffer.from("HTTP/1.1 400 Bad Request\r\n")),
    /Is this a Kafka broker/,
  );
  assert.match(verdict([API_VERSIONS], Buffer.from([0x15, 3, 3, 0, 2, 2, 10])), /Is this a Kafka broker/);
});

Deno.test("an array has no more elements than its answer has bytes", () => {
  for (const read of ["readArray", "readArrayAsync"]) {
    const decoder = new Decoder(Buffer.concat([head(2 ** 31 - 1), Buffer.alloc(100)]));
    assert.throws(() => decoder[read](() => 0), /more elements than it has bytes/);
  }
  // 2^28 as a zigzag varint, and as an unsigned one.
  const many = Buffer.from([0x80, 0x80, 0x80, 0x80, 0x02, 0, 0]);
  assert.throws(() => new Decoder(many).readVarIntArray(() => 0), /more elements/);
  assert.throws(() => new Decoder(many).readUVarIntArray(() => 0), /more elements/);
  const right = new Decoder(Buffer.concat([head(3), Buffer.from([7, 8, 9])]));
  assert.deepEqual(right.readArray((decoder: { readInt8(): number }) => decoder.readInt8()), [7, 8, 9]);
});
