import assert from "node:assert/strict";
import { BusBook } from "./bus_book.ts";
import type { Said, SentRequest } from "./bus_watcher.ts";
import { Dice } from "./dice.ts";
import type { SimEvent } from "./plant.ts";
import { Scheduler } from "./scheduler.ts";
import { SimBus } from "./sim_bus.ts";
import { Trace } from "./trace.ts";

const EVENT: SimEvent = {
  text: "{}",
  kind: "garbled",
  isChancy: false,
  name: "",
  aggFunc: "sum",
  isUnnamed: false,
  value: 0,
  timeMs: 0,
  id: undefined,
};

/** A reply with the events from `offset` to before `next`. */
function reply(offset: number, next: number): Said {
  return {
    kind: "events",
    log: "bus0-log0",
    offset,
    next,
    events: Array<SimEvent>(next - offset).fill(EVENT),
  };
}

Deno.test("bus book: a failure of a request that the reader has given up changes nothing", () => {
  const scheduler = new Scheduler();
  const bus = new SimBus("bus0", scheduler, new Dice(1), new Trace(scheduler, false), () => undefined);
  const idleTimeoutMs = 2000;
  const book = new BusBook(bus, idleTimeoutMs);
  const hear = (request: SentRequest, said: Said, atMs: number) =>
    book.heard(request, said, atMs, false, false);

  hear(book.sends(undefined, 0), reply(0, 8), 10);
  hear(book.sends(8, 10), reply(8, 42), 20);
  const ahead = book.sends(42, 20);
  // The batch was held back, since the clock is behind. The reader asks for it again.
  hear(book.sends(8, 2020), reply(8, 48), 2030);
  const last = book.sends(48, 2030);
  hear(ahead, { kind: "failure" }, 4000);
  assert.equal(book.hasHeardFailure, false);
  hear(last, reply(48, 48), 4030);
  assert.equal(book.takeIdleness(), true, "the empty reply has come idleTimeoutMs after the last events");
});
