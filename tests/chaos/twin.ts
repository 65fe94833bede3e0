import assert from "node:assert/strict";
import { rowOf, type TopicRecord } from "../e2e/topic.ts";
import { randomNumbers } from "../support/event_stream.ts";
import { assertNoStackTrace, PATIENCE_MS, pause, Program, until } from "../support/executable.ts";
import type { Row } from "../support/oracle.ts";
import { Load } from "./load.ts";
import type { Injected, Scenario, ScenarioOptions } from "./scenario.ts";
import { theirServers } from "./servers.ts";
import { Site } from "./site.ts";

/** The configuration of a handler is copied to another host with the same INSTANCE_ID. */
export const twin: Scenario = {
  name: "twin",
  what: "a second handler with the same INSTANCE_ID on another state directory, found out and stopped",
  obstacle: theirServers,
  run: (options) => twice(options),
};

const ROUND_SECONDS = 20;
const DELIVERS = /the first aggregates have reached the sink","sink":"postgres"/;
const TAKEN_OVER = /another handler with the INSTANCE_ID \S+ has taken over/;

async function twice({ servers, seed, seconds, log }: ScenarioOptions): Promise<Injected> {
  const random = randomNumbers(seed ^ 0x2217);
  const rounds = Math.max(1, Math.floor(seconds / ROUND_SECONDS));
  // Without stragglers each window is written once, so that two handlers have no revisions to disagree about.
  const load = new Load({ seed, seconds, lateShare: 0, windowsPerSecond: 4, nameCount: 50 });
  let isOver = false;
  let met = 0;
  // What both have to write is there only once both are: whoever has nothing to write learns of no other.
  const mayPass = (share: number) => share < (met + 0.5) / rounds;
  await using site = await Site.start(servers, { environment: { IDLE_TIMEOUT: "15" } });
  const second = `${site.directory}/second`;
  await Deno.mkdir(second);
  let handler = site.startHandler();
  const startTwin = () =>
    Program.start(["run"], {
      ...site.environment,
      STATE_DIR: `${second}/state`,
      SQLITE_PATH: `${second}/aggregates.sqlite`,
    });
  const meddle = async () => {
    for (let round = 0; round < rounds; round++) {
      await pause(random() * 2000);
      log("a second handler starts");
      await using other = startTwin();
      const both = [handler, other];
      await until(
        () => DELIVERS.test(other.stderr) || both.some(({ stderr }) => TAKEN_OVER.test(stderr)),
        "the second one to deliver",
        PATIENCE_MS,
        both,
      );
      met++;
      // The broker lets one of them write at a time. The other one gets an error.
      const told = await until(
        () => both.find(({ stderr }) => TAKEN_OVER.test(stderr)),
        "one of them to say so",
        PATIENCE_MS,
        both,
      );
      log(`the ${told === other ? "second" : "first"} one says so; only the first one is started again`);
      if (random() < 0.5) await other.kill9();
      else assert.equal(await other.stop(), 0, other.tail());
      assert.equal(await handler.stop(), 0, handler.tail());
      for (const program of both) assertNoStackTrace(program);
      handler = site.startHandler();
    }
  };
  let copies = 0;
  try {
    await Promise.all([load.feed(site.bus, () => isOver, mayPass), meddle()]);
    await site.prove(load.oracle, handler, (records) => {
      const rows = distinctRows(records);
      copies = records.length - rows.length;
      return rows;
    });
  } finally {
    isOver = true;
    await handler.kill9();
  }
  return new Map([
    ["second handler", rounds],
    ["records that both have written", copies],
    ["events, each in every table once", load.oracle.counts.aggregated],
  ]);
}

/** Both may have written an aggregate, but then the same one. @throws when they disagree. */
function distinctRows(records: readonly TopicRecord[]): Row[] {
  const distinct = new Map<string, Row>();
  for (const { value } of records) {
    const row = rowOf(value);
    const identity = JSON.stringify([
      row.name,
      row.labels,
      row.aggFunc,
      row.windowStartMs,
      row.windowEndMs,
      row.revision,
    ]);
    const before = distinct.get(identity);
    if (before !== undefined) assert.deepEqual(row, before);
    distinct.set(identity, row);
  }
  return [...distinct.values()];
}
