import type { Surroundings } from "../../src/runtime/parts.ts";
import type { Focus } from "./scenario.ts";
import type { SimTable } from "./sim_table.ts";
import type { SimTopic } from "./sim_topic.ts";

/** What a broken variant may change, from outside of the product. */
export interface Sabotage {
  /** Changes the backends behind the sinks. */
  readonly backends?: (backends: ReadonlyMap<string, SimTable | SimTopic>) => void;
  /** Changes what surrounds a process, before it starts. */
  readonly surroundings?: (surroundings: Surroundings) => Surroundings;
  /** Changes the product's own parts for as long as the simulation runs; returns what undoes it. */
  readonly parts?: () => () => void;
  /** The events that are needed for the mistake to show. */
  readonly needs?: Focus;
}

/** What a simulation is started with. */
export interface SimulationOptions {
  readonly seed: number;
  /** The directory of the state while the simulation runs, preferably on a file system in memory. */
  readonly directory: string;
  readonly isTraced: boolean;
  readonly sabotage?: Sabotage;
}
