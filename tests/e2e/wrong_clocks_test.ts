/** Half of the devices have a wrong clock: metrics, alerts, readiness, API and log tell the same of it. */
import assert from "node:assert/strict";
import { assertFires, samplesOf } from "../support/alerts.ts";
import type { StreamEvent } from "../support/event_stream.ts";
import { Program, temporaryDirectory, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { Oracle } from "../support/oracle.ts";
import { Bus, handlerEnvironment } from "./plant.ts";
import { assertExact } from "./proof.ts";

const WINDOW_SECONDS = 10;
const SECONDS = 60;
/** How far each device is ahead; behind where negative. No time zone is as far: it can only be the clock. */
const CLOCKS_SECONDS = [0, 0, 0, 0, 20 * 3600, 20 * 3600, -4 * 86_400, -4 * 86_400];
const WRONG = 2 * SECONDS;
const REASONS = ["future", "late"] as const;
/** What an operator is to read of each, wherever they look. */
const CAUSE = {
  future:
    /^120 of a minute's 480 events are refused as future\. .*devices' clocks are ahead \(the latest by (?:19|20)(?:\.\d)? h\)/,
  late:
    /^120 of a minute's 480 events are refused as late\. .*\(the latest is of 4 days ago\), their clocks are behind/,
};
const DISTANCE = {
  future: /MAX_FUTURE_SKEW \((?:19|20)(?:\.\d)? h ahead of now\)$/,
  late: /CORRECTION_HORIZON \(4 days ago\)$/,
};

/** An event a second of each device, by its own clock. The right ones are of the last minutes. */
function* readings(): Generator<StreamEvent> {
  const base = Math.floor(Date.now() / 1000 / WINDOW_SECONDS) * WINDOW_SECONDS - 2 * SECONDS;
  for (let second = 0; second < SECONDS; second++) {
    for (const [device, ahead] of CLOCKS_SECONDS.entries()) {
      const name = `device${device}.temperature`;
      const value = 20 + device + second / 8;
      const timestamp = base + second + ahead;
      yield {
        text: JSON.stringify({ name, agg_func: "avg", value, timestamp }),
        fate: ahead === 0 ? "aggregated" : ahead > 0 ? "future" : "late",
        name,
        aggFunc: "avg",
        value,
        timeMs: timestamp * 1000,
      };
    }
  }
}

Deno.test("half of the devices have a wrong clock, told by metrics, alerts, readiness, API and log alike", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const address = `127.0.0.1:${freePort()}`;
  const environment = handlerEnvironment(bus.url, directory.path, {
    HTTP_LISTEN: address,
    AGGREGATION_INTERVAL: `${WINDOW_SECONDS}`,
    CHECKPOINT_INTERVAL: "0.1",
  });
  const oracle = new Oracle(WINDOW_SECONDS * 1000);
  const events = [...readings()];
  for (const event of events) oracle.add(event);
  const ask = async (path: string) => await (await fetch(`http://${address}${path}`)).text();
  const status = async () => JSON.parse(await ask("/api/status"));
  await bus.publishBatch(`[${events.map(({ text }) => text).join()}]`);
  await using handler = Program.start(["run"], environment);
  await until(
    async () => {
      const { accounting, refusal_alarms: stored, outbox: { next_id: next, sinks } } = await status();
      return accounting.received === events.length && stored.length === REASONS.length && next > 0 &&
        sinks[0].waiting === 0;
    },
    "the events, the alarms and the first rows",
    undefined,
    [handler],
  );

  const samples = samplesOf(await ask("/metrics"));
  const { accounting, refusal_alarms: stored, dead_letters: kept } = await status();
  const { groups } = JSON.parse(await ask("/api/dead-letters?limit=1"));
  const { status: readiness, causes, alarms } = JSON.parse(await ask("/readyz"));
  assert.deepEqual([readiness, causes], ["ready", []], "the right half goes on");
  assert.deepEqual(
    alarms.map(({ name }: { name: string }) => name),
    REASONS.map((r) => `events_refused_${r}`),
  );
  assert.deepEqual(kept, { total: 2 * WRONG, by_reason: { future: WRONG, late: WRONG }, dropped: 0 });
  assert.equal(samples.get("vabus_handler_clock_doubted"), 0, "this host's clock is right");
  for (const [number, reason] of REASONS.entries()) {
    const refused = `vabus_handler_events_refused_total{reason="${reason}",kind="timestamp"}`;
    assert.equal(samples.get(refused), WRONG);
    assert.equal(samples.get(`vabus_handler_dead_letters{reason="${reason}"}`), WRONG);
    assert.equal(accounting[reason], WRONG);
    assert.match(alarms[number].detail, CAUSE[reason]);
    assert.deepEqual([stored[number].reason, stored[number].detail], [reason, alarms[number].detail]);
    assert.deepEqual([groups[number].reason, groups[number].count], [reason, WRONG]);
    assert.match(groups[number].example.detail, DISTANCE[reason]);
    assert.match(groups[number].example.raw, /"name":"device[4-7]\.temperature"/);
  }
  await assertFires(directory.path, samples, {
    VabusMassRefused: REASONS.map((reason) => ({ alarm: `events_refused_${reason}` })),
    VabusEventsRefused: REASONS.map((reason) => ({ reason })),
  });

  await until(
    async () => {
      const { open_windows: open, outbox: { sinks } } = await status();
      return open.length === 0 && sinks[0].waiting === 0;
    },
    "all rows",
    undefined,
    [handler],
  );
  assert.equal(await handler.stop(), 0, handler.tail());
  const lines = handler.stderr.trim().split("\n").map((line) => JSON.parse(line));
  const told = lines.filter(({ level, alarm }) => level === "error" && alarm !== undefined);
  assert.deepEqual(
    told.map(({ alarm, message }) => [alarm, message]),
    alarms.map(({ name, detail }: { name: string; detail: string }) => [name, detail]),
  );
  const minutes = lines.filter(({ message }) => /^refused in the last minute/.test(message));
  assert.deepEqual(minutes.map(({ future, late }) => [future, late]), [[WRONG, WRONG]]);
  assert.match(minutes[0].example_detail, DISTANCE[minutes[0].example_reason as "future"]);
  assert.match(await assertExact(oracle, environment), /240 dead letters kept/);
});
