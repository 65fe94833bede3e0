/** Numbers, texts and properties within a packet, to their bounds. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { BodyReader, NO_PROPERTIES } from "../../../src/sources/mqtt/body_reader.ts";
import { PublicationReader } from "../../../src/sources/mqtt/publication_reader.ts";
import { WireFault } from "../../../src/sources/mqtt/wire_fault.ts";

const readerOf = (hex: string) => new BodyReader(Buffer.from(hex, "hex"));
const SHORT = new WireFault("sends a packet that is shorter than its contents");

Deno.test("numbers and texts are read where they are, and not beyond the end", () => {
  const reader = readerOf("ff 0102 80000001 ff7f 0003 c3a461 0000 07".replaceAll(" ", ""));
  assert.equal(reader.rest, 17);
  assert.deepEqual(
    [reader.uint8(), reader.uint16(), reader.uint32(), reader.varint(), reader.text(), reader.text()],
    [255, 0x0102, 0x80000001, 16_383, "äa", ""],
  );
  assert.deepEqual([reader.rest, reader.at], [1, 16]);
  assert.throws(() => reader.uint16(), SHORT);
  assert.equal(reader.uint8(), 7);
  assert.throws(() => reader.uint8(), SHORT);
  for (const hex of ["000161", "0001", "00"]) {
    if (hex === "000161") assert.equal(readerOf(hex).text(), "a");
    else assert.throws(() => readerOf(hex).text(), SHORT);
  }
  assert.throws(() => readerOf("000000").uint32(), SHORT);
});

Deno.test("a number of variable length has four bytes at most", () => {
  for (const [hex, value] of [["00", 0], ["7f", 127], ["8001", 128], ["ffffff7f", 268_435_455]] as const) {
    assert.equal(readerOf(hex).varint(), value);
  }
  assert.throws(() => readerOf("ffffffff7f").varint(), new WireFault("sends a number that does not end"));
});

/** The properties of MQTT 5: their identifiers, and the bytes of their values; undefined: texts or bytes. */
const PROPERTIES: readonly (readonly [ids: string, size: 1 | 2 | 4 | undefined])[] = [
  ["01 17 19 24 25 28 29 2a", 1],
  ["13 21 22 23", 2],
  ["02 11 18 27", 4],
  ["03 08 09 12 15 16 1a 1c 1f", undefined],
];

Deno.test("each property of MQTT 5 is read, and no other", () => {
  const known = new Map(
    PROPERTIES.flatMap(([ids, size]) => ids.split(" ").map((id) => [parseInt(id, 16), size])),
  );
  for (let id = 0; id < 128; id++) {
    const size = known.get(id);
    const value = size === undefined ? "000461626364" : "01020304".slice(0, 2 * size);
    const property = id.toString(16).padStart(2, "0") + value;
    const block = (property.length / 2).toString(16).padStart(2, "0") + property;
    const reader = readerOf(`${block}99`);
    if (!known.has(id)) {
      // Two of the properties are read in their own way.
      if (id === 0x0b || id === 0x26) continue;
      const fault = new WireFault(`sends a property ${id}, which MQTT 5 does not have`);
      assert.throws(() => reader.properties(), fault, `${id}`);
      continue;
    }
    const { numbers, texts, traceparent } = reader.properties();
    const number = parseInt("01020304".slice(0, 2 * (size ?? 0)), 16);
    assert.deepEqual([...numbers], size === undefined ? [] : [[id, number]], `${id}`);
    assert.deepEqual([...texts], size === undefined ? [[id, "abcd"]] : [], `${id}`);
    assert.equal(traceparent, undefined);
    assert.equal(reader.rest, 1);
    if (size === undefined) continue;
    const twice = readerOf(property.length.toString(16).padStart(2, "0") + property + property);
    assert.throws(() => twice.properties(), new WireFault(`sends the property ${id} twice`));
  }
});

