/** The kinds of hunts, and how the time is shared among them. */
import { SCENARIOS } from "../chaos/scenarios.ts";

/** A command that looks for faults from a seed, and exits with another code than 0 when it has found one. */
export interface Hunt {
  readonly script: string;
  readonly args: readonly string[];
}

/** One kind of hunt. */
export interface Kind {
  /** Its share of the time, against the others'. */
  readonly parts: number;
  /** The least useful time. */
  readonly leastMinutes: number;
  with(minutes: number, seed: number): Hunt;
}

/**
 * In their order. Chaos takes longer than it is told to, since servers start and what was sent arrives: by
 * how much, depends on the machine. It comes first, so that the others share what is left.
 */
export const KINDS: readonly Kind[] = [
  kind("chaos/run.ts", { parts: 3, scenarios: SCENARIOS.length }),
  kind("sim/run.ts", { parts: 2, seedFlag: "--from" }),
  kind("fuzz/run.ts", { parts: 2 }),
  // It judges nothing shorter than a minute.
  kind("soak/run.ts", { parts: 2, leastMinutes: 1 }),
  kind("hunt/properties.ts", { parts: 1 }),
];

interface KindOptions {
  readonly parts: number;
  readonly leastMinutes?: number;
  readonly seedFlag?: string;
  /** What it plays one after another, each for the minutes it is told. */
  readonly scenarios?: number;
}

function kind(
  script: string,
  { parts, leastMinutes = 0.1, seedFlag = "--seed", scenarios = 1 }: KindOptions,
): Kind {
  return {
    parts,
    leastMinutes,
    with: (minutes, seed) => ({
      script: `tests/${script}`,
      args: [
        ...[seedFlag, `${seed}`, "--minutes", rounded(minutes / scenarios)],
        ...(scenarios > 1 ? ["--within", rounded(minutes)] : []),
      ],
    }),
  };
}

const rounded = (minutes: number) => `${Math.round(minutes * 1000) / 1000}`;

const partsOf = (kinds: readonly Kind[]) => kinds.reduce((sum, { parts }) => sum + parts, 0);

/** The least that can be shared out, minutes. */
export const MIN_MINUTES = Math.max(
  ...KINDS.map(({ leastMinutes, parts }) => leastMinutes * partsOf(KINDS) / parts),
);

/** How many of the minutes that are left the first of the kinds gets, when the others are still to come. */
export function shareOfFirst(kinds: readonly Kind[], minutesLeft: number): number {
  const { parts, leastMinutes } = kinds[0]!;
  return Math.max(leastMinutes, minutesLeft * parts / partsOf(kinds));
}
