import assert from "node:assert/strict";
import { randomNumbers } from "../support/event_stream.ts";
import { pause, temporaryDirectory } from "../support/executable.ts";
import { clocksAreRight, WrongClock } from "../support/wrong_clock.ts";
import { Load } from "./load.ts";
import type { Injected, Scenario, ScenarioOptions } from "./scenario.ts";
import { Site } from "./site.ts";

/** The bus and the servers know the time, but the handler's host does not. */
export const wrongClock: Scenario = {
  name: "clock",
  what: "the clock of the handler's host is hours behind or days ahead, again and again",
  obstacle: clocksAreRight,
  run: setWrongAgainAndAgain,
};

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
const ROUND_MS = 8000;

async function setWrongAgainAndAgain({ servers, seed, seconds, log }: ScenarioOptions): Promise<Injected> {
  const random = randomNumbers(seed ^ 0xc10c);
  const rounds = Math.max(2, Math.floor(seconds * 1000 / ROUND_MS));
  const load = new Load({ seed, seconds: rounds * ROUND_MS / 1000, eventsPerSecond: 2000 });
  await using directory = await temporaryDirectory();
  const clock = await WrongClock.open(directory.path);
  await using site = await Site.start(servers, { environment: clock.environment });
  let handler = site.startHandler();
  let isOver = false;
  let stops = 0;
  const setWrong = async () => {
    for (let round = 0; round < rounds; round++) {
      const isBehind = round % 2 === 0;
      const ahead = Math.round(isBehind ? -HOUR_S * (1 + random() * 9) : DAY_S * (0.5 + random() * 3));
      const saidBefore = handler.stderr.length;
      log(`clock ${Math.round(Math.abs(ahead) / 360) / 10} h ${isBehind ? "behind" : "ahead"}`);
      clock.setAhead(ahead);
      if (random() < 0.3) {
        log("handler killed");
        await handler.kill9();
        handler = site.startHandler();
      }
      await pause(ROUND_MS * (0.4 + random() * 0.3));
      if (/clock_behind/.test(handler.stderr.slice(saidBefore))) stops++;
      clock.setAhead(0);
      await pause(ROUND_MS * 0.3);
      assert.equal(handler.exitCode, undefined, handler.tail());
    }
  };
  try {
    await Promise.all([load.feed(site.bus, () => isOver), setWrong()]);
    await site.prove(load.oracle, handler);
  } finally {
    isOver = true;
    await handler.kill9();
  }
  return new Map([
    ["clock wrong", rounds],
    ["reading stopped for it", stops],
    ["events, each in every sink once", load.oracle.counts.aggregated],
  ]);
}
