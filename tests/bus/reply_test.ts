import assert from "node:assert/strict";
import { EventLog } from "../../src/bus/event_log.ts";
import { MemoryStore } from "../../src/bus/memory_store.ts";
import { splitArray } from "../../src/bus/raw_events.ts";
import { Replies } from "../../src/bus/reply.ts";

const EVENTS = 3000;
const REPLY_BYTES = 3_000_000;

/** A log whose events make a reply of nearly {@link REPLY_BYTES}. */
function filledLog(): EventLog {
  const log = new EventLog(new MemoryStore(), {
    maxEvents: 1e6,
    maxBytes: 1e9,
    whenFull: undefined,
    consumerExpiryMs: 1000,
    nowMs: () => 0,
    onLoss: () => {},
    onStranger: () => {},
  });
  const event = `{"n":"${"x".repeat(900)}"}`;
  log.append(splitArray(new TextEncoder().encode(`[${Array(EVENTS).fill(event).join(",")}]`)));
  return log;
}

async function eventsOf(reply: Response | undefined): Promise<number> {
  const { events, next, offset } = await reply!.json();
  assert.equal(events.length, next - offset);
  return events.length;
}

Deno.test("a reply holds its share until it is taken, and others get smaller ones meanwhile", async () => {
  const log = filledLog();
  const replies = new Replies(REPLY_BYTES);
  const first = await replies.now(log, 0, EVENTS, false);
  const meanwhile = await eventsOf(await replies.now(log, 0, EVENTS, false));
  assert.ok(meanwhile > 0 && meanwhile < 100);
  assert.equal(await eventsOf(first), EVENTS);
  assert.equal(await eventsOf(await replies.now(log, 0, EVENTS, false)), EVENTS);
});

Deno.test("who goes away gives the share back, whether the reply had begun or was awaited", async () => {
  const log = filledLog();
  const replies = new Replies(REPLY_BYTES);
  const leaving = await replies.now(log, 0, EVENTS, false);
  const reader = leaving!.body!.getReader();
  await reader.read();
  await reader.cancel();
  const { promise, resolve } = Promise.withResolvers<void>();
  const waiting = replies.later(log, 0, EVENTS, false, () => promise);
  await waiting.body!.cancel();
  resolve();
  await promise;
  assert.equal(await eventsOf(await replies.now(log, 0, EVENTS, false)), EVENTS);
});

Deno.test("who takes nothing is cut off", async () => {
  const log = filledLog();
  const replies = new Replies(REPLY_BYTES, 1);
  const reader = (await replies.now(log, 0, EVENTS, false))!.body!.getReader();
  await reader.read();
  await assert.rejects(reader.closed, /taken nothing/);
  assert.equal(await eventsOf(await replies.now(log, 0, EVENTS, false)), EVENTS);
});

Deno.test("an event too large for what is left is asked for again later", async () => {
  const log = filledLog();
  const replies = new Replies(REPLY_BYTES);
  log.append(splitArray(new TextEncoder().encode(`[{"n":"${"x".repeat(500_000)}"}]`)));
  const holding = await replies.now(log, 0, EVENTS, false);
  assert.equal(await replies.now(log, EVENTS, 1, false), undefined);
  const awaited = replies.later(log, EVENTS, 1, false, () => Promise.resolve());
  assert.equal(await eventsOf(awaited), 0, "it has begun: it gives nothing");
  assert.equal(await eventsOf(holding), EVENTS);
  assert.equal(await eventsOf(await replies.now(log, EVENTS, 1, false)), 1);
});
