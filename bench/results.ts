import { readFileSync, writeFileSync } from "node:fs";

/**
 * The rate of the handler by that of the script beside it, by what was measured. It says more than a rate
 * alone, since both slow down on a slower or busier machine.
 */
export type Results = Record<string, number>;

/** What is slower than before by more than this part fails the benchmark. */
export const SLOWER_MAX = 0.1;

export interface Comparison {
  readonly name: string;
  readonly before: number;
  readonly now: number;
  /** Whether it is slower by more than {@link SLOWER_MAX}. */
  readonly isSlower: boolean;
}

/** The results of which both have one, in the order of the new ones. */
export function compared(before: Readonly<Results>, now: Readonly<Results>): Comparison[] {
  return Object.entries(now).filter(([name]) => Object.hasOwn(before, name)).map(([name, value]) => ({
    name,
    before: before[name]!,
    now: value,
    isSlower: value < before[name]! * (1 - SLOWER_MAX),
  }));
}

/** @throws where the file is not what {@link writeResults} writes. */
export function readResults(path: string | URL): Results {
  const results: unknown = JSON.parse(readFileSync(path, "utf8"));
  const isResults = typeof results === "object" && results !== null && !Array.isArray(results) &&
    Object.values(results).every((value) => typeof value === "number" && value > 0);
  if (!isResults) throw new Error(`${path} holds something else than ratios above 0 by their names`);
  return results as Results;
}

/** Results that were not measured anew stay. */
export function writeResults(path: string | URL, now: Readonly<Results>): void {
  const rounded = Object.entries(now).map(([name, value]) => [name, Number(value.toFixed(3))]);
  const results = { ...readResults(path), ...Object.fromEntries(rounded) };
  writeFileSync(path, `${JSON.stringify(results, Object.keys(results).sort(), 2)}\n`);
}
