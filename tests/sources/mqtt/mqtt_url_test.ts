/** URLs, filters, packet ids and positions: what is taken, and what is refused. */
import assert from "node:assert/strict";
import { positionText, readPosition } from "../../../src/sources/mqtt/mqtt_position.ts";
import { readMqttUrl } from "../../../src/sources/mqtt/mqtt_url.ts";
import { PacketIds } from "../../../src/sources/mqtt/packet_ids.ts";
import fc from "../../support/fast_check.ts";

Deno.test("a URL: filters as written, defaults, login, parameters", () => {
  const all = readMqttUrl("MQTT://me:se%3Acret@Broker/plant/+/t;$share/g/energy/#?qos=2&start=newest");
  assert.ok("filters" in all);
  const { port, ...others } = all;
  assert.equal(port, 1883);
  assert.deepEqual(others, {
    address: "mqtt://Broker:1883/plant/+/t;$share/g/energy/#",
    hasTls: false,
    host: "Broker",
    filters: ["plant/+/t", "$share/g/energy/#"],
    qos: 2,
    start: "newest",
    status: undefined,
    username: "me",
    password: "se:cret",
  });
  const read = readMqttUrl("mqtts://[::1]/a%3Bb/%3F?status=none");
  assert.ok("filters" in read);
  assert.deepEqual([read.filters, read.port, read.hasTls, read.status], [["a;b/?"], 8883, true, "none"]);
  assert.deepEqual([read.qos, read.start], [1, "oldest"]);
});

const WRONG: readonly (readonly [url: string, problem: RegExp])[] = [
  ["mqtt:plant", /not of the form/],
  ["mqtt://a:0/t", /not host:port/],
  ["mqtt://a,b/t", /not host:port/],
  ["mqtt://a", /filter that is empty/],
  ["mqtt://a/t;", /filter that is empty/],
  ["mqtt://a/t;t", /filter twice/],
  ["mqtt://a/t+", /a \+ beside other characters/],
  ["mqtt://a/#/t", /a # that is not its whole last level/],
  ["mqtt://a/t#", /a # that is not its whole last level/],
  ["mqtt://a/$share/g", /not of the form \$share/],
  ["mqtt://a/$share/g+/t", /not of the form \$share/],
  ["mqtt://a/t%00", /a NUL character/],
  ["mqtt://a/t%", /a % that does not begin/],
  ["mqtt://a/t?qos=0", /parameter of MQTT that it does not have/],
  ["mqtt://a/t?status=plant/%23", /parameter of MQTT that it does not have/],
  ["mqtt://%@a/t", /a user or password with a %/],
  [`mqtt://a/${"t".repeat(65_536)}`, /more than 65535 bytes/],
];
for (const [url, problem] of WRONG) {
  Deno.test(`${url.slice(0, 40)} is refused`, () => {
    const read = readMqttUrl(url);
    assert.ok("problem" in read);
    assert.match(read.problem, problem);
  });
}

Deno.test("packet ids come back from their text, whatever they are", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 65_535 }), { maxLength: 200 }), (numbers) => {
      const ids = new PacketIds();
      for (const number of numbers) ids.add(number);
      assert.equal(ids.isEmpty, numbers.length === 0);
      const again = PacketIds.parse(ids.toString())!;
      assert.equal(again.toString(), ids.toString());
      for (const number of numbers) {
        assert.ok(again.has(number));
        again.delete(number);
      }
      assert.equal(again.toString(), "");
    }),
  );
  const all = PacketIds.parse("1-65535")!;
  assert.equal(all.toString(), "1-65535");
});

Deno.test("a text that is no position is none", () => {
  for (const text of ["q1 0", "q2 17 new", "q2 5 1-3,7,65535", "q1 0 connecting", "q2 5 7 connecting"]) {
    assert.equal(positionText(readPosition(text)!), text);
  }
  for (
    const text of [
      "",
      "17",
      "q3 1",
      "q1 -1",
      "q1 1 0",
      "q1 1 2,1",
      "q1 1 1,2",
      "q1 1 65536",
      "q1 1 3-2",
      "q1 1 connected",
    ]
  ) {
    assert.equal(readPosition(text), undefined, text);
  }
});
