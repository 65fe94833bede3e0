/** Decides which sinks aggregates go to. */
export interface RouteTable {
  /** For windows of a length, ms. */
  ofLength(lengthMs: number): NameRoutes;
}

/** Decides which sinks the aggregates of a name go to; `none` is the empty list. */
export interface NameRoutes {
  sinksFor(name: string): readonly string[];
  /** The sinks for all names, where they are the same. Then names need not be looked at. */
  readonly always: readonly string[] | undefined;
}
