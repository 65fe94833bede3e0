/** The packets that are sent, byte by byte as the standards of MQTT 3.1.1 and 5 have them. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  acknowledgements,
  connectPacket,
  disconnectPacket,
  PING,
  publishPacket,
  subscribePacket,
} from "../../../src/sources/mqtt/packet_writer.ts";

/** Bytes as hexadecimal digits, with texts in quotes: `00 04 "MQTT"`. */
function bytesOf(text: string): string {
  return text.replaceAll(/"([^"]*)"/g, (_, quoted) => Buffer.from(quoted).toString("hex")).replaceAll(
    " ",
    "",
  );
}

const WHO = {
  clientId: "me",
  isClean: false,
  sessionExpiry: 0x01020304,
  receiveMaximum: 0x0506,
  topicAliasMaximum: 0x0708,
  keepAlive: 0x090a,
  username: undefined,
  password: undefined,
  will: undefined,
};
const WILL = { topic: "w", payload: "off", isRetained: false };

Deno.test("a CONNECT: flags, session, will, login, in both versions", () => {
  for (
    const [level, options, flags, expected] of [
      [4, {}, "00", '00 02 "me"'],
      [4, { isClean: true }, "02", '00 02 "me"'],
      [4, { will: WILL }, "0c", '00 02 "me" 00 01 "w" 00 03 "off"'],
      [4, { will: { ...WILL, isRetained: true } }, "2c", '00 02 "me" 00 01 "w" 00 03 "off"'],
      [4, { username: "u" }, "80", '00 02 "me" 00 01 "u"'],
      [4, { password: "p" }, "40", '00 02 "me" 00 01 "p"'],
      [
        4,
        { username: "u", password: "p", will: WILL, isClean: true },
        "ce",
        '00 02 "me" 00 01 "w" 00 03 "off" 00 01 "u" 00 01 "p"',
      ],
      [5, {}, "00", '00 02 "me"'],
      [
        5,
        { will: { ...WILL, isRetained: true }, username: "ü" },
        "ac",
        '00 02 "me" 00 00 01 "w" 00 03 "off" 00 02 "ü"',
      ],
    ] as const
  ) {
    const properties = level === 5 ? "0b 11 01020304 21 0506 22 0708" : "";
    const body = bytesOf(`00 04 "MQTT" 0${level} ${flags} 090a ${properties} ${expected}`);
    assert.equal(
      connectPacket({ ...WHO, ...options, level }).toString("hex"),
      `10${(body.length / 2).toString(16).padStart(2, "0")}${body}`,
      JSON.stringify({ level, ...options }),
    );
  }
});

Deno.test("a SUBSCRIBE: each filter with its options, which MQTT 3.1.1 has fewer of", () => {
  for (
    const [level, qos, retainHandling, expected] of [
      [4, 1, 2, '82 0b 0102 00 03 "a/#" 01 00 00 01'],
      [4, 2, 0, '82 0b 0102 00 03 "a/#" 02 00 00 02'],
      [5, 1, 0, '82 0c 0102 00 00 03 "a/#" 01 00 00 01'],
      [5, 2, 1, '82 0c 0102 00 00 03 "a/#" 12 00 00 12'],
      [5, 1, 2, '82 0c 0102 00 00 03 "a/#" 21 00 00 21'],
    ] as const
  ) {
    const packet = subscribePacket(level, 0x0102, ["a/#", ""], qos, retainHandling);
    assert.equal(packet.toString("hex"), bytesOf(expected));
  }
});

Deno.test("a SUBSCRIBE of MQTT 5 may name its subscription", () => {
  for (
    const [subscription, expected] of [
      [1, '82 0b 0102 02 0b01 00 03 "a/#" 11'],
      [0x0fffffff, '82 0e 0102 05 0bffffff7f 00 03 "a/#" 11'],
    ] as const
  ) {
    assert.equal(subscribePacket(5, 0x0102, ["a/#"], 1, 1, subscription).toString("hex"), bytesOf(expected));
  }
});

Deno.test("a PUBLISH: with an id it has QoS 1", () => {
  const message = { topic: "t", payload: "on", isRetained: false };
  for (
    const [level, isRetained, id, expected] of [
      [4, false, undefined, '30 05 00 01 "t" "on"'],
      [4, true, undefined, '31 05 00 01 "t" "on"'],
      [4, false, 0x0102, '32 07 00 01 "t" 0102 "on"'],
      [5, false, undefined, '30 06 00 01 "t" 00 "on"'],
      [5, true, 0x0102, '33 08 00 01 "t" 0102 00 "on"'],
    ] as const
  ) {
    for (const payload of ["on", Buffer.from("on")]) {
      const packet = publishPacket(level, { ...message, payload, isRetained }, id);
      assert.equal(packet.toString("hex"), bytesOf(expected));
    }
  }
});

Deno.test("the length of a packet takes as many bytes as it needs", () => {
  for (
    const [payload, length] of [
      [0, "03"],
      [124, "7f"],
      [125, "8001"],
      [16_380, "ff7f"],
      [16_381, "808001"],
      [2_097_148, "ffff7f"],
      [2_097_149, "80808001"],
    ] as const
  ) {
    const packet = publishPacket(4, { topic: "t", payload: new Uint8Array(payload), isRetained: false });
    assert.equal(packet.subarray(0, 4 + length.length / 2).toString("hex"), `30${length}000174`);
    assert.equal(packet.length, 1 + length.length / 2 + 3 + payload);
  }
});

Deno.test("acknowledgements, the ping and the end", () => {
  const all = [4, 5, 6, 7].map((type, i) => ({ type, id: 0x0102 + i }));
  assert.equal(acknowledgements(all).toString("hex"), bytesOf("40020102 50020103 62020104 70020105"));
  assert.equal(acknowledgements([]).length, 0);
  assert.equal(PING.toString("hex"), "c000");
  assert.equal(disconnectPacket(4, false).toString("hex"), "e000");
  assert.equal(disconnectPacket(4, true).toString("hex"), "e000");
  assert.equal(disconnectPacket(5, false).toString("hex"), "e000");
  assert.equal(disconnectPacket(5, true).toString("hex"), bytesOf("e007 00 05 11 00000000"));
});
