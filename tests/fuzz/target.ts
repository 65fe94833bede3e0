/** Something that takes input from outside, and what must hold of it whatever that input is. */
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
   * Tries one input, which comes from `random` alone. Returns what became of it in a word or two, to be counted: a hunt in which
   * everything is refused at the door finds nothing.
   *
   * @throws when something came of it that must not.
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
