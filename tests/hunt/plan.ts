/** What is hunted with, and how the time is shared out. */
import { SCENARIOS } from "../chaos/scenarios.ts";

/** A command that looks for faults from a seed, and exits with another code than 0 when it has found one. */
export interface Hunt {
  readonly script: string;
  readonly args: readonly string[];
}

/** The soak judges nothing shorter than a minute. */
const SOAK_MIN_MINUTES = 1;
const PARTS = { sim: 2, fuzz: 2, chaos: 3, soak: 2, properties: 1 };
const WHOLE = Object.values(PARTS).reduce((sum, part) => sum + part);

/** The least that can be shared out, minutes. */
export const MIN_MINUTES = SOAK_MIN_MINUTES * WHOLE / PARTS.soak;

/** @param minutes For all of them, at least {@link MIN_MINUTES}; a few more pass while servers start and what was sent arrives. */
export function huntPlan(minutes: number, seed: number): Hunt[] {
  const share = (parts: number) => String(minutes * parts / WHOLE);
  return [
    { script: "tests/sim/run.ts", args: ["--from", `${seed}`, "--minutes", share(PARTS.sim)] },
    { script: "tests/fuzz/run.ts", args: ["--seed", `${seed}`, "--minutes", share(PARTS.fuzz)] },
    {
      script: "tests/chaos/run.ts",
      args: ["--seed", `${seed}`, "--minutes", share(PARTS.chaos / SCENARIOS.length)],
    },
    { script: "tests/soak/run.ts", args: ["--seed", `${seed}`, "--minutes", share(PARTS.soak)] },
    {
      script: "tests/hunt/properties.ts",
      args: ["--seed", `${seed}`, "--minutes", share(PARTS.properties)],
    },
  ];
}
