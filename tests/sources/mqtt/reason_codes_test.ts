import assert from "node:assert/strict";
import { refusal, sourceErrorOf } from "../../../src/sources/mqtt/mqtt_errors.ts";
import {
  connectAnswer,
  mayPass,
  reasonText,
  UNSUPPORTED_VERSION,
} from "../../../src/sources/mqtt/reason_codes.ts";
import { WireFault } from "../../../src/sources/mqtt/wire_fault.ts";

const CODES = Array.from({ length: 256 }, (_, code) => code);

Deno.test("the reasons of MQTT 5 have the names of the standard, and some pass by themselves", () => {
  const named = CODES.filter((code) => reasonText(code) !== `reason ${code}: look at the broker's log`);
  const said = named.map((code) =>
    `${code.toString(16)} ${reasonText(code).replace(/:[^]*/, "")}${mayPass(code) ? " (passes)" : ""}`
  );
  assert.deepEqual(said, [
    "80 unspecified error (passes)",
    "81 malformed packet",
    "82 protocol error",
    "83 implementation specific error (passes)",
    "84 unsupported protocol version",
    "85 client identifier not valid",
    "86 bad user name or password",
    "87 not authorized",
    "88 server unavailable (passes)",
    "89 server busy (passes)",
    "8a banned",
    "8b server shutting down (passes)",
    "8c bad authentication method",
    "8d keep alive timeout (passes)",
    "8e session taken over",
    "8f topic filter invalid",
    "90 topic name invalid",
    "93 receive maximum exceeded (passes)",
    "95 packet too large",
    "96 message rate too high (passes)",
    "97 quota exceeded (passes)",
    "98 administrative action (passes)",
    "9a retain not supported",
    "9b QoS not supported",
    "9c use another server",
    "9d server moved",
    "9e shared subscriptions not supported",
    "9f connection rate exceeded (passes)",
    "a1 subscription identifiers not supported",
    "a2 wildcard subscriptions not supported",
  ]);
  // What is no error is none for ever, and what is unknown is one.
  assert.deepEqual([0, 0x7f, 0x91, 0xff].map(mayPass), [true, true, false, false]);
});

Deno.test("a CONNECT is answered by the codes of either version", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 0x7f, 0x80, 0x87, 0xff].map(connectAnswer), [
    0,
    UNSUPPORTED_VERSION,
    0x85,
    0x88,
    0x86,
    0x87,
    0x80,
    0x80,
    0x80,
    0x87,
    0xff,
  ]);
});

Deno.test("what a broker refuses is told with what helps", () => {
  const busy = refusal("the broker at b:1883", "refuses the connection", 0x89);
  assert.deepEqual([busy.kind, busy.message], [
    "unavailable",
    "the broker at b:1883 refuses the connection: server busy",
  ]);
  const banned = refusal("the broker at b:1883", "ends the connection", 0x8a);
  assert.deepEqual([banned.kind, banned.message], [
    "refused",
    "the broker at b:1883 ends the connection: banned: look at the broker's settings",
  ]);
  assert.equal(sourceErrorOf("b", busy), busy);
  const fault = sourceErrorOf("the broker at b:1883", new WireFault("sends nonsense"));
  assert.deepEqual([fault.kind, fault.message], ["garbage", "the broker at b:1883 sends nonsense"]);
});
