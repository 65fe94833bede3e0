import type { Servers } from "./servers.ts";

/** One kind of bad day, from a seed. */
export interface Scenario {
  readonly name: string;
  readonly what: string;
  /** Undefined: it can run here. Else why it cannot. */
  obstacle?(): string | undefined;
  /** @throws when anything is lost, doubled or wrong. */
  run(options: ScenarioOptions): Promise<Injected>;
}

export interface ScenarioOptions {
  readonly servers: Servers;
  readonly seed: number;
  /** How long faults go on, about: what happens follows from it and the seed, not from how fast the machine is. */
  readonly seconds: number;
  /** Tells what is done, as it is done. */
  readonly log: (line: string) => void;
}

/** What was done, and how often. */
export type Injected = ReadonlyMap<string, number>;

/** In one line. */
export function told(injected: Injected): string {
  return [...injected].map(([what, count]) => `${count} × ${what}`).join(", ");
}
