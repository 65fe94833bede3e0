import assert from "node:assert/strict";
import { randomNumbers } from "../support/event_stream.ts";
import { pause } from "../support/executable.ts";
import { Load } from "./load.ts";
import type { Injected, Scenario, ScenarioOptions } from "./scenario.ts";
import { theirServers } from "./servers.ts";
import { Site } from "./site.ts";

/** A machine that sleeps. When it wakes, the broker has aborted the handler's transaction. */
export const frozen: Scenario = {
  name: "frozen",
  what: "the handler is frozen in the middle of its transactions for longer than the broker keeps them open",
  obstacle: theirServers,
  run: freezeAgainAndAgain,
};

/** The broker's limit of 60 s, and the 10 s within which it checks. */
const FROZEN_MS = 75_000;
const AWAKE_MS = 5000;
/** Makes a transaction long, so that a freeze hits one. */
const WIRE_DELAY_MS = 150;

async function freezeAgainAndAgain({ servers, seed, seconds, log }: ScenarioOptions): Promise<Injected> {
  const random = randomNumbers(seed ^ 0xf2ee);
  const rounds = Math.max(1, Math.floor(seconds * 1000 / (FROZEN_MS + 2 * AWAKE_MS)));
  const load = new Load({
    seed,
    seconds: rounds * (FROZEN_MS + AWAKE_MS) / 1000,
    eventsPerSecond: 1000,
    windowsPerSecond: 5,
    nameCount: 50,
  });
  let isOver = false;
  let lost = 0;
  await using site = await Site.start(servers);
  await using handler = site.startHandler();
  const freeze = async () => {
    for (let round = 0; round < rounds; round++) {
      servers.wires.kafka.slowDown(WIRE_DELAY_MS);
      await pause(AWAKE_MS * (0.5 + random() / 2));
      const saidBefore = handler.stderr.length;
      log(`handler frozen ${FROZEN_MS / 1000} s`);
      handler.signal("SIGSTOP");
      await pause(FROZEN_MS);
      handler.signal("SIGCONT");
      await pause(AWAKE_MS);
      servers.wires.kafka.mend();
      assert.equal(handler.exitCode, undefined, handler.tail());
      if (/cannot deliver: Kafka/.test(handler.stderr.slice(saidBefore))) lost++;
    }
  };
  try {
    await Promise.all([load.feed(site.bus, () => isOver), freeze()]);
    await site.prove(load.oracle, handler);
  } finally {
    isOver = true;
  }
  return new Map([
    [`handler frozen ${FROZEN_MS / 1000} s`, rounds],
    ["delivery to Kafka begun anew", lost],
    ["events, each in every sink once", load.oracle.counts.aggregated],
  ]);
}
