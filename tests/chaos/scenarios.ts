import type { Scenario } from "./scenario.ts";
import { storm } from "./storm.ts";

/** Every kind of bad day there is. */
export const SCENARIOS: readonly Scenario[] = [storm];
