import assert from "node:assert/strict";
import { deflateSync, gzipSync } from "node:zlib";
import type { Certificate } from "../../../src/codec/sparkplug/certificate.ts";
import { WEIGHT_MAX_BYTES } from "../../../src/codec/sparkplug/node_sessions.ts";
import { SparkplugReader } from "../../../src/codec/sparkplug/sparkplug_reader.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { encoded, Host, session, TIME_MS } from "./messages.ts";

const NBIRTH = "spBv1.0/plant/NBIRTH/n1";
const NDATA = "spBv1.0/plant/NDATA/n1";
const NDEATH = "spBv1.0/plant/NDEATH/n1";
const DBIRTH = "spBv1.0/plant/DBIRTH/n1/d1";
const DDATA = "spBv1.0/plant/DDATA/n1/d1";
const DDEATH = "spBv1.0/plant/DDEATH/n1/d1";

/** A host that knows a node with one alias, and a device with another. */
function host(texts = {}): Host {
  const host = new Host(texts);
  host.take(NBIRTH, {
    seq: 0,
    metrics: [session(1), { name: "Load", alias: 1, type: "Double", value: 0.5 }],
  });
  host.take(DBIRTH, { seq: 1, metrics: [{ name: "Temp", alias: 2, type: "Float", value: 20 }] });
  host.rebirths();
  return host;
}

Deno.test("Sparkplug: a birth's values are events, named by metric, labelled by group, node and device", () => {
  const host = new Host();
  const metrics = [session(0), { name: "Load", alias: 1, type: "Double", value: 0.5, timestamp: 1000 }];
  assert.deepEqual(host.take(NBIRTH, { seq: 0, metrics }).events, [{
    name: "Load",
    labels: { group: "plant", node: "n1" },
    func: undefined,
    value: 0.5,
    timeMs: 1000,
    id: "plant/n1/Load@1000=0.5",
    raw: '{"group":"plant","node":"n1","metric":"Load","value":0.5,"timestamp":1000}',
  }]);
  const device = host.take(DBIRTH, { seq: 1, metrics: [{ name: "Temp", type: "Float", value: 20 }] });
  assert.deepEqual(device.events[0]!.labels, { device: "d1", group: "plant", node: "n1" });
  assert.equal(device.events[0]!.timeMs, TIME_MS);
  assert.deepEqual(host.rebirths(), []);
});

Deno.test("Sparkplug: data by alias and by name", () => {
  const host_ = host();
  assert.deepEqual(host_.values(NDATA, { seq: 2, metrics: [{ alias: 1, value: 0.7, type: "Double" }] }), {
    Load: 0.7,
  });
  assert.deepEqual(host_.values(DDATA, { seq: 3, metrics: [{ name: "Temp", value: 21.5, type: "Float" }] }), {
    Temp: 21.5,
  });
  assert.deepEqual(host_.rebirths(), []);
});

Deno.test("Sparkplug: templates of group, node, device, metric, path and properties", () => {
  const texts = {
    name: "{node}.{metric}",
    labels: "unit:{property:engUnit},way:{path},device:{device},topic:{topic[1]}",
  };
  const host_ = new Host(texts);
  const properties = { engUnit: { type: "String", value: "°C" }, Quality: { type: "Int32", value: 192 } };
  host_.take(NBIRTH, { seq: 0, metrics: [{ name: "T", alias: 1, type: "Int32", value: 1, properties }] });
  const { events } = host_.take(NDATA, { seq: 1, metrics: [{ alias: 1, type: "Int32", value: 2 }] });
  assert.equal(events[0]!.name, "n1.T");
  assert.deepEqual(events[0]!.labels, { topic: "plant", unit: "°C", way: "plant/n1/T" });
  const named = new Host({ name: "{device}/{metric}" });
  assert.equal(
    named.refusal(NDATA, { seq: 1, metrics: [{ name: "T", type: "Int32", value: 2 }] }),
    "{device} finds nothing",
  );
});

Deno.test("Sparkplug: a property is read by its own type", () => {
  const host_ = new Host({ name: "{metric}", labels: "offset:{property:offset}" });
  const properties = { offset: { type: "Int32", value: -5 } };
  const { events } = host_.take(NDATA, {
    seq: 1,
    metrics: [{ name: "T", type: "UInt32", value: 2, properties }],
  });
  assert.deepEqual([events[0]!.value, events[0]!.labels], [2, { offset: "-5" }]);
});

