import assert from "node:assert/strict";
import { systemClock } from "../../src/platform/clock/clock.ts";
import { Pulse } from "../../src/platform/clock/pulse.ts";
import { type Listener, Supervision } from "../../src/runtime/supervision.ts";
import { loggerTo } from "../support/logs.ts";

/** Time stands still but for who sleeps; after some turns the signal fires. */
class Turns {
  readonly ending = new AbortController();
  ms = 0;
  constructor(private turns: number, private readonly onTurn: (turn: number) => void = () => {}) {}
  readonly clock = {
    ...systemClock,
    monotonicMs: () => this.ms,
    sleep: (ms: number) => {
      this.ms += ms;
      this.onTurn(--this.turns);
      if (this.turns === 0) this.ending.abort();
      return Promise.resolve();
    },
  };
}

class Notebook implements Listener {
  readonly sent: Record<string, string>[] = [];
  isBroken = false;
  send(assignments: Record<string, string>): Promise<void> {
    if (this.isBroken) return Promise.reject(new Error("nobody listens"));
    this.sent.push(assignments);
    return Promise.resolve();
  }
  close() {}
}

function supervise(
  turns: Turns,
  notebook: Notebook,
  pulse: Pulse,
  watchdogMs: number | undefined,
): [Promise<void>, string[]] {
  const lines: string[] = [];
  const logger = loggerTo(lines);
  const options = { watchdogMs, pulses: () => [["kafka", pulse] as const], status: () => "works" };
  return [new Supervision(notebook, options, turns.clock, logger).run(turns.ending.signal), lines];
}

Deno.test("ready first, the status when it changes, the watchdog twice in its time, stopping last", async () => {
  const turns = new Turns(3);
  const notebook = new Notebook();
  const [run] = supervise(turns, notebook, new Pulse(turns.clock), 8000);
  await run;
  assert.equal(turns.ms, 12_000);
  assert.deepEqual(notebook.sent.slice(0, -1), [
    { READY: "1", STATUS: "works" },
    { WATCHDOG: "1" },
    { WATCHDOG: "1" },
    { WATCHDOG: "1" },
  ]);
  assert.equal(notebook.sent.at(-1)!.STOPPING, "1");
});

Deno.test("nobody who does not watch gets a watchdog message", async () => {
  const turns = new Turns(3);
  const notebook = new Notebook();
  await supervise(turns, notebook, new Pulse(turns.clock), undefined)[0];
  assert.ok(notebook.sent.every((message) => !("WATCHDOG" in message)));
});

Deno.test("a loop that waits for something announced is alive, one that is silent for longer is not", async () => {
  const pulse = new Pulse({ monotonicMs: () => turns.ms });
  const notebook = new Notebook();
  // The bus is away for 40 s, as announced; then the loop hangs in a sink, and comes back at last.
  const turns: Turns = new Turns(30, (left) => {
    if (left === 20) pulse.expect("the answer of the sink", 5000);
    if (left === 6) pulse.expect("more aggregates in the outbox", 60_000);
  });
  pulse.expect("the next try to reach the bus", 40_000);
  const [run, lines] = supervise(turns, notebook, pulse, 8000);
  await run;
  const feeds = notebook.sent.filter((message) => "WATCHDOG" in message).length;
  // 4 s a turn: silent from turn 10 on, overdue after 5 + 10 s, which is after 4 turns, until turn 24.
  assert.equal(feeds, 30 - 10);
  assert.match(
    lines.join("\n"),
    /stuck.*kafka waits too long for the answer of the sink[^]*not stuck any more/,
  );
});

Deno.test("the service is reloading until the work is done, or has failed", async () => {
  const turns = new Turns(1);
  const notebook = new Notebook();
  const options = { watchdogMs: undefined, pulses: () => [], status: () => "works" };
  const supervision = new Supervision(notebook, options, turns.clock, loggerTo([]));
  const work = Promise.withResolvers<string>();
  const started = Promise.withResolvers<void>();
  const done = supervision.duringReload(() => (started.resolve(), work.promise));
  await started.promise;
  await new Promise<void>((resolve) => queueMicrotask(resolve));
  assert.deepEqual(notebook.sent, [{ RELOADING: "1" }]);
  work.resolve("changed");
  assert.equal(await done, "changed");
  await assert.rejects(supervision.duringReload(() => Promise.reject(new Error("the disk is full"))), /full/);
  assert.deepEqual(notebook.sent.slice(1), [{ READY: "1" }, { RELOADING: "1" }, { READY: "1" }]);
});

Deno.test("a loop that has ended is not missed", () => {
  let ms = 0;
  const pulse = new Pulse({ monotonicMs: () => ms });
  pulse.expect("anything", 10);
  ms = 11;
  assert.equal(pulse.overdue(0), "anything");
  assert.equal(pulse.overdue(1), undefined);
  pulse.end();
  assert.equal(pulse.overdue(0), undefined);
});

Deno.test("a service manager that does not listen is told of in the log once, and ends nothing", async () => {
  const turns = new Turns(5);
  const notebook = new Notebook();
  notebook.isBroken = true;
  const [run, lines] = supervise(turns, notebook, new Pulse(turns.clock), 8000);
  await run;
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /NOTIFY_SOCKET/);
});
