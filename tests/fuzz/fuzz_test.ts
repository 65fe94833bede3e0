import { hunt, summary } from "./hunt.ts";
import { TARGETS } from "./targets.ts";

/** A few seconds' worth for each; `make fuzz` goes on for as long as it is told to. */
const TARGET_MS = 3000;

for (const target of TARGETS) {
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
