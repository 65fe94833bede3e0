import { cp } from "node:fs/promises";
import { randomNumbers } from "../support/event_stream.ts";
import { PATIENCE_MS, type Program, runToEnd, until } from "../support/executable.ts";
import { Load } from "./load.ts";
import type { Injected, Scenario, ScenarioOptions } from "./scenario.ts";
import { Site } from "./site.ts";

/** A bus whose host was lost: it comes back with what a backup has of it, under the same identity. */
export const restored: Scenario = {
  name: "restored",
  what: "the bus is restored from a backup of its directory and gets other events, the handler killed " +
    "now and then",
  run: restoreAgainAndAgain,
};

async function restoreAgainAndAgain({ servers, seed, seconds, log }: ScenarioOptions): Promise<Injected> {
  const random = randomNumbers(seed ^ 0xbac);
  const load = new Load({ seed, seconds, eventsPerSecond: 1000 });
  let [published, restores, kills] = [0, 0, 0];
  await using site = await Site.start(servers);
  const { bus, directory } = site;
  let handler = site.startHandler();
  await using _last = { [Symbol.asyncDispose]: () => handler[Symbol.asyncDispose]() };
  const copy = async (from: string, to: string) => {
    await bus.kill();
    await Deno.remove(`${directory}/${to}`, { recursive: true }).catch(() => {});
    await cp(`${directory}/${from}`, `${directory}/${to}`, { recursive: true });
    await bus.restart();
  };
  await copy("bus", "backup");
  for (const batch of load.batches) {
    await bus.publish(batch);
    published += batch.length;
    const lot = random();
    if (lot < 0.15) {
      log("the bus is backed up");
      await copy("bus", "backup");
    } else if (lot < 0.35) {
      // Events that nobody has read are lost with the bus.
      await allRead(site, published, handler);
      log("the bus is restored");
      await copy("backup", "bus");
      restores++;
    } else if (lot < 0.45) {
      log("the handler is killed");
      await handler.kill9();
      handler = site.startHandler();
      kills++;
    }
  }
  await allRead(site, published, handler);
  await site.prove(load.oracle, handler);
  return new Map([
    ["bus restored from a backup", restores],
    ["handler killed", kills],
    ["events, each in every sink once", load.oracle.counts.aggregated],
  ]);
}

async function allRead(site: Site, count: number, handler: Program): Promise<void> {
  const isRead = async () => {
    const { stdout } = await runToEnd(["status", "--json"], site.environment);
    return stdout !== "" && JSON.parse(stdout).accounting?.received >= count;
  };
  await until(isRead, `${count} events to be read`, PATIENCE_MS, [handler]);
}
