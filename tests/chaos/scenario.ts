import type { Servers } from "./servers.ts";

/** One kind of fault scenario, from a seed. */
export interface Scenario {
  readonly name: string;
  readonly what: string;
  /** Why it cannot run on this machine; undefined: it can. */
  obstacle?(): string | undefined;
  /** @throws when anything is lost, doubled or wrong. */
  run(options: ScenarioOptions): Promise<Injected>;
}

export interface ScenarioOptions {
  readonly servers: Servers;
  readonly seed: number;
  /**
   * How long faults go on, about. The events follow from it and the seed, not from the speed of the machine.
   */
  readonly seconds: number;
  /** Reports each step. */
  readonly log: (line: string) => void;
}

/** The steps, with their numbers. */
export type Injected = ReadonlyMap<string, number>;

/** In one line. */
export function told(injected: Injected): string {
  return [...injected].map(([what, count]) => `${count} × ${what}`).join(", ");
}
