import { busClient } from "./bus_client.ts";
import { busCrowd } from "./bus_crowd.ts";
import { busServer } from "./bus_server.ts";
import { configuration } from "./configuration.ts";
import { pushes } from "./pushes.ts";
import { records } from "./records.ts";
import { scanner } from "./scanner.ts";
import { sparkplug } from "./sparkplug.ts";
import { stateFile } from "./state_file.ts";
import type { Target } from "./target.ts";

/** Everything that is fuzzed. `connectionsMax`: how large a crowd is, at most. */
export function targets(connectionsMax: number): readonly Target[] {
  return [
    scanner,
    records,
    sparkplug,
    pushes,
    busClient,
    busServer,
    busCrowd({
      name: "bus-crowd",
      what: "the program's bus before a crowd of connections: others are served, nothing of it stays behind",
      connectionsMax,
    }),
    busCrowd({
      name: "bus-descriptors",
      what: "the same with fewer descriptors than there are connections",
      connectionsMax,
      descriptorsMax: 256,
    }),
    configuration,
    stateFile,
  ];
}
