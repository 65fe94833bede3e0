import assert from "node:assert/strict";
import { giveWay, type Steps } from "../../../src/platform/clock/steps.ts";
import { DecodingRoom } from "../../../src/sources/listen/decoding_room.ts";

const MIB = 1024 * 1024;

/** Work of some steps, each of which holds so many bytes. It tells when it begins and ends. */
function* work(name: string, told: string[], ...steps: number[]): Steps<void> {
  told.push(`${name} begins`);
  for (const bytes of steps) yield bytes;
  told.push(`${name} ends`);
}

Deno.test("large requests are alone until they are on disk, and small ones pass between their steps", async () => {
  const room = new DecodingRoom();
  const told: string[] = [];
  const [first, second, small] = [room.enter(), room.enter(), room.enter()];
  const firstDone = first.run(work("first", told, 0, 0, 0), 2 * MIB);
  const secondDone = second.run(work("second", told), 2 * MIB);
  await small.run(work("small", told), 10);
  await firstDone;
  for (let i = 0; i < 5; i++) await giveWay();
  assert.deepEqual(told, ["small begins", "small ends", "first begins", "first ends"]);
  first.leave();
  await secondDone;
  assert.equal(told.at(-1), "second ends");
});

Deno.test("a small body of which much comes waits for its turn, and so do those beyond the budget", async () => {
  const room = new DecodingRoom();
  const told: string[] = [];
  const large = room.enter();
  await large.run(work("large", told, 64 * MIB), 10);
  const decodings = Array.from({ length: 20 }, () => room.enter());
  const runs = decodings.map((one, i) => one.run(work(`${i}`, told, MIB), 10));
  for (let i = 0; i < 10; i++) await giveWay();
  const ended = () => told.filter((text) => text.endsWith("ends")).length - 1;
  assert.equal(ended(), 16);
  large.leave();
  for (const [i, run] of runs.entries()) {
    await run;
    decodings[i]!.leave();
  }
  assert.equal(ended(), 20);
  const all = Array.from({ length: 16 }, () => room.enter());
  await Promise.all(all.map((one) => one.run(work("again", told, MIB), 10)));
});