Deno.test("Sparkplug: integers of all types, with their signs", () => {
  const host_ = new Host();
  const cases: [type: string, value: unknown, read: number][] = [
    ["Int8", -128, -128],
    ["Int8", 127, 127],
    ["Int16", -32768, -32768],
    ["Int32", -2147483648, -2147483648],
    ["Int64", -5, -5],
    ["UInt8", 255, 255],
    ["UInt16", 65535, 65535],
    ["UInt32", 4294967295, 4294967295],
    ["UInt64", 9007199254740991, 9007199254740991],
    ["Float", 1.5, 1.5],
    ["Double", -1e-300, -1e-300],
    ["Boolean", true, 1],
    ["Boolean", false, 0],
  ];
  for (const [type, value, read] of cases) {
    assert.deepEqual(host_.values(NDATA, { metrics: [{ name: "x", type, value }] }), { x: read }, type);
  }
});

/** A metric whose value stands in a field of the wire as it is. */
function wired(type: number, field: number, value: bigint): Uint8Array {
  const varint = (number: bigint): number[] =>
    number < 128n ? [Number(number)] : [Number(number & 127n) | 128, ...varint(number >> 7n)];
  const metric = [0x0a, 1, 0x78, 0x20, type, field * 8, ...varint(value)];
  return Uint8Array.from([0x08, 1, 0x12, metric.length, ...metric]);
}

Deno.test("Sparkplug: two's complement, whether it is filled up with the sign or not", () => {
  const host_ = new Host();
  const value = (bytes: Uint8Array) => host_.take(NDATA, bytes).events[0]?.value;
  const [int, long] = [10, 11];
  assert.equal(value(wired(1, int, 0xffn)), -1, "Int8 in a byte");
  assert.equal(value(wired(1, int, 0xffffffffn)), -1, "Int8 in 32 bits");
  assert.equal(value(wired(1, int, 0xffffffffffffffffn)), -1, "Int8 in 64 bits");
  assert.equal(value(wired(2, int, 0xfffen)), -2, "Int16 in two bytes");
  assert.equal(value(wired(3, int, 0xffffffffffffffffn)), -1, "Int32 in 64 bits");
  assert.equal(value(wired(3, long, 0xffffffffn)), -1, "Int32 in the field for 64 bits");
  assert.equal(value(wired(7, long, 0xffffffffn)), 4294967295, "UInt32 in the field for 64 bits");
  assert.equal(value(wired(4, long, 0x8000000000000000n)), -9223372036854775808, "the least Int64");
  assert.equal(value(wired(8, long, 0xffffffffffffffffn)), 18446744073709551615, "the greatest UInt64");
  for (const [type, wide] of [[1, 300n], [5, 256n], [6, 0xffffffffn], [2, 0xffff7fffn]] as const) {
    assert.match(host_.refusal(NDATA, wired(type, int, wide)), /^the metric x has a value out of the range/);
  }
  assert.match(host_.refusal(NDATA, wired(10, int, 1n)), /a value that is none of its type, Double$/);
});

Deno.test("Sparkplug: all digits of an integer beyond 2^53 are in the dead letter", () => {
  const { events } = new Host().take(NDATA, wired(8, 11, 9007199254740993n));
  assert.equal(JSON.parse(events[0]!.raw).value, "9007199254740993");
  assert.equal(events[0]!.value, Number("9007199254740993"));
  assert.equal(events[0]!.id, "plant/n1/x@1=9007199254740993");
});

Deno.test("Sparkplug: what is no number is no event and no dead letter", () => {
  const host_ = new Host();
  const metrics = [
    session(0),
    { name: "Node Control/Rebirth", type: "Boolean", value: false },
    { name: "Properties/Version", alias: 3, type: "String", value: "1.2" },
    { name: "Since", type: "DateTime", value: 5 },
    { name: "Id", type: "UUID", value: "a" },
    { name: "Blob", type: "Bytes", value: new Uint8Array(3) },
    {
      name: "Table",
      type: "DataSet",
      value: { numOfColumns: 1, types: ["Int8"], columns: ["a"], rows: [[1]] },
    },
    { name: "Null", type: "Double", value: null },
    { name: "Passing", type: "Double", value: 3, isTransient: true },
    {
      name: "Kind",
      type: "Template",
      value: { isDefinition: true, metrics: [{ name: "a", type: "Int8", value: 1 }], parameters: [] },
    },
  ];
  assert.deepEqual(host_.take(NBIRTH, { seq: 0, metrics }), { events: [], invalid: [] });
  assert.equal(host_.received(NDATA, { seq: 1, metrics: [{ alias: 3, type: "String", value: "1.3" }] }), 0);
  assert.deepEqual(host_.rebirths(), []);
});

