import assert from "node:assert/strict";
import { mediaType } from "../../src/codec/push.ts";
import { PushRefusals } from "../../src/codec/push_refusals.ts";

Deno.test("refusals: what was not taken is counted by its reason, with the first example of each", () => {
  const refusals = new PushRefusals();
  refusals.add("no name", "a", 2);
  refusals.add("nothing", "z", 0);
  refusals.add("no value", "b");
  refusals.add("no name", "c", 3);
  assert.equal(refusals.count, 6);
  const reasons = 'no name (5, such as "a"); no value (1, such as "b")';
  assert.equal(refusals.text(9, "points"), `6 of 9 points are refused, the others are taken: ${reasons}`);
  assert.equal(refusals.text(6, "samples"), `6 of 6 samples are refused: ${reasons}`);
});

Deno.test("refusals: ten reasons are named, and an example is cut and fit for a terminal", () => {
  const refusals = new PushRefusals();
  for (let i = 0; i < 10; i++) refusals.add(`r${i}`, "e");
  assert.ok(!refusals.text(10, "points").includes("other"));
  refusals.add("r10", "e");
  assert.ok(refusals.text(11, "points").endsWith("; other reasons (1)"));
  refusals.add("r10", "e");
  refusals.add("r11", "e");
  refusals.add("r0", "e");
  const named = Array.from({ length: 10 }, (_, i) => `r${i} (${i === 0 ? 2 : 1}, such as "e")`);
  assert.equal(
    refusals.text(14, "points"),
    `14 of 14 points are refused: ${[...named, "other reasons (3)"].join("; ")}`,
  );
  const hostile = new PushRefusals();
  hostile.add("r", `\u202e${"x".repeat(100)}`);
  assert.equal(
    hostile.text(1, "points"),
    `1 of 1 points are refused: r (1, such as "\\u202e${"x".repeat(79)}")`,
  );
});

Deno.test("a media type is read without its case and its parameters", () => {
  const { type, parameter } = mediaType('Application/X-Protobuf; Proto="a.B"; version=2=3;q');
  assert.equal(type, "application/x-protobuf");
  assert.deepEqual([
    parameter("proto"),
    parameter("version"),
    parameter("q"),
    parameter("application/x-protobuf"),
  ], [
    "a.B",
    "2=3",
    undefined,
    undefined,
  ]);
  assert.equal(mediaType(undefined).type, "");
});
