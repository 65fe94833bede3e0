import assert from "node:assert/strict";
import type { Delivery } from "../../src/delivery/delivery.ts";
import { Router } from "../../src/delivery/router.ts";
import type { Sink } from "../../src/contract/sink.ts";
import { deliveryTo, HastyClock } from "./delivery_rig.ts";
import { MemoryOutbox } from "./memory_outbox.ts";

const NEVER = new AbortController().signal;

function sinkNamed(id: string): Sink {
  return {
    id,
    repeat: "upsert",
    open: ({ cursor }) => Promise.resolve(cursor),
    write: () => Promise.resolve(),
    probe: () => Promise.resolve("here"),
    close: () => Promise.resolve(),
  };
}

function routed(...ids: string[]) {
  const outbox = MemoryOutbox.of(3);
  const deliveries = ids.map((id) => deliveryTo(sinkNamed(id), outbox, new HastyClock()));
  return { outbox, deliveries, router: new Router(deliveries) };
}

Deno.test("each sink has its standing and its pulse", () => {
  const { deliveries, router } = routed("a", "b");
  assert.deepEqual(
    router.standings(),
    ["a", "b"].map((id) => ({
      id,
      state: "starting",
      error: undefined,
      failingSinceMs: undefined,
      lastDeliveryMs: undefined,
    })),
  );
  assert.deepEqual(router.pulses(), deliveries.map(({ pulse }, i) => ["ab"[i], pulse]));
});

Deno.test("a paused sink gets nothing and says so at the end, and others go on", async () => {
  const { outbox, router } = routed("a", "b");
  router.pause("b", true);
  router.pause("nobody", true);
  router.finish();
  assert.deepEqual(await router.run(NEVER), ["b: up to 3 aggregates wait; an operator has paused it"]);
  assert.deepEqual([outbox.cursor("a"), outbox.cursor("b")], [3, 0]);
});

Deno.test("a sink that goes on after a pause gets everything", async () => {
  const { outbox, router } = routed("a");
  router.pause("a", true);
  router.pause("a", false);
  router.finish();
  assert.deepEqual(await router.run(NEVER), []);
  assert.equal(outbox.cursor("a"), 3);
});

Deno.test("only the sink of the same name is exchanged", async () => {
  const { deliveries, router } = routed("a", "b");
  const [a, b] = deliveries as [Delivery, Delivery];
  const [before, after] = [a.sink, sinkNamed("b")];
  router.exchange([after, sinkNamed("nobody")]);
  router.finish();
  await router.run(NEVER);
  assert.equal(a.sink, before);
  assert.equal(b.sink, after);
});

Deno.test("a state that is damaged ends the delivery to all sinks, and is what is told", async () => {
  const damage = new Error("the state is damaged");
  let isEnded = false;
  const broken = { run: () => Promise.reject(damage) } as unknown as Delivery;
  const sound = {
    run: (_: AbortSignal, stop: AbortSignal) =>
      new Promise<undefined>((resolve) => {
        stop.addEventListener("abort", () => {
          isEnded = true;
          resolve(undefined);
        });
      }),
  } as unknown as Delivery;
  await assert.rejects(new Router([sound, broken]).run(NEVER), damage);
  assert.ok(isEnded);
});