Deno.test("Sparkplug: STATE and commands are passed over, other topics refused", () => {
  const host_ = new Host();
  for (const topic of ["spBv1.0/STATE/scada", "STATE/scada", "spBv1.0/g/NCMD/n", "spBv1.0/g/DCMD/n/d"]) {
    assert.equal(host_.received(topic, new TextEncoder().encode("ONLINE")), 0, topic);
  }
  const others = ["a", "spBv1.0/g/NDATA", "spBv1.0/g/NDATA/n/d", "spBv1.0/g/DDATA/n", "spBv1.0//NDATA/n"];
  for (
    const topic of [...others, "spAv1.0/g/NDATA/n", "spBv1.0/g/DDATA/n/", `spBv1.0/${"x".repeat(60_000)}`]
  ) {
    assert.match(host_.refusal(topic, {}), /^the topic ".*" is none of Sparkplug B/);
  }
});

Deno.test("Sparkplug: an alias without a birth is a dead letter, and a birth is asked for", () => {
  const host_ = new Host();
  const { events, invalid } = host_.take(NDATA, {
    seq: 5,
    metrics: [{ alias: 7, type: "Double", value: 1 }, { name: "Load", type: "Double", value: 2 }],
  });
  assert.deepEqual(events.map(({ name }) => name), ["Load"], "a metric with a name needs no birth");
  const detail =
    "the metric with the alias 7 has no name: no birth certificate of its node or device is known";
  assert.equal(invalid[0]!.detail, detail);
  assert.deepEqual(host_.rebirths(), ["plant/n1"]);
  assert.equal(host_.retry(invalid[0]!.raw).invalid[0]!.detail, detail, "a retry says why not");
});

Deno.test("Sparkplug: an alias that the birth does not name, or names twice", () => {
  const host_ = host();
  assert.match(
    host_.refusal(NDATA, { seq: 2, metrics: [{ alias: 9, type: "Double", value: 1 }] }),
    /has no name in the birth certificate$/,
  );
  assert.deepEqual(host_.rebirths(), ["plant/n1"]);
  assert.match(
    host_.refusal(NDATA, { seq: 3, metrics: [{ alias: 1, type: "Int32", value: 1 }] }),
    /of type Int32/,
  );
  const two = [{ name: "a", alias: 4, type: "Int8", value: 1 }, {
    name: "b",
    alias: 4,
    type: "Int8",
    value: 1,
  }];
  host_.take(NBIRTH, { seq: 0, metrics: two });
  assert.match(
    host_.refusal(NDATA, { seq: 1, metrics: [{ alias: 4, type: "Int8", value: 1 }] }),
    /has two names/,
  );
});

Deno.test("Sparkplug: a node that died has no aliases; a death of an earlier session changes nothing", () => {
  const host_ = host();
  assert.equal(host_.received(NDEATH, { metrics: [session(0)] }), 0);
  assert.deepEqual(host_.values(NDATA, { seq: 2, metrics: [{ alias: 1, type: "Double", value: 3 }] }), {
    Load: 3,
  });
  assert.equal(host_.received(NDEATH, { metrics: [session(1)] }), 0);
  assert.match(
    host_.refusal(NDATA, { seq: 3, metrics: [{ alias: 1, type: "Double", value: 3 }] }),
    /no birth/,
  );
  assert.match(
    host_.refusal(DDATA, { seq: 4, metrics: [{ alias: 2, type: "Float", value: 3 }] }),
    /no birth/,
  );
});

