import { randomNumbers } from "../support/event_stream.ts";
import { PATIENCE_MS } from "../support/executable.ts";
import type { Target, Trial } from "./target.ts";

export interface HuntOptions {
  /** The seed of the first input; the next ones follow it. */
  readonly seed: number;
  /** How many inputs at most. */
  readonly inputs: number;
  /** `performance.now()` after which no further input is tried; one always is. */
  readonly deadlineMs: number;
}

/** How many inputs were tried, and what became of them. */
export interface Catch {
  readonly inputs: number;
  readonly outcomes: ReadonlyMap<string, number>;
}

/**
 * Tries inputs on a target, one after another. @throws at the first fault, with the command that replays it.
 */
export async function hunt(target: Target, { seed, inputs, deadlineMs }: HuntOptions): Promise<Catch> {
  const outcomes = new Map<string, number>();
  let tried = 0;
  await using trial = await target.open();
  while (tried < inputs && (tried === 0 || performance.now() < deadlineMs) && !trial.isExhausted) {
    const inputSeed = seed + tried++;
    try {
      const outcome = await attempted(trial, inputSeed);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    } catch (error) {
      const parameters = target.parameters === undefined ? "" : `${target.parameters} `;
      const replay = trial.isStateful ? `--seed ${seed} --inputs ${tried}` : `--seed ${inputSeed} --inputs 1`;
      throw new Error(
        `${target.name}: ${error instanceof Error ? error.message : error}\n` +
          `Replay: make fuzz ARGS="--target ${target.name} ${parameters}${replay}"`,
        { cause: error },
      );
    }
  }
  await trial.conclude?.();
  return { inputs: tried, outcomes };
}

async function attempted(trial: Trial, inputSeed: number): Promise<string> {
  const outcome = trial.attempt(randomNumbers(inputSeed));
  if (typeof outcome === "string") return outcome;
  const { promise: hanging, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no end after ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
  try {
    return await Promise.race([outcome, hanging]);
  } finally {
    clearTimeout(timer);
  }
}

/** One line for the report. */
export function summary(target: Target, { inputs, outcomes }: Catch, seed: number): string {
  const parts = [...outcomes].sort(([, a], [, b]) => b - a).map(([outcome, count]) => `${count} ${outcome}`);
  return `${target.name}: ${inputs} inputs from seed ${seed}: ${parts.join(", ")}`;
}
