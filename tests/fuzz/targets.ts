import { busClient } from "./bus_client.ts";
import { scanner } from "./scanner.ts";
import { stateFile } from "./state_file.ts";
import type { Target } from "./target.ts";

/** Everything that is fuzzed. */
export const TARGETS: readonly Target[] = [scanner, busClient, stateFile];
