import assert from "node:assert/strict";
import { withDeadline } from "../../src/sinks/deadline.ts";
import { NEVER, sinkError } from "../contract/sink_samples.ts";

const hangs = () => new Promise<never>(() => {});
const LONG_MS = 3600_000;

Deno.test("what is done in time gives its result, or throws its own error", async () => {
  assert.equal(await withDeadline("it", LONG_MS, NEVER, () => Promise.resolve(7)), 7);
  await assert.rejects(
    withDeadline("it", LONG_MS, NEVER, () => Promise.reject(new Error("its own"))),
    /its own/,
  );
});

Deno.test("what hangs is left when its time is up, or when the signal fires", async () => {
  await assert.rejects(
    withDeadline("it", 20, NEVER, hangs),
    sinkError("timed_out", /it got no answer within 0.02 seconds/),
  );
  const stop = new AbortController();
  const interrupted = withDeadline("it", LONG_MS, stop.signal, hangs);
  stop.abort();
  await assert.rejects(interrupted, sinkError("unavailable", /it was interrupted/));
});

Deno.test("nothing is begun once the signal has fired", async () => {
  let begun = 0;
  const start = () => Promise.resolve(begun++);
  await assert.rejects(
    withDeadline("it", LONG_MS, AbortSignal.abort(), start),
    sinkError("unavailable", /interrupted/),
  );
  assert.equal(begun, 0);
});
