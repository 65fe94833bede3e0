/** Windows in a row that make a series a steady one, and windows without it that end it. */
export const STEADY_WINDOWS = 3;

/** Series that a window shows to have begun or to have stopped, by their numbers. */
export interface Turnover {
  /** It is the third window of each in a row, and they were in none of those before. */
  readonly begun: readonly number[];
  /** It is the third window without each of them. They were steady before. */
  readonly stopped: readonly number[];
}

/**
 * Which series begin and which stop, from window to window. A series is known by a number that tells it
 * apart, so a hundred thousand of them take a megabyte. One that comes and goes is neither.
 */
export class SeriesTurnover {
  /** Ascending. */
  private numbers = new Float64Array();
  /**
   * Of each: windows in a row, up to {@link STEADY_WINDOWS}; below 0: windows that a steady one has missed.
   */
  private ages = new Int8Array();
  private hasBegun = false;

  /** @param present The series of the next window, ascending; one may be there several times. */
  take(present: Float64Array): Turnover {
    const { ages: oldAges, numbers: old } = this;
    const numbers = new Float64Array(old.length + present.length);
    const ages = new Int8Array(numbers.length);
    const begun: number[] = [];
    const stopped: number[] = [];
    let count = 0;
    const keep = (number: number, age: number) => {
      numbers[count] = number;
      ages[count++] = age;
    };
    for (let i = 0, j = 0; i < old.length || j < present.length;) {
      const known = i < old.length ? old[i]! : Infinity;
      const next = j < present.length ? present[j]! : Infinity;
      const age = known <= next ? oldAges[i++]! : 0;
      if (known < next) {
        const missed = age === STEADY_WINDOWS ? -1 : age - 1;
        // One that was not steady yet is forgotten.
        if (missed === -STEADY_WINDOWS) stopped.push(known);
        else if (missed < 0) keep(known, missed);
        continue;
      }
      while (present[j] === next) j++;
      // What the first window has was there before.
      const aged = age < 0 || age === STEADY_WINDOWS || !this.hasBegun ? STEADY_WINDOWS : age + 1;
      if (age === STEADY_WINDOWS - 1) begun.push(next);
      keep(next, aged);
    }
    this.numbers = numbers.slice(0, count);
    this.ages = ages.slice(0, count);
    this.hasBegun = true;
    return { begun, stopped };
  }
}
