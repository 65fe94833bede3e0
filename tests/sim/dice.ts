import { randomNumbers } from "../support/event_stream.ts";

/** Random numbers from a seed: the same numbers for the same seed. */
export class Dice {
  /** Uniform in [0, 1). */
  readonly random: () => number;

  constructor(seed: number) {
    this.random = randomNumbers(seed);
    // The first numbers are skipped, since those of neighbouring seeds are similar.
    for (let i = 0; i < 4; i++) this.random();
  }

  /** Separate dice for a part, so that the throws of one part do not change those of another. */
  fork(): Dice {
    return new Dice(Math.floor(this.random() * 2 ** 32));
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.random() * choices.length)]!;
  }
}
