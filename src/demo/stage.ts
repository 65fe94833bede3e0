import type { Totals } from "../control/totals.ts";
import type { HandlerProcess } from "./handler_process.ts";
import type { DemoPlant } from "./plant.ts";

/** What an act of the demo's story plays with. */
export interface Stage {
  readonly plant: DemoPlant;
  readonly handler: HandlerProcess;
  /** The file of the sink. */
  readonly sinkPath: string;
  readonly look: () => Totals;
  /** The latest correction that was seen, in words; undefined: none yet. */
  readonly correction: () => string | undefined;
  /** How long an act is meant to last. What has to be waited for may make it longer. */
  readonly actMs: number;
}
