/** A part that takes input from outside, and the rules that must hold for any input. */
export interface Target {
  readonly name: string;
  /** What is tried, for the report. */
  readonly what: string;
  /** What `make fuzz` has to be told so that it builds the same; undefined: nothing. */
  readonly parameters?: string;
  /** Builds what the inputs are tried on. */
  open(): Promise<Trial>;
}

/** A target at work. */
export interface Trial extends AsyncDisposable {
  /**
   * Tries one input, which comes from `random` alone. Returns the result in a word or two, to be counted: a
   * hunt in which every input is refused at once finds nothing.
   *
   * @throws when a rule is broken.
   */
  attempt(random: Random): string | Promise<string>;
  /** Whether what an input does depends on those before it: only all of them together replay a fault. */
  readonly isStateful?: boolean;
  /** Whether every input there is has been tried, where their number is finite. */
  readonly isExhausted?: boolean;
  /** What must hold after all of them. */
  conclude?(): Promise<void>;
}

/** Uniform numbers in [0, 1). */
export type Random = () => number;
