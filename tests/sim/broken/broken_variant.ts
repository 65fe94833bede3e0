import type { Sabotage } from "../simulation_options.ts";

/** A mistake that a programmer could make, injected from outside of the product. */
export interface BrokenVariant extends Sabotage {
  readonly name: string;
  /** A seed that finds the mistake, tried first. If it no longer does, the test says which seed does. */
  readonly foundBy: number;
}
