/** Some seconds of each bad day; `make chaos` goes on for as long as it is told to. */
import { fullDisk } from "./full_disk.ts";
import { told } from "./scenario.ts";
import { storm } from "./storm.ts";
import { twin } from "./twin.ts";

const SHORT = [[storm, 10], [fullDisk, 7], [twin, 6]] as const;

for (const [{ name, what, obstacle, run }, seconds] of SHORT) {
  const why = obstacle?.();
  if (why !== undefined) console.log(`chaos: ${name} is left out: ${why}`);
  Deno.test({
    name: `chaos: ${name}: ${what}`,
    ignore: why !== undefined,
    fn: async () => {
      const seed = Number(Deno.env.get("CHAOS_SEED") ?? Date.now() % 1_000_000_000);
      console.log(`CHAOS_SEED=${seed}`);
      console.log(told(await run({ seed, seconds, log: console.log })));
    },
  });
}
