import { Instances } from "../e2e/instances.ts";
import { randomNumbers } from "../support/event_stream.ts";
import { temporaryDirectory } from "../support/executable.ts";
import type { Scenario } from "./scenario.ts";

const PARTITIONS = 12;
const INSTANCES_MAX = 5;
/** About how long one change of the number takes. */
const ROUND_SECONDS = 10;
const EVENTS_PER_ROUND = 20_000;

/** Instances that share a topic, whose number changes again and again. */
export const instances: Scenario = {
  name: "instances",
  what: "the number of instances that share a topic changes under load, and some are killed meanwhile",
  async run({ servers, seed, seconds, log }) {
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await temporaryDirectory());
    const fleet = stack.use(
      await Instances.create(servers.kafka, servers.postgres, PARTITIONS, directory.path, seed),
    );
    const random = randomNumbers(seed + 1);
    const rounds = Math.max(3, Math.ceil(seconds / ROUND_SECONDS));
    let kills = 0;
    let count = 2;
    await fleet.recount(count);
    for (let round = 0; round < rounds; round++) {
      await fleet.events.publish(EVENTS_PER_ROUND);
      count = 1 + Math.floor(random() * INSTANCES_MAX);
      const killed = fleet.indexes.filter(() => random() < 0.4);
      log(`${count} instances, killed: ${killed.join(", ") || "none"}`);
      await fleet.recount(count, killed);
      const victim = fleet.indexes[Math.floor(random() * fleet.indexes.length)]!;
      await fleet.kill(victim);
      fleet.start(victim, count);
      kills += killed.length + 1;
    }
    await fleet.events.assertExact(fleet.programs);
    await fleet.stopAll();
    await fleet.assertProven(count);
    return new Map([
      ["number changed", rounds],
      ["instance killed", kills],
      ["events, each counted once", rounds * EVENTS_PER_ROUND],
    ]);
  },
};
