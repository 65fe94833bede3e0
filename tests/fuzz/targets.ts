import { busClient } from "./bus_client.ts";
import { busServer } from "./bus_server.ts";
import { configuration } from "./configuration.ts";
import { scanner } from "./scanner.ts";
import { stateFile } from "./state_file.ts";
import type { Target } from "./target.ts";

/** Everything that is fuzzed. */
export const TARGETS: readonly Target[] = [scanner, busClient, busServer, configuration, stateFile];
