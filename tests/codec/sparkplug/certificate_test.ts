import assert from "node:assert/strict";
import { Certificate } from "../../../src/codec/sparkplug/certificate.ts";
import { Payload } from "../../../src/codec/sparkplug/payload.ts";
import { encoded, Host, session, type TestPayload } from "./messages.ts";

const NBIRTH = "spBv1.0/plant/NBIRTH/n1";
const NDATA = "spBv1.0/plant/NDATA/n1";
const NDEATH = "spBv1.0/plant/NDEATH/n1";
const VALUE = { type: "Double", value: 1 };

function certificateOf(payload: TestPayload, topic = NBIRTH): Certificate {
  const bytes = encoded(payload);
  return new Certificate(topic, bytes, Payload.of(bytes), { read: new Set(), inTemplates: new Set() });
}

Deno.test("a metric of a birth that has no name gives its alias none", () => {
  for (const name of [undefined, ""]) {
    const host = new Host();
    const nameless = { ...VALUE, alias: 9, ...(name === undefined ? {} : { name }) };
    host.take(NBIRTH, { seq: 0, metrics: [nameless, { ...VALUE, name: "a", alias: 1 }] });
    assert.equal(
      host.refusal(NDATA, { seq: 1, metrics: [{ ...VALUE, alias: 9 }] }),
      "the metric with the alias 9 has no name in the birth certificate",
    );
    assert.deepEqual(host.values(NDATA, { seq: 2, metrics: [{ ...VALUE, alias: 1 }] }), { a: 1 });
  }
});

Deno.test("a metric that a birth says twice has its last definition, under the same alias too", () => {
  const host = new Host();
  const metrics = [{ name: "a", alias: 1, type: "Int8", value: 1 }, { ...VALUE, name: "a", alias: 1 }];
  host.take(NBIRTH, { seq: 0, metrics });
  assert.deepEqual(host.values(NDATA, { seq: 1, metrics: [{ ...VALUE, alias: 1 }] }), { a: 1 });
});

Deno.test("the number of a session is where it is the only one that counts, whatever else is beside it", () => {
  const before = [{ ...VALUE, name: "a", alias: 1 }];
  const after = [{ ...VALUE, name: "b", alias: 2 }, session(9)];
  assert.equal(certificateOf({ metrics: [...before, session(7), ...after] }).session, 7);
  assert.equal(certificateOf({ metrics: before }).session, undefined);
  assert.equal(
    certificateOf({ metrics: [{ name: "bdSeq", type: "String", value: "7" }] }).session,
    undefined,
  );
  const host = new Host();
  host.take(NBIRTH, { seq: 0, metrics: [session(7), ...before] });
  host.take(NDEATH, { metrics: [session(6), { ...VALUE, name: "b" }] });
  assert.deepEqual(host.values(NDATA, { seq: 1, metrics: [{ ...VALUE, alias: 1 }] }), { a: 1 });
});

Deno.test("a certificate is known by its topic and its content", () => {
  const metrics = [{ ...VALUE, name: "a" }];
  const { digest } = certificateOf({ metrics });
  assert.equal(certificateOf({ metrics }).digest, digest);
  assert.notEqual(certificateOf({ metrics }, "spBv1.0/plant/NBIRTH/n2").digest, digest);
  assert.notEqual(certificateOf({ metrics: [{ ...VALUE, name: "b" }] }).digest, digest);
});

Deno.test("a certificate weighs its message, and an alias as much as a name", () => {
  const beside = (metrics: NonNullable<TestPayload["metrics"]>) =>
    certificateOf({ metrics }).weight - encoded({ metrics }).length;
  const [a, b] = [{ ...VALUE, name: "a" }, { ...VALUE, name: "b" }];
  const one = beside([a]);
  assert.ok(one > 0);
  assert.equal(beside([]), 0);
  assert.equal(beside([a, b]), 2 * one);
  assert.equal(beside([a, a]), one, "of one name");
  assert.equal(beside([{ ...a, alias: 1 }, b]), 3 * one);
  assert.equal(beside([{ ...a, alias: 1 }, { ...b, alias: 1 }]), 3 * one, "of one alias");
});
