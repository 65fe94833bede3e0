import assert from "node:assert/strict";
import { SinkError } from "../../src/contract/sink.ts";
import { Standing } from "../../src/delivery/standing.ts";
import { HastyClock } from "./delivery_rig.ts";
import { loggerTo } from "../support/logs.ts";

const AWAY = new SinkError("unavailable", "is away");
const WRONG = new SinkError("misconfigured", "no such table");

function standing() {
  const clock = new HastyClock();
  const log: string[] = [];
  const logger = loggerTo(log);
  return { clock, log, of: new Standing("s", clock, () => 1, logger) };
}

Deno.test("a sink is starting, then delivering, failing, broken after five failures, and delivering again", () => {
  const { of } = standing();
  const states = [of.state];
  of.succeeded();
  states.push(of.state);
  for (let i = 0; i < 5; i++) {
    of.failed(AWAY, false);
    states.push(of.state);
  }
  of.failed(WRONG, false);
  states.push(of.state);
  of.succeeded();
  states.push(of.state);
  assert.deepEqual(states, [
    "starting",
    "delivering",
    "failing",
    "failing",
    "failing",
    "failing",
    "broken",
    "misconfigured",
    "delivering",
  ]);
});

Deno.test("it is known why it fails and since when, until it works, and when it last took something", () => {
  const { clock, of } = standing();
  const facts = () => [of.error, of.failingSinceMs, of.lastDeliveryMs];
  assert.deepEqual(facts(), [undefined, undefined, undefined]);
  clock.ms = 5;
  of.failed(AWAY, false);
  clock.ms = 7;
  of.failed(WRONG, false);
  assert.deepEqual(facts(), ["no such table", 5, undefined]);
  of.succeeded();
  assert.deepEqual(facts(), [undefined, undefined, undefined]);
  clock.ms = 9;
  of.delivered();
  clock.ms = 11;
  of.failed(AWAY, false);
  assert.deepEqual(facts(), ["is away", 11, 9]);
});

Deno.test("the pause grows with the failures in a row; a wrong setting is tried again in half a minute", () => {
  const { of } = standing();
  assert.deepEqual([AWAY, AWAY, AWAY].map((error) => of.failed(error, false)), [100, 200, 400]);
  assert.equal(of.failed(WRONG, false), 30_000);
  of.startAnew();
  assert.equal(of.failed(AWAY, false), 100);
  of.succeeded();
  assert.equal(of.failed(AWAY, false), 100);
});

Deno.test("one that is to finish gives up at the third failure, and at once where an operator must act", () => {
  const { of } = standing();
  of.failed(AWAY, false);
  assert.deepEqual([1, 2, 3].map(() => of.failed(AWAY, true)), [200, 400, undefined]);
  of.succeeded();
  assert.deepEqual([1, 2, 3].map(() => of.failed(AWAY, true)), [100, 200, undefined]);
  of.succeeded();
  assert.equal(of.failed(WRONG, true), undefined);
});

Deno.test("each new failure is told, then ever fewer; a warning, or an error where an operator must act", () => {
  const { log, of } = standing();
  for (let i = 0; i < 9; i++) of.failed(AWAY, false);
  const attempts = log.map((line) => /attempt=(\d+)/.exec(line)?.[1]);
  assert.deepEqual(attempts, ["1", "2", "3", "4", "8"]);
  assert.match(log[0]!, /WARN.*cannot deliver: is away.*sink="s".*retry_in_seconds=0\.1$/);
  assert.match(log[4]!, /retry_in_seconds=12\.8$/);
  log.length = 0;
  of.failed(WRONG, false);
  assert.match(log.join("\n"), /^[^\n]*ERROR[^\n]*no such table[^\n]*attempt=10[^\n]*retry_in_seconds=30$/);
  log.length = 0;
  of.succeeded();
  assert.equal(log.length, 1);
  of.succeeded();
  assert.equal(log.length, 1);
  assert.match(log[0]!, /INFO.*the sink works again.*sink="s"/);
});