Deno.test("properties may be missing, may repeat where the standard says so, and end where they say", () => {
  const none = readerOf("0099");
  assert.equal(none.properties(), NO_PROPERTIES);
  assert.equal(none.at, 1);
  const subscriptions = readerOf("050b070b8001");
  assert.deepEqual(subscriptions.properties(), {
    numbers: new Map(),
    texts: new Map(),
    traceparent: undefined,
    subscriptions: [7, 128],
  });
  assert.equal(subscriptions.rest, 0);
  assert.throws(() => readerOf("032201").properties(), new WireFault("sends properties that are cut off"));
  assert.throws(
    () => readerOf("02220102").properties(),
    new WireFault("sends properties that are longer than it says"),
  );
  assert.throws(() => readerOf("0226000000").properties(), /longer than it says|shorter than its contents/);
});

const publication = (
  hex: string,
  flags = 0,
  { level = 5, cutBytes = 0 }: { level?: 4 | 5; cutBytes?: number } = {},
) =>
  new PublicationReader(level, 10).read({
    type: 3,
    flags,
    body: Buffer.from(hex.replaceAll(" ", ""), "hex"),
    cutBytes,
  });

Deno.test("a PUBLISH: its flags, its id where it has one, its payload and how long that is", () => {
  const base = {
    topic: "ab",
    isUtf8: true,
    length: 2,
    qos: 0,
    id: 0,
    isRepeated: false,
    isRetained: false,
    traceparent: undefined,
    subscriptions: undefined,
  };
  for (
    const [hex, flags, options, expected] of [
      ["0002 6162 00 3132", 0, {}, {}],
      ["0002 6162 3132", 0, { level: 4 }, {}],
      ["0002 6162 00 3132", 1, { cutBytes: 5 }, { isRetained: true, length: 7 }],
      ["0002 6162 0001 00 3132", 2, {}, { qos: 1, id: 1 }],
      ["0002 6162 ffff 00 3132", 4 | 8, {}, { qos: 2, id: 65_535, isRepeated: true }],
      ["0002 6162 0100 3132", 2 | 8 | 1, { level: 4 }, {
        qos: 1,
        id: 256,
        isRepeated: true,
        isRetained: true,
      }],
      ["0002 61ff 00 3132", 0, {}, { topic: "a\ufffd", isUtf8: false }],
      ["0003 efbfbd 00 3132", 0, {}, { topic: "\ufffd" }],
      ["0004 61efbbbf 00 3132", 0, {}, { topic: "a\ufeff" }],
    ] as const
  ) {
    const { payload, ...rest } = publication(hex, flags, options);
    assert.deepEqual(rest, { ...base, ...expected }, hex);
    assert.equal(payload.toString(), "12");
  }
  for (
    const [hex, flags, problem] of [
      ["0002 6162 0001 00", 6, "sends a PUBLISH with QoS 3"],
      ["0002 6162 0000 00", 2, "sends a PUBLISH with the packet id 0"],
      ["0002 6162 0000 00", 4, "sends a PUBLISH with the packet id 0"],
      ["0000 00", 0, "sends a PUBLISH without a topic"],
      ["0002 6162 03 230000", 0, "uses the topic alias 0, where 1 to 10 are allowed"],
      ["0002 6162 03 23000b", 0, "uses the topic alias 11, where 1 to 10 are allowed"],
      ["0000 03 230001", 0, "uses the topic alias 1, which it has not explained"],
    ] as const
  ) {
    assert.throws(() => publication(hex, flags), new WireFault(problem));
  }
});

Deno.test("an alias stands for the topic that it was last explained with", () => {
  const reader = new PublicationReader(5, 10);
  const read = (hex: string) => {
    const { topic, isUtf8 } = reader.read({ type: 3, flags: 0, body: Buffer.from(hex, "hex"), cutBytes: 0 });
    return [topic, isUtf8];
  };
  assert.deepEqual(read("00016103230001"), ["a", true]);
  assert.deepEqual(read("0001ff0323000a"), ["\ufffd", false]);
  assert.deepEqual([read("000003230001"), read("00000323000a")], [["a", true], ["\ufffd", false]]);
  assert.deepEqual(read("00016203230001"), ["b", true]);
  assert.deepEqual(read("000003230001"), ["b", true]);
});
