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

Deno.test("iterations of a login are bounded, and what only looks like them behind the login is not", () => {
  const challenge = (iterations: string) => {
    const text = Buffer.from(`\0\0\0\0r=x,s=y,i=${iterations}`);
    return Buffer.concat([head(text.length), text]);
  };
  const login = 36;
  for (const iterations of ["4096", "1000000", "+1000000"]) {
    assert.equal(verdict([API_VERSIONS, login], challenge(iterations)), "passes", iterations);
  }
  for (const iterations of ["1000001", " +1000001", "4096,i=9999999"]) {
    assert.match(
      verdict([login], challenge(iterations)),
      /broker:9092 asks for \d+ iterations of SCRAM, and at/,
    );
  }
  assert.equal(verdict([METADATA], challenge("1000001")), "passes");
});

Deno.test("an answer may be as long as its bound, not longer; a token asks for no more than a login does", () => {
  assert.equal(verdict([API_VERSIONS], head(64 * 1024)), "passes");
  assert.match(verdict([API_VERSIONS], head(64 * 1024 + 1)), /announces/);
  const LAST_OF_THE_LIBRARY = 47;
  assert.equal(verdict([LAST_OF_THE_LIBRARY], head(MIB)), "passes");
  assert.match(verdict([LAST_OF_THE_LIBRARY + 1], head(MIB)), /announces/);
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
