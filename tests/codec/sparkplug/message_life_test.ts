import assert from "node:assert/strict";
import type { Certificate } from "../../../src/codec/sparkplug/certificate.ts";
import { heldOf, WEIGHT_MAX_BYTES } from "../../../src/codec/sparkplug/node_sessions.ts";
import { Host, session } from "./messages.ts";

const NBIRTH = "spBv1.0/plant/NBIRTH/n1";
const NDATA = "spBv1.0/plant/NDATA/n1";
const DBIRTH = "spBv1.0/plant/DBIRTH/n1/d1";
const DDATA = "spBv1.0/plant/DDATA/n1/d1";
const VALUE = { type: "Double", value: 1 };
const OF_NODE = { ...VALUE, alias: 1 };
const OF_DEVICE = { ...VALUE, alias: 2 };
const NODE_BORN = { seq: 0, metrics: [{ ...OF_NODE, name: "a" }] };
const DEVICE_BORN = { seq: 1, metrics: [{ ...OF_DEVICE, name: "b" }] };

/** A host that knows a node and its device. */
function host(): Host {
  const host = new Host();
  host.take(NBIRTH, NODE_BORN);
  host.take(DBIRTH, DEVICE_BORN);
  assert.deepEqual(host.rebirths(), []);
  return host;
}

Deno.test("whose birth was not seen is asked for it, even where all metrics have names", () => {
  for (const topic of [NDATA, DDATA]) {
    const host = new Host();
    assert.deepEqual(host.values(topic, { seq: 1, metrics: [{ ...VALUE, name: "x" }] }), { x: 1 });
    assert.deepEqual(host.rebirths(), ["plant/n1"], topic);
  }
  const ofDevice = new Host();
  ofDevice.take(NBIRTH, NODE_BORN);
  ofDevice.values(DDATA, { seq: 1, metrics: [{ ...VALUE, name: "x" }] });
  assert.deepEqual(ofDevice.rebirths(), ["plant/n1"], "a device of a known node");
});

Deno.test("a device that is born before its node has its aliases, and the node is asked for its birth", () => {
  const host = new Host();
  host.take(DBIRTH, DEVICE_BORN);
  assert.deepEqual(host.rebirths(), ["plant/n1"]);
  assert.deepEqual(host.values(DDATA, { seq: 2, metrics: [OF_DEVICE] }), { b: 1 });
  const missed = new Host();
  missed.take(DBIRTH, DEVICE_BORN);
  assert.deepEqual(missed.values(DDATA, { seq: 9, metrics: [OF_DEVICE] }), { b: 1 }, "after a gap too");
});

Deno.test("a gap after a birth asks for another, and aliases are as they were", () => {
  const ofNode = new Host();
  ofNode.take(NBIRTH, NODE_BORN);
  assert.deepEqual(ofNode.values(NDATA, { seq: 5, metrics: [OF_NODE] }), { a: 1 });
  assert.deepEqual(ofNode.rebirths(), ["plant/n1"]);
  const ofDevice = host();
  assert.deepEqual(ofDevice.values(DDATA, { seq: 5, metrics: [OF_DEVICE] }), { b: 1 });
  assert.deepEqual(ofDevice.rebirths(), ["plant/n1"]);
});

Deno.test("a birth during an interruption ends the doubt of the node, and one of a device that of its own", () => {
  const again = host();
  again.reader.sessions.putOnTrial();
  again.take(NBIRTH, NODE_BORN);
  assert.deepEqual(again.values(NDATA, { seq: 7, metrics: [OF_NODE] }), { a: 1 });
  const ofDevice = host();
  ofDevice.reader.sessions.putOnTrial();
  ofDevice.take(DBIRTH, { ...DEVICE_BORN, seq: 7 });
  assert.deepEqual(ofDevice.values(DDATA, { seq: 8, metrics: [OF_DEVICE] }), { b: 1 });
  assert.match(ofDevice.refusal(NDATA, { seq: 9, metrics: [OF_NODE] }), /may be another one by now/);
});

Deno.test("the same number again after an interruption is doubtful: a birth is asked for", () => {
  const host_ = host();
  host_.reader.sessions.putOnTrial();
  assert.deepEqual(host_.values(NDATA, { seq: 1, metrics: [{ ...VALUE, name: "x" }] }), { x: 1 });
  assert.deepEqual(host_.rebirths(), ["plant/n1"]);
  assert.deepEqual(host_.reader.books, { gaps: 0, lost: 0 });
  assert.match(host_.refusal(NDATA, { seq: 2, metrics: [OF_NODE] }), /may be another one by now/);
});

Deno.test("each certificate is kept under the topic that it came by", () => {
  const session = host().reader.sessions.get("plant", "n1");
  assert.deepEqual([...heldOf(session)].map(({ certificate }) => certificate.topic), [NBIRTH, DBIRTH]);
});

Deno.test("a birth that there is no room for takes the earlier one of its node away", () => {
  const host_ = host();
  const { sessions } = host_.reader;
  const [birth] = heldOf(sessions.get("plant", "n1"));
  const others = { weight: WEIGHT_MAX_BYTES - birth!.certificate.weight } as Certificate;
  const held = { certificate: others, isDoubtful: false };
  const more = { devices: new Map(), sequence: 0, isOnTrial: false };
  sessions.set("g", "n", { group: "g", node: "n", birth: held, ...more });
  host_.take(NBIRTH, NODE_BORN);
  assert.notEqual(sessions.get("plant", "n1"), undefined, "one of the same size fits in its place");
  host_.take(NBIRTH, { seq: 0, metrics: [...NODE_BORN.metrics, { ...VALUE, name: "c", alias: 3 }] });
  assert.equal(sessions.get("plant", "n1"), undefined);
  assert.match(host_.refusal(NDATA, { seq: 1, metrics: [OF_NODE] }), /no birth certificate/);
});

Deno.test("a death that names no session, or a node that named none, ends what is known of the node", () => {
  const NDEATH = "spBv1.0/plant/NDEATH/n1";
  const born = [session(3), ...NODE_BORN.metrics];
  for (const [metrics, died] of [[born, []], [NODE_BORN.metrics, [session(3)]], [born, [session(3)]]]) {
    const host_ = new Host();
    host_.take(NBIRTH, { seq: 0, metrics });
    host_.take(NDEATH, { metrics: died });
    assert.match(host_.refusal(NDATA, { seq: 1, metrics: [OF_NODE] }), /no birth certificate/);
  }
});