Deno.test("Sparkplug: a device that died, and one whose node was born again", () => {
  const host_ = host();
  host_.take(DDEATH, { seq: 2 });
  assert.match(
    host_.refusal(DDATA, { seq: 3, metrics: [{ alias: 2, type: "Float", value: 3 }] }),
    /no birth/,
  );
  assert.deepEqual(host_.values(NDATA, { seq: 4, metrics: [{ alias: 1, type: "Double", value: 3 }] }), {
    Load: 3,
  });
  const again = host();
  again.take(NBIRTH, { seq: 0, metrics: [{ name: "Load", alias: 2, type: "Double", value: 0 }] });
  assert.match(
    again.refusal(DDATA, { seq: 1, metrics: [{ alias: 2, type: "Double", value: 3 }] }),
    /no birth/,
  );
});

Deno.test("Sparkplug: gaps in the sequence are counted, and a birth is asked for", () => {
  const host_ = host();
  const data = (seq: number) =>
    host_.values(NDATA, { seq, metrics: [{ alias: 1, type: "Double", value: seq }] });
  data(2);
  assert.deepEqual(host_.rebirths(), []);
  data(5);
  assert.deepEqual(host_.reader.books, { gaps: 1, lost: 2 });
  assert.deepEqual(host_.rebirths(), ["plant/n1"]);
  data(5);
  assert.deepEqual(host_.reader.books, { gaps: 1, lost: 2 }, "the same once more is no gap");
  data(4);
  assert.deepEqual(host_.reader.books, { gaps: 2, lost: 2 }, "out of order, but nothing is missing");
  for (let seq = 5; seq < 256; seq++) data(seq);
  data(0);
  assert.deepEqual(host_.reader.books, { gaps: 2, lost: 2 }, "after 255 comes 0");
});

Deno.test("Sparkplug: after an interruption more than half a round that is missing is one lost message at least", () => {
  for (const [seq, lost] of [[2, 0], [4, 2], [129, 127], [130, 1], [200, 1], [0, 1]] as const) {
    const host_ = host();
    host_.reader.sessions.putOnTrial();
    host_.take(NDATA, { seq, metrics: [{ alias: 1, type: "Double", value: 3 }] });
    assert.deepEqual(host_.reader.books, { gaps: lost === 0 ? 0 : 1, lost }, `${seq}`);
    host_.take(NDATA, { seq: (seq + 255) % 256, metrics: [{ alias: 1, type: "Double", value: 3 }] });
    assert.equal(host_.reader.books.lost, lost, "later on it is out of order");
  }
});

Deno.test("Sparkplug: after an interruption the next number decides whether aliases are as they were", () => {
  const sound = host();
  sound.reader.sessions.putOnTrial();
  assert.deepEqual(sound.values(NDATA, { seq: 2, metrics: [{ alias: 1, type: "Double", value: 3 }] }), {
    Load: 3,
  });
  const missed = host();
  missed.reader.sessions.putOnTrial();
  const { invalid } = missed.take(NDATA, { seq: 3, metrics: [{ alias: 1, type: "Double", value: 3 }] });
  assert.match(invalid[0]!.detail, /^the metric Load may be another one by now/);
  assert.deepEqual(missed.rebirths(), ["plant/n1"]);
  assert.deepEqual(
    missed.retry(invalid[0]!.raw).events.map(({ name, value }) => [name, value]),
    [["Load", 3]],
    "an operator who knows better may retry it",
  );
  assert.match(
    missed.refusal(DDATA, { seq: 4, metrics: [{ alias: 2, type: "Float", value: 3 }] }),
    /may be another/,
  );
  missed.take(NBIRTH, { seq: 0, metrics: [{ name: "Other", alias: 1, type: "Double", value: 1 }] });
  assert.deepEqual(missed.values(NDATA, { seq: 1, metrics: [{ alias: 1, type: "Double", value: 3 }] }), {
    Other: 3,
  });
});

Deno.test("Sparkplug: bad and stale values are refused, also at a retry", () => {
  const host_ = host();
  const data = (quality: number) =>
    host_.take(NDATA, {
      metrics: [{
        alias: 1,
        type: "Double",
        value: 3,
        properties: { Quality: { type: "Int32", value: quality } },
      }],
    });
  assert.equal(data(192).events.length, 1);
  for (const [quality, word] of [[0, "bad"], [500, "stale"]] as const) {
    const { invalid } = data(quality);
    assert.equal(invalid[0]!.detail, `the metric Load has the quality ${quality}, which is ${word}`);
    assert.equal(host_.retry(invalid[0]!.raw).invalid[0]!.detail, invalid[0]!.detail);
  }
});

