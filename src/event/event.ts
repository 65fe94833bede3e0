/** The published shape of an event. `timestamp` is Unix seconds with fractions. */
export interface VaBusEvent {
  readonly name: string;
  readonly value: number;
  readonly timestamp: number;
  readonly agg_func?: string;
  readonly id?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Longest name accepted, in Unicode code points. */
export const NAME_MAX_CHARACTERS = 512;
