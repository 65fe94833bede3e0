import assert from "node:assert/strict";
import { Refusals } from "../../../src/platform/http/refusals.ts";

/** A minute ends when the test says so, and with the server. */
function rig() {
  const minutes: (() => void)[] = [];
  const told: [reason: string, from: string, count: number][] = [];
  const closed = new AbortController();
  const sleep = (_ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      minutes.push(resolve);
      signal.addEventListener("abort", () => resolve());
      if (signal.aborted) resolve();
    });
  const refusals = new Refusals<string>((...line) => void told.push(line), closed.signal, sleep);
  /** Lets everything go on that waits for nothing more. */
  const settled = async () => {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  const endMinute = () => {
    for (const end of minutes.splice(0)) end();
    return settled();
  };
  const close = () => {
    closed.abort();
    return settled();
  };
  return { refusals, told, minutes, endMinute, close };
}

Deno.test("what was refused after the first is told when the minute ends, by address, without a further one", async () => {
  const { refusals, told, minutes, endMinute } = rig();
  for (let i = 0; i < 11; i++) refusals.happened("guess", `guess ${i}`, "127.0.0.1");
  refusals.happened("guess", "guess", "127.0.0.3");
  refusals.happened("change", "change", "127.0.0.3");
  assert.deepEqual(told.splice(0), [["guess 0", "127.0.0.1", 1], ["change", "127.0.0.3", 1]]);
  await endMinute();
  assert.deepEqual(told.splice(0), [["guess", "127.0.0.1 (10), 127.0.0.3 (1)", 11]]);
  refusals.happened("guess", "again", "127.0.0.1");
  assert.deepEqual(told, [], "a second line in the same minute");
  await endMinute();
  assert.deepEqual(told.splice(0), [["again", "127.0.0.1", 1]]);
  await endMinute();
  assert.deepEqual([told, minutes], [[], []], "no timer is left where nothing happens");
  refusals.happened("guess", "much later", "127.0.0.1");
  assert.deepEqual(told, [["much later", "127.0.0.1", 1]]);
});

Deno.test("the end of the server tells the rest and ends the timers", async () => {
  const { refusals, told, close } = rig();
  for (let i = 0; i < 3; i++) refusals.happened("guess", "guess", "10.0.0.1");
  await close();
  assert.deepEqual(told, [["guess", "10.0.0.1", 1], ["guess", "10.0.0.1", 2]]);
});

Deno.test("a crowd takes a bounded number of lines and of addresses, and none is missing", async () => {
  const { refusals, told, endMinute } = rig();
  for (let i = 0; i < 1000; i++) refusals.happened("guess", "guess", `10.0.${i >> 8}.${i & 255}`);
  for (let i = 0; i < 1000; i++) refusals.happened(`cause ${i}`, "change", "10.0.0.1");
  await endMinute();
  assert.ok(told.length < 60, `${told.length} lines`);
  assert.equal(told.reduce((sum, [, , count]) => sum + count, 0), 2000);
  const crowd = told.find(([reason, , count]) => reason === "guess" && count > 1)!;
  assert.match(crowd[1], /^10\.0\.0\.1 \(1\), .*, others \(989\)$/);
});
