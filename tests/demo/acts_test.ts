import assert from "node:assert/strict";
import { ACTS } from "../../src/demo/acts.ts";
import type { Stage } from "../../src/demo/stage.ts";

const KILLED = ACTS.find(({ title }) => title.startsWith("kill -9"))!;

Deno.test("what came while there was no handler is told as read once all that came before it is read, too", async () => {
  // 150 events were published before the kill, of which 100 were read; then 20 more.
  const received = [100, 120, 149, 169, 170];
  const plant = { published: 150, receivedOnceRead: 150 };
  const handler = {
    pid: 1,
    up: () => Promise.resolve(),
    kill: () => {
      handler.up = () => {
        handler.pid = 2;
        plant.published += 20;
        plant.receivedOnceRead += 20;
        return Promise.resolve();
      };
      return Promise.resolve();
    },
  };
  const look = () => ({ counts: { received: received.length > 1 ? received.shift() : received[0] } });
  const stage = { plant, handler, look, actMs: 0 } as unknown as Stage;
  const outcome = await KILLED.play(stage, new AbortController().signal);
  assert.match(outcome, /^Process 1 was killed, process 2 has gone on\. 20 events came/);
  assert.deepEqual(received, [170]);
});
