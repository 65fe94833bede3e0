/** What a broker sends is cut into packets, whatever pieces it comes in, with little memory for long ones. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type Packet, PacketCutter } from "../../../src/sources/mqtt/packet_cutter.ts";
import { aPacket, versionName } from "../../../src/sources/mqtt/packet_types.ts";
import { WireFault } from "../../../src/sources/mqtt/wire_fault.ts";
import { lengthOf, mqttPacket } from "../../support/mqtt_packets.ts";

const [PUBLISH, SUBACK, PINGRESP] = [3, 9, 13] as const;
const KIB = 1024;
const WHOLE = 1216 * KIB;
const BEGINNING = 192 * KIB;
const OTHER = 256 * KIB;

function cut(bytes: Buffer, pieceSize: number): Packet[] {
  const packets: Packet[] = [];
  const cutter = new PacketCutter(({ body, ...rest }) => packets.push({ ...rest, body: Buffer.from(body) }));
  for (let at = 0; at < bytes.length; at += pieceSize) {
    cutter.take(Buffer.from(bytes.subarray(at, at + pieceSize)));
  }
  return packets;
}

function filled(length: number): Buffer {
  return Buffer.alloc(length, "abcdefghijk");
}

Deno.test("packets are the same however they are cut", () => {
  const sizes = [0, 1, 2, 126, 127, 128, 300];
  const all = Buffer.concat([
    ...sizes.map((size, i) => mqttPacket(PUBLISH, i, filled(size))),
    mqttPacket(PINGRESP, 0),
    mqttPacket(SUBACK, 15, filled(3)),
  ]);
  const expected = [
    ...sizes.map((size, i) => ({ type: PUBLISH, flags: i, body: filled(size), cutBytes: 0 })),
    { type: PINGRESP, flags: 0, body: Buffer.alloc(0), cutBytes: 0 },
    { type: SUBACK, flags: 15, body: filled(3), cutBytes: 0 },
  ];
  for (let pieceSize = 1; pieceSize < 140; pieceSize++) {
    assert.deepEqual(cut(all, pieceSize), expected, `pieces of ${pieceSize}`);
  }
  assert.deepEqual(cut(all, all.length), expected);
});

Deno.test("a packet is told of as soon as it is whole, and not before", () => {
  const packets: Packet[] = [];
  const cutter = new PacketCutter((packet) => packets.push(packet));
  for (
    const [piece, count] of [
      ["30", 0],
      ["", 0],
      ["02", 0],
      ["01", 0],
      ["02d0", 1],
      ["0090", 2],
      ["8200", 2],
      ["0102d000", 4],
    ] as const
  ) {
    cutter.take(Buffer.from(piece, "hex"));
    assert.equal(packets.length, count, piece);
  }
});

Deno.test("of a long PUBLISH a beginning is kept, and the packet behind it is found", () => {
  for (
    const [length, kept] of [[WHOLE, WHOLE], [WHOLE + 1, BEGINNING], [WHOLE + 5000, BEGINNING]] as const
  ) {
    const bytes = Buffer.concat([mqttPacket(PUBLISH, 2, filled(length)), mqttPacket(PINGRESP, 1)]);
    for (const pieceSize of [BEGINNING + 4, BEGINNING + 5, 65_537, bytes.length - 1, bytes.length]) {
      const [first, second, ...more] = cut(bytes, pieceSize);
      const about = `${length} in pieces of ${pieceSize}`;
      assert.deepEqual([first!.body.length, first!.cutBytes, first!.flags], [kept, length - kept, 2], about);
      assert.ok(first!.body.equals(filled(length).subarray(0, kept)), about);
      assert.deepEqual([second!.type, second!.flags, more.length], [PINGRESP, 1, 0], about);
    }
  }
});

Deno.test("another packet that is too long, and a length without an end, are refused", () => {
  for (const type of [PINGRESP, SUBACK]) {
    assert.equal(cut(mqttPacket(type, 0, filled(OTHER)), 1 << 20)[0]!.body.length, OTHER);
    const head = Buffer.concat([Buffer.of(type << 4), lengthOf(OTHER + 1)]);
    assert.throws(
      () => cut(head, 1),
      new WireFault(
        `announces a ${
          type === SUBACK ? "SUBACK" : "PINGRESP"
        } of 262145 bytes, where at most 262144 can be right`,
      ),
    );
  }
  // The greatest length that there is takes four bytes.
  assert.deepEqual(cut(Buffer.from("30ffffff7f", "hex"), 1), []);
  assert.throws(
    () => cut(Buffer.from("30ffffffff", "hex"), 1),
    new WireFault("sends a packet whose length does not end"),
  );
});

Deno.test("packets and versions have the names of the standards", () => {
  assert.deepEqual(Array.from({ length: 17 }, (_, type) => aPacket(type)), [
    "a packet of type 0",
    "a CONNECT",
    "a CONNACK",
    "a PUBLISH",
    "a PUBACK",
    "a PUBREC",
    "a PUBREL",
    "a PUBCOMP",
    "a SUBSCRIBE",
    "a SUBACK",
    "an UNSUBSCRIBE",
    "an UNSUBACK",
    "a PINGREQ",
    "a PINGRESP",
    "a DISCONNECT",
    "an AUTH",
    "a packet of type 16",
  ]);
  assert.deepEqual([versionName(4), versionName(5)], ["MQTT 3.1.1", "MQTT 5"]);
});