Deno.test("Sparkplug: historical values keep their own time, and need one", () => {
  const host_ = host();
  const metric = { alias: 1, type: "Double", value: 3, isHistorical: true };
  const { events } = host_.take(NDATA, { seq: 2, metrics: [{ ...metric, timestamp: 77_000 }] });
  assert.equal(events[0]!.timeMs, 77_000);
  assert.match(
    host_.refusal(NDATA, { seq: 3, metrics: [metric] }),
    /is historical and has no time of its own$/,
  );
});

Deno.test("Sparkplug: compressed payloads", () => {
  const inner = encoded({ seq: 2, metrics: [{ alias: 1, type: "Double", value: 4 }] });
  const outer = (body: Uint8Array, algorithm?: string) => ({
    uuid: "SPBV1.0_COMPRESSED",
    body,
    metrics: algorithm === undefined ? [] : [{ name: "algorithm", type: "String", value: algorithm }],
  });
  assert.deepEqual(host().values(NDATA, outer(deflateSync(inner), "DEFLATE")), { Load: 4 });
  assert.deepEqual(host().values(NDATA, outer(gzipSync(inner), "GZIP")), { Load: 4 });
  assert.deepEqual(host().values(NDATA, outer(deflateSync(inner))), { Load: 4 });
  assert.match(host().refusal(NDATA, outer(inner, "GZIP")), /that is not GZIP$/);
  assert.match(
    host().refusal(NDATA, outer(inner, "ZSTD")),
    /compressed by "ZSTD"; GZIP and DEFLATE are read$/,
  );
  const bomb = deflateSync(new Uint8Array(64 * 1024 * 1024));
  assert.match(host().refusal(NDATA, outer(bomb, "DEFLATE")), /of more than 4194304 bytes$/);
  const twice = encoded(outer(deflateSync(inner), "DEFLATE"));
  assert.match(host().refusal(NDATA, outer(deflateSync(twice), "DEFLATE")), /in a compressed one$/);
});

Deno.test("Sparkplug: a message that cannot be read changes nothing", () => {
  const host_ = host();
  const bytes = encoded({ seq: 0, metrics: [{ name: "Other", alias: 1, type: "Double", value: 1 }] });
  const { invalid } = host_.take(NBIRTH, bytes.subarray(0, bytes.length - 3));
  assert.match(invalid[0]!.detail, /^the body is no Sparkplug payload/);
  assert.match(host_.retry(invalid[0]!.raw).invalid[0]!.detail, /^no metric as JSON/);
  const data = encoded({ seq: 9, metrics: [{ alias: 1, type: "Double", value: 1 }] });
  assert.match(host_.refusal(NDATA, Uint8Array.of(...data, 0x12, 0x7f)), /with 0 bytes left/);
  assert.match(host_.refusal(NDATA, Uint8Array.of(...data, 0x12, 1, 0x0a)), /a number that is cut off/);
  assert.deepEqual(host_.reader.books, { gaps: 0, lost: 0 });
  assert.deepEqual(host_.values(NDATA, { seq: 2, metrics: [{ alias: 1, type: "Double", value: 3 }] }), {
    Load: 3,
  });
  assert.deepEqual(host_.reader.books, { gaps: 0, lost: 0 }, "the number of what was refused does not count");
});

Deno.test("Sparkplug: what goes wrong in the program itself is no fault of the message", () => {
  const reader = new SparkplugReader(new Host().reader.mapping, () => {
    throw new Error("broken");
  });
  const bytes = encoded({ seq: 2, metrics: [{ alias: 1, type: "Double", value: 3 }] });
  const batch = new EventBatch();
  batch.reset(bytes);
  reader.begin(batch);
  const context = { topic: NDATA, arrivedMs: TIME_MS };
  assert.throws(() => reader.read(batch, 0, bytes.length, context), { message: "broken" });
});

Deno.test("Sparkplug: no message is plain, and events are mapped, with times in milliseconds", () => {
  const { reader } = new Host();
  const batch = new EventBatch();
  reader.begin(batch);
  assert.deepEqual([batch.isMapped, batch.unitsPerSecond, reader.readPlain()], [true, 1000, -1]);
});

