import assert from "node:assert/strict";
import type { Certificate } from "../../../src/codec/sparkplug/certificate.ts";
import {
  CERTIFICATES_MAX,
  type Held,
  heldOf,
  type NodeSession,
  NodeSessions,
  WEIGHT_MAX_BYTES,
} from "../../../src/codec/sparkplug/node_sessions.ts";

const certificateOf = (weight: number) => ({ weight }) as Certificate;
const held = (weight = 1): Held => ({ certificate: certificateOf(weight), isDoubtful: false });

function session(more: Partial<NodeSession> = {}): NodeSession {
  const none = { devices: new Map<string, Held>(), sequence: 0, isOnTrial: false };
  return { group: "g", node: "n", birth: held(), ...none, ...more };
}

Deno.test("what is known of a node is found by its group and name, until it has no certificate", () => {
  const sessions = new NodeSessions();
  const [first, other] = [session(), session({ node: "m" })];
  sessions.set("g", "n", first);
  sessions.set("g", "m", other);
  assert.deepEqual([sessions.get("g", "n"), sessions.get("g", "m"), sessions.get("h", "n")], [
    first,
    other,
    undefined,
  ]);
  const ofDevice = session({ birth: undefined, devices: new Map([["d", held()]]) });
  sessions.set("g", "n", ofDevice);
  assert.equal(sessions.get("g", "n"), ofDevice);
  sessions.set("g", "n", session({ birth: undefined }));
  assert.deepEqual([...sessions.all()], [other]);
  sessions.set("g", "m", undefined);
  assert.deepEqual([...sessions.all()], []);
});

Deno.test("the version changes with the certificates in force, and with nothing else", () => {
  const sessions = new NodeSessions();
  const versions = new Set<number>();
  const changes = (next: NodeSession | undefined) => {
    const before = sessions.version;
    sessions.set("g", "n", next);
    versions.add(sessions.version);
    return sessions.version !== before;
  };
  const first = session();
  assert.ok(changes(first));
  assert.ok(!changes({ ...first, sequence: 7, isOnTrial: true }));
  assert.ok(changes({ ...first, birth: held() }));
  assert.ok(changes({ ...first, devices: new Map([["d", held()]]) }));
  assert.ok(changes(undefined));
  assert.ok(!changes(undefined));
  assert.equal(versions.size, 4);
});

Deno.test("there is room for so many certificates, and for so many bytes of them", () => {
  const sessions = new NodeSessions();
  const devices = new Map(Array.from({ length: CERTIFICATES_MAX - 2 }, (_, i) => [`${i}`, held(0)]));
  sessions.set("g", "n", session({ devices }));
  assert.ok(sessions.hasRoom(certificateOf(1), undefined));
  sessions.set("g", "m", session({ node: "m" }));
  assert.ok(!sessions.hasRoom(certificateOf(1), undefined));
  assert.ok(sessions.hasRoom(certificateOf(1), held()));
  sessions.set("g", "n", undefined);
  assert.ok(sessions.hasRoom(certificateOf(WEIGHT_MAX_BYTES - 1), undefined));
  assert.ok(!sessions.hasRoom(certificateOf(WEIGHT_MAX_BYTES), undefined));
  assert.ok(sessions.hasRoom(certificateOf(WEIGHT_MAX_BYTES), held(1)));
  sessions.set("g", "m", session({ node: "m", birth: held(10) }));
  assert.ok(!sessions.hasRoom(certificateOf(WEIGHT_MAX_BYTES - 9), undefined));
  assert.ok(sessions.hasRoom(certificateOf(WEIGHT_MAX_BYTES - 10), undefined));
  sessions.clear();
  assert.ok(sessions.hasRoom(certificateOf(WEIGHT_MAX_BYTES), undefined));
  assert.deepEqual([...sessions.all()], []);
});

Deno.test("what has changed since the mark can be taken back, with the room for it", () => {
  const sessions = new NodeSessions();
  const [first, second] = [session(), session({ sequence: 2, birth: held(5) })];
  sessions.set("g", "n", first);
  sessions.mark();
  sessions.set("g", "n", second);
  sessions.set("g", "n", undefined);
  sessions.set("g", "m", session({ node: "m" }));
  sessions.undo();
  assert.deepEqual([...sessions.all()], [first]);
  assert.ok(sessions.hasRoom(certificateOf(WEIGHT_MAX_BYTES - 1), undefined));
  assert.ok(!sessions.hasRoom(certificateOf(WEIGHT_MAX_BYTES), undefined));
  sessions.set("g", "n", second);
  sessions.mark();
  sessions.undo();
  assert.equal(sessions.get("g", "n"), second, "what came before the mark stays");
  sessions.set("g", "n", first);
  sessions.clear();
  sessions.undo();
  assert.deepEqual([...sessions.all()], [], "a clearing is not taken back");
  sessions.set("g", "n", first);
  sessions.undo();
  sessions.undo();
  assert.equal(sessions.get("g", "n"), undefined);
});

Deno.test("all nodes are put on trial, also those that a change would be taken back to", () => {
  const sessions = new NodeSessions();
  sessions.set("g", "n", session());
  sessions.mark();
  sessions.set("g", "n", session({ sequence: 5 }));
  sessions.set("g", "m", session({ node: "m" }));
  const { version } = sessions;
  sessions.putOnTrial();
  assert.equal(sessions.version, version);
  assert.deepEqual([...sessions.all()].map(({ isOnTrial, sequence }) => [isOnTrial, sequence]), [
    [true, 5],
    [true, 0],
  ]);
  sessions.undo();
  assert.deepEqual([...sessions.all()].map(({ isOnTrial, sequence }) => [isOnTrial, sequence]), [[true, 0]]);
});

Deno.test("the certificates of a node are its own and those of its devices", () => {
  const [own, device] = [held(1), held(2)];
  const devices = new Map([["d", device]]);
  assert.deepEqual([...heldOf(undefined)], []);
  assert.deepEqual([...heldOf(session({ birth: own, devices }))], [own, device]);
  assert.deepEqual([...heldOf(session({ birth: undefined, devices }))], [device]);
});
