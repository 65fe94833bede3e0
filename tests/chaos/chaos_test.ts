/** Some seconds of each scenario. `make chaos` runs for as long as it is told to. */
import { fullDisk } from "./full_disk.ts";
import { testSeed } from "../support/seed.ts";
import { told } from "./scenario.ts";
import { Servers, theirServers } from "./servers.ts";
import { storm } from "./storm.ts";
import { twin } from "./twin.ts";

const SEED = testSeed(20_251_126);
const SHORT = [[storm, 10], [fullDisk, 7], [twin, 6]] as const;

Deno.test({
  name: "chaos: real faults lose nothing and double nothing",
  ignore: theirServers() !== undefined,
  fn: async (test) => {
    await using servers = await Servers.start();
    for (const [{ name, what, obstacle, run }, seconds] of SHORT) {
      const why = obstacle?.();
      if (why !== undefined) console.log(`${name} is left out: ${why}`);
      await test.step({
        name: `${name}: ${what}`,
        ignore: why !== undefined,
        fn: async () => console.log(told(await run({ servers, seed: SEED, seconds, log: console.log }))),
      });
    }
  },
});