Deno.test("Sparkplug: the messages of births are there until they are stored, and all are counted", () => {
  const host_ = new Host();
  const { reader } = host_;
  const births = () => [...reader.births.values()];
  assert.equal(reader.messages, 0);
  const node = encoded({ seq: 0, metrics: [{ name: "a", alias: 1, type: "Int8", value: 1 }] });
  const device = encoded({ seq: 1, metrics: [{ name: "b", alias: 2, type: "Int8", value: 1 }] });
  const sent = node.slice();
  host_.take(NBIRTH, sent);
  sent.fill(0);
  host_.take(DBIRTH, device);
  host_.take(NDATA, { seq: 2, metrics: [{ alias: 1, type: "Int8", value: 1 }] });
  host_.take(DDEATH, { seq: 3 });
  host_.take("spBv1.0/plant/NCMD/n1", {});
  assert.deepEqual(births(), [{ topic: NBIRTH, bytes: node }, { topic: DBIRTH, bytes: device }]);
  const digest = reader.sessions.get("plant", "n1")!.birth!.certificate.digest;
  assert.deepEqual(reader.births.get(digest), { topic: NBIRTH, bytes: node });
  assert.equal(reader.messages, 5);
  reader.forgetBirths();
  assert.deepEqual(births(), []);
  host_.take(NBIRTH, node);
  assert.deepEqual(births(), [{ topic: NBIRTH, bytes: node }]);
  assert.equal(reader.messages, 6);
});

Deno.test("Sparkplug: metrics of a death are no events", () => {
  const metrics = [{ name: "Load", type: "Double", value: 3 }];
  for (const topic of [DDEATH, NDEATH]) assert.equal(host().received(topic, { seq: 2, metrics }), 0, topic);
});

Deno.test("Sparkplug: births beyond the bound are not kept", () => {
  const host_ = new Host();
  const { sessions } = host_.reader;
  const certificate = { weight: WEIGHT_MAX_BYTES - 800 } as Certificate;
  const birth = { certificate, isDoubtful: false };
  const devices = new Map();
  sessions.set("g", "n", { group: "g", node: "n", birth, devices, sequence: 0, isOnTrial: false });
  const born = (node: string, names: string[]) =>
    host_.values(`spBv1.0/plant/NBIRTH/${node}`, {
      metrics: names.map((name, alias) => ({ name, alias, type: "Int8", value: 1 })),
    });
  assert.deepEqual(born("n1", ["a", "b"]), { a: 1, b: 1 }, "its values are events all the same");
  born("n2", ["a"]);
  assert.equal([...sessions.all()].map(({ node }) => node).join(), "n,n2");
});

Deno.test("Sparkplug: the type of a birth holds for data without one", () => {
  const host_ = new Host();
  const metrics = [
    { name: "Level", alias: 1, type: "Int16", value: 5 },
    { name: "Text", alias: 2, type: "String", value: "a" },
  ];
  host_.take(NBIRTH, { seq: 0, metrics });
  const [alias, int, string] = [0x10, 0x50, 0x7a];
  const data = [0x12, 8, alias, 1, int, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0x12, 5, alias, 2, string, 1, 0x78];
  const { events, invalid } = host_.take(NDATA, Uint8Array.from(data));
  assert.deepEqual(events.map(({ name, value }) => [name, value]), [["Level", -2]]);
  assert.deepEqual(invalid, []);
  const nameless = Uint8Array.from([0x12, 5, 0x0a, 1, 0x79, int, 3]);
  assert.match(host_.refusal(NDATA, nameless), /^the metric y has a whole number of a type that no birth/);
});

Deno.test("Sparkplug: a message may be so many events, and the rest is one dead letter", () => {
  const metric = [0x12, 7, 0x0a, 1, 0x61, 0x20, 11, 0x70, 1];
  const bytes = Uint8Array.from({ length: 20_050 * metric.length }, (_, i) => metric[i % metric.length]!);
  const { events, invalid } = new Host().take(NDATA, bytes);
  assert.equal(events.length, 20_000);
  assert.deepEqual(invalid.map(({ detail }) => detail), [
    "more than 20000 events in one record: the rest of them",
  ]);
});
