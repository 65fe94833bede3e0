/** Some seconds of each bad day; `make chaos` goes on for as long as it is told to. */
import { fullDisk } from "./full_disk.ts";
import { told } from "./scenario.ts";
import { Servers, theirServers } from "./servers.ts";
import { storm } from "./storm.ts";
import { twin } from "./twin.ts";

const SHORT = [[storm, 10], [fullDisk, 7], [twin, 6]] as const;

Deno.test({
  name: "chaos: real faults lose nothing and double nothing",
  ignore: theirServers() !== undefined,
  fn: async (test) => {
    const seed = Number(Deno.env.get("CHAOS_SEED") ?? Date.now() % 1_000_000_000);
    console.log(`CHAOS_SEED=${seed}`);
    await using servers = await Servers.start();
    for (const [{ name, what, obstacle, run }, seconds] of SHORT) {
      const why = obstacle?.();
      if (why !== undefined) console.log(`${name} is left out: ${why}`);
      await test.step({
        name: `${name}: ${what}`,
        ignore: why !== undefined,
        fn: async () => console.log(told(await run({ servers, seed, seconds, log: console.log }))),
      });
    }
  },
});
