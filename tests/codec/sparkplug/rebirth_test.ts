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
