import assert from "node:assert/strict";
import { rebirthCommand } from "../../../src/codec/sparkplug/rebirth_command.ts";
import { RebirthRequests } from "../../../src/codec/sparkplug/rebirth_requests.ts";
import { ENCODER } from "./messages.ts";

Deno.test("rebirth: the command is what an independent decoder expects", () => {
  const { topic, payload } = rebirthCommand("plant", "n1", 1_790_000_000_000);
  assert.equal(topic, "spBv1.0/plant/NCMD/n1");
  const { metrics } = ENCODER.decodePayload(payload);
  assert.deepEqual(metrics.map(({ name, type, value }) => [name, type, value]), [
    ["Node Control/Rebirth", "Boolean", true],
  ]);
});

Deno.test("rebirth: a node is asked at once, and then more and more seldom", () => {
  const requests = new RebirthRequests();
  const askedAt: number[] = [];
  for (let nowMs = 0; nowMs <= 100_000; nowMs += 1000) {
    requests.want("g", "n");
    if (requests.due(nowMs).length > 0) askedAt.push(nowMs);
  }
  assert.deepEqual(askedAt, [0, 10_000, 30_000, 70_000]);
  assert.deepEqual(requests.due(1e9), [{ group: "g", node: "n" }], "what is wanted stays wanted");
  requests.due(2e9);
  requests.want("g", "n");
  assert.equal(requests.due(2e9).length, 1);
  requests.want("g", "n");
  assert.equal(requests.due(2e9 + 10_000).length, 1, "after a long peace it is as at first");
});

Deno.test("rebirth: a plant of unknown nodes is asked bit by bit", () => {
  const requests = new RebirthRequests();
  for (let node = 0; node < 50; node++) requests.want("g", `${node}`);
  assert.equal(requests.due(0).length, 20);
  assert.equal(requests.due(500).length, 0);
  assert.equal(requests.due(1000).length, 20);
  assert.equal(requests.due(2000).length, 10);
});

Deno.test("rebirth: the command names itself as a Boolean that is true, at the present time", () => {
  const hex = Buffer.from(rebirthCommand("g", "n", 5).payload).toString("hex");
  const name = Buffer.from("Node Control/Rebirth").toString("hex");
  assert.equal(hex, `0805121c0a14${name}1805200b7001`);
});

Deno.test("rebirth: the pauses grow to ten minutes, and a node that is not asked for is forgotten after one", () => {
  const requests = new RebirthRequests();
  let nowMs = 0;
  for (const pauseMs of [10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 600_000, 600_000]) {
    requests.want("g", "n");
    assert.equal(requests.due(nowMs).length, 1);
    requests.want("g", "n");
    assert.equal(requests.due(nowMs + pauseMs - 1).length, 0, `${pauseMs}`);
    nowMs += pauseMs;
  }
  // It was asked last at the end of the last pause but one, and waits for twice ten minutes.
  assert.equal(requests.due(nowMs).length, 1);
  requests.due(nowMs + 1_199_999);
  requests.want("g", "n");
  assert.equal(requests.due(nowMs + 1_199_999).length, 1, "it is still known");
  requests.want("g", "n");
  assert.equal(requests.due(nowMs + 1_199_999 + 599_999).length, 0, "so its pause is long");
});

Deno.test("rebirth: nodes of the same name in other groups are others, and each is asked once", () => {
  const requests = new RebirthRequests();
  for (const group of ["g", "h", "g"]) requests.want(group, "n");
  assert.deepEqual(requests.due(0), [{ group: "g", node: "n" }, { group: "h", node: "n" }]);
  assert.deepEqual(requests.due(1e9), []);
});

Deno.test("rebirth: twenty nodes a second are asked, those left over first of all in the next", () => {
  const requests = new RebirthRequests();
  for (let node = 0; node < 25; node++) requests.want("g", `${node}`);
  const asked = (nowMs: number) => requests.due(nowMs).map(({ node }) => Number(node));
  assert.deepEqual(asked(5), Array.from({ length: 20 }, (_, i) => i));
  assert.deepEqual(asked(1004), []);
  assert.deepEqual(asked(1005), [20, 21, 22, 23, 24]);
  for (let node = 30; node < 50; node++) requests.want("g", `${node}`);
  assert.equal(asked(1500).length, 15, "the second has asked five already");
  assert.equal(asked(2005).length, 5);
});

Deno.test("rebirth: 20,000 nodes are remembered, and others when their next message comes", () => {
  const requests = new RebirthRequests();
  for (let node = 0; node < 20_001; node++) requests.want("g", `${node}`);
  let [asked, nowMs] = [0, 0];
  const seen = new Set<string>();
  for (let found = requests.due(nowMs); found.length > 0; found = requests.due(nowMs += 1000)) {
    asked += found.length;
    for (const { node } of found) seen.add(node);
  }
  assert.deepEqual([asked, seen.has("19999"), seen.has("20000")], [20_000, true, false]);
});

Deno.test("rebirth: a node that was left in peace for its pause is asked as at first, and not a moment before", () => {
  for (const [peaceMs, again] of [[29_999, 0], [30_000, 1]] as const) {
    const requests = new RebirthRequests();
    requests.want("g", "n");
    assert.equal(requests.due(0).length, 1);
    requests.due(peaceMs);
    requests.want("g", "n");
    assert.equal(requests.due(peaceMs).length, 1);
    requests.want("g", "n");
    assert.equal(requests.due(peaceMs + 10_000).length, again, `${peaceMs}`);
  }
});
