import { hunt, summary } from "./hunt.ts";
import { targets } from "./targets.ts";

/** A few seconds' worth for each; `make fuzz` goes on for as long as it is told to. */
const TARGET_MS = 3000;
/** A crowd, yet no burden for a machine with other things to do. */
const CONNECTIONS_MAX = 600;

for (const target of targets(CONNECTIONS_MAX)) {
  Deno.test(`fuzz: ${target.name}: ${target.what}`, async () => {
    const seed = Number(Deno.env.get("FUZZ_SEED") ?? Date.now() % 1_000_000_000);
    const caught = await hunt(target, {
      seed,
      inputs: Infinity,
      deadlineMs: performance.now() + TARGET_MS,
    });
    console.log(summary(target, caught, seed));
  });
}
